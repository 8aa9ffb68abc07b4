import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Commands } from './server-child.ts';

const root = join(import.meta.dirname, '../..');
const cache = join(root, 'node_modules/.cache/loadline-bench');
const BUILD_LIMIT_MS = 15 * 60_000;

export type Built = {
  readonly client: string;
  readonly commands: Commands;
  /** Why there is no peer; undefined when there is one. */
  readonly peerMissing: string | undefined;
};

/** Builds what the bench starts. The peers are optional, our own side is not. */
export function build(): Built {
  const js = compile();
  const peer = join(cache, 'go-control-plane');
  const peerMissing = buildPeer(peer);
  return {
    client: join(js, 'client-process.js'),
    peerMissing,
    commands: {
      loadline: [process.execPath, join(js, 'loadline-process.js')],
      ...(peerMissing === undefined
        ? { linear: [peer, '-cache', 'linear'], snapshot: [peer, '-cache', 'snapshot'] }
        : {}),
    },
  };
}

/**
 * Compiles our side as the product is compiled. Under tsx each closure would be wrapped to keep its name, hot paths
 * included, and the loader's own thread would count as the server's.
 */
function compile(): string {
  const js = join(cache, 'js');
  mkdirSync(js, { recursive: true });
  writeFileSync(join(js, 'package.json'), '{ "type": "module" }\n');
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: root,
      outDir: js,
      noEmit: false,
      noCheck: true,
      declaration: false,
      isolatedDeclarations: false,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [],
    files: ['loadline-process.ts', 'client-process.ts'].map((file) => join(import.meta.dirname, file)),
  };
  writeFileSync(join(cache, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', cache], { encoding: 'utf8', timeout: BUILD_LIMIT_MS });
  if (done.status !== 0) throw new Error(`tsc failed: ${done.error?.message ?? done.stdout}`);
  return join(js, 'bench/xds');
}

function buildPeer(binary: string): string | undefined {
  const done = spawnSync('go', ['build', '-buildvcs=false', '-o', binary, '.'], {
    cwd: join(root, 'bench/peers/go-control-plane'),
    encoding: 'utf8',
    timeout: BUILD_LIMIT_MS,
  });
  if (done.status === 0) return undefined;
  if ((done.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'go is not installed';
  return `go build failed: ${done.error?.message ?? done.stderr.trim()}`;
}
