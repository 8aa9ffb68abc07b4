import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beside, ROOT } from '../beside.ts';
import type { Commands } from './server-child.ts';

const cache = join(ROOT, 'node_modules/.cache/loadline-bench');
const BUILD_LIMIT_MS = 15 * 60_000;

export type Built = {
  readonly client: string;
  readonly commands: Commands;
  /** Why there is no peer; undefined when there is one. */
  readonly peerMissing: string | undefined;
};

/** What the bench starts: our side, which is compiled as the bench itself is, and the peers, which are optional. */
export function build(): Built {
  const peer = join(cache, 'go-control-plane');
  const peerMissing = buildPeer(peer);
  return {
    client: beside(import.meta, 'client-process'),
    peerMissing,
    commands: {
      loadline: [process.execPath, beside(import.meta, 'loadline-process')],
      ...(peerMissing === undefined
        ? { linear: [peer, '-cache', 'linear'], snapshot: [peer, '-cache', 'snapshot'] }
        : {}),
    },
  };
}

function buildPeer(binary: string): string | undefined {
  const done = spawnSync('go', ['build', '-buildvcs=false', '-o', binary, '.'], {
    cwd: join(ROOT, 'bench/peers/go-control-plane'),
    encoding: 'utf8',
    timeout: BUILD_LIMIT_MS,
  });
  if (done.status === 0) return undefined;
  if ((done.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'go is not installed';
  return `go build failed: ${done.error?.message ?? done.stderr.trim()}`;
}
