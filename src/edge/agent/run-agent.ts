import { createLog, type LogLevel } from '../observe/index.ts';
import { Agent, type AgentOptions } from './agent.ts';

export type RunAgentOptions = AgentOptions & { readonly logLevel: LogLevel };

/** `loadline agent`: runs until SIGTERM or SIGINT, whether the server is there or not. */
export async function runAgent({ logLevel, ...options }: RunAgentOptions): Promise<number> {
  const log = await createLog({ level: logLevel });
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  const agent = new Agent(options, log);
  agent.start();
  const { name, server, intervalMs } = options;
  log.info({ name, server, intervalMs }, 'agent is running');
  const signal = await ended;
  agent.stop();
  // One turn for what is being read to be killed, and for the end of the stream to go out.
  await new Promise((resolve) => setImmediate(resolve));
  log.info({ signal }, 'agent ended');
  return 0;
}
