import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheFolderOf } from '../installs/cache-folder.ts';
import { holdLock } from '../installs/hold-lock.ts';
import { runTool } from '../installs/run-tool.ts';

const MODULE = resolve(import.meta.dirname, '../../peers/kube-apiserver');
const DOWNLOAD_TIMEOUT_MS = 900_000;
/** 2,000 packages, at the lowest priority. */
const BUILD_TIMEOUT_MS = 3_600_000;

/** One for each content of the module, so that a new version is built anew. */
function cacheFolder(): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'main.go']) hash.update(readFileSync(join(MODULE, file)));
  return cacheFolderOf('kube-apiserver', hash.digest('hex').slice(0, 12));
}

/** What an earlier {@link installKubeApiserver} left. */
export function findKubeApiserver(): { readonly binary: string } | { readonly missing: string } {
  const binary = join(cacheFolder(), 'kube-apiserver');
  if (existsSync(binary)) return { binary };
  return { missing: 'kube-apiserver is not built; `npm run kube-apiserver` builds it once, in about ten minutes' };
}

/** Builds and caches a kube-apiserver that has its store in it; what is there already is kept. One at a time. */
export async function installKubeApiserver(log: (text: string) => void): Promise<string> {
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  const release = holdLock(join(folder, 'lock'), 'kube-apiserver is being built');
  try {
    const binary = join(folder, 'kube-apiserver');
    if (!existsSync(binary)) await build(binary, log);
    return binary;
  } finally {
    release();
  }
}

async function build(binary: string, log: (text: string) => void): Promise<void> {
  log('downloading its modules (Go)');
  await runTool('go', ['mod', 'download'], DOWNLOAD_TIMEOUT_MS, { cwd: MODULE });
  log('building kube-apiserver on two cores at the lowest priority: about ten minutes');
  const startedAt = performance.now();
  const made = `${binary}.${process.pid}`;
  const flags = ['-mod=readonly', '-p', '2', '-ldflags', '-s -w', '-o', made];
  await runTool('nice', ['-n', '19', 'go', 'build', ...flags, '.'], BUILD_TIMEOUT_MS, {
    cwd: MODULE,
    env: { CGO_ENABLED: '0' },
  });
  log(`built in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  await rename(made, binary);
}
