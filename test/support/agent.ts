import { CommandProcess } from './command-process.ts';

/** A `loadline agent` process of a test. */
export class AgentProcess extends CommandProcess {
  constructor(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    super('agent', flags, env);
  }
}
