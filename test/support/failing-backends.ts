import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** `Busy` 503, `Unwell` 503 to health checks alone, `Full` 429, `Slow` a second to the answer, `Streams` an answer of 3 s, `CutAnswers` a connection that ends after the first event. */
export type Mode = 'Well' | 'Busy' | 'Unwell' | 'Full' | 'Slow' | 'Streams' | 'CutAnswers';

/** Servers that can be told to fail, in a process of their own. */
export type Failing = {
  readonly ports: readonly number[];
  /** All of them, or the one with that index. Resolves when it is so. */
  mode(mode: Mode, index?: number): Promise<void>;
  stop(): Promise<void>;
};

export async function startFailing(count: number): Promise<Failing> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'failing-backends-process.js'), String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  /** The process writes one short line for each thing that it is told. */
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the servers ended');
    return value as string;
  };
  return {
    ports: JSON.parse(await line()) as number[],
    mode: async (mode, index) => {
      child.stdin.write(`${JSON.stringify({ mode, index })}\n`);
      await line();
    },
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
