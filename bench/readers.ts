import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Delta clients in a worker thread, so that the server's CPU can be told from theirs. */
export type Readers = { allHave(version: string): Promise<void>; stop(): void };

export async function startReaders(address: string, streams: number, typeUrl: string): Promise<Readers> {
  const worker = new Worker(new URL('./readers-worker.ts', import.meta.url), {
    workerData: { address, streams, typeUrl },
    execArgv: ['--import', 'tsx'],
  });
  await once(worker, 'message');
  return {
    async allHave(version) {
      const answer = once(worker, 'message');
      worker.postMessage(version);
      await answer;
    },
    stop: () => worker.postMessage(''),
  };
}
