import { fork } from 'node:child_process';
import { once } from 'node:events';
import { beside } from './beside.ts';

/** Delta clients in a process of their own, so that the server's CPU can be told from theirs. */
export type Readers = { allHave(version: string): Promise<void>; stop(): Promise<void> };

export async function startReaders(address: string, streams: number, typeUrl: string): Promise<Readers> {
  const child = fork(beside(import.meta, 'readers-process'), [address, String(streams), typeUrl]);
  const exited = once(child, 'exit');
  const answer = async (): Promise<void> => {
    const outcome = await Promise.race([once(child, 'message'), exited.then(([code]) => `exit code ${code}`)]);
    if (typeof outcome === 'string') throw new Error(`the readers ended: ${outcome}`);
  };
  await answer();
  return {
    async allHave(version) {
      const arrived = answer();
      child.send(version);
      await arrived;
    },
    async stop() {
      child.kill();
      await exited;
    },
  };
}
