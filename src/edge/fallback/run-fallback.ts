import { resolve } from 'node:path';
import type { Resource } from '../../core/resources/index.ts';
import { NEWEST_RELEASE, type SnapshotKey } from '../../core/snapshot/index.ts';
import { createLog, type Log, type LogLevel } from '../observe/index.ts';
import { Fallback } from './fallback.ts';
import { Followed } from './followed.ts';
import { Keeper } from './keeper.ts';
import { KeptSnapshot } from './kept-snapshot.ts';
import { readFiles } from './read-files.ts';

export type RunFallbackOptions = {
  /** Bootstrap of the Envoy beside it. */
  readonly bootstrap: string;
  /** File with what is kept. */
  readonly keep: string;
  /** A copy of such a file, read when there is none. */
  readonly seed?: string | undefined;
  readonly logLevel: LogLevel;
};

/** `loadline fallback`: runs until SIGTERM or SIGINT, whether the server is there or not. */
export async function runFallback({ bootstrap, keep, seed, logLevel }: RunFallbackOptions): Promise<number> {
  const ended = new Promise<NodeJS.Signals>((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done(signal));
  });
  const beside = await readFiles(bootstrap);
  const log = await createLog({ level: logLevel });
  const { group, listeners: listenerOverrides } = beside;
  const key: SnapshotKey = { group, release: NEWEST_RELEASE, listenerOverrides };
  const kept = new KeptSnapshot(resolve(keep), key);
  const followed = new Followed(key, await loaded(kept, seed, key, log));
  const fallback = new Fallback({ beside, key, followed, keeper: new Keeper(kept, log), log });
  await fallback.start();
  log.info({ signal: await ended }, 'fallback is ending');
  await fallback.stop();
  return 0;
}

async function loaded(
  kept: KeptSnapshot,
  seed: string | undefined,
  key: SnapshotKey,
  log: Log,
): Promise<readonly Resource[]> {
  for (const file of [kept, ...(seed === undefined ? [] : [new KeptSnapshot(resolve(seed), key)])]) {
    const { resources, problem } = await file.load();
    if (problem !== undefined) log.warn({ path: file.path, reason: problem }, 'kept snapshot not used');
    if (resources.length === 0) continue;
    log.info({ path: file.path, resources: resources.length }, 'kept snapshot read');
    return resources;
  }
  return [];
}
