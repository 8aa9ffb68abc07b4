import { fork } from 'node:child_process';
import { end, track } from './children.ts';
import { within } from './clock.ts';
import type { Answer, AnswerTo, Command } from './messages.ts';

/** The load client, as the bench sees it. */
export interface ClientChild {
  /** @throws Error when a stream breaks, the client ends, or the answer is late. */
  ask<C extends Command>(command: C, limitMs: number): Promise<AnswerTo<C['kind']>>;
  stop(): Promise<void>;
}

export function startClient(script: string): ClientChild {
  const child = track(fork(script, [], { execArgv: [] }));
  let answered: ((answer: Answer) => void) | undefined;
  const broken = new Promise<never>((_, reject) => {
    child.on('message', (answer: Answer) => {
      if (answer.kind === 'failed') reject(new Error(`the load client: ${answer.reason}`));
      else answered?.(answer);
    });
    child.once('exit', (code, signal) => reject(new Error(`the load client ended (${code ?? signal})`)));
  });
  broken.catch(() => undefined);
  return {
    ask: async <C extends Command>(command: C, limitMs: number) => {
      const answer = new Promise<Answer>((resolve) => {
        answered = resolve;
      });
      child.send(command);
      const what = `answer of the load client to '${command.kind}'`;
      return (await within(limitMs, what, Promise.race([answer, broken]))) as AnswerTo<C['kind']>;
    },
    stop: () => end(child),
  };
}
