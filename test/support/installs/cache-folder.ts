import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a program of others is kept once it is built: beside Envoy's binaries, in LOADLINE_CACHE, else XDG_CACHE_HOME, else ~/.cache. */
export function cacheFolderOf(name: string, version: string): string {
  const { env } = process;
  const base = env.LOADLINE_CACHE ?? join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), '.cache'), 'loadline');
  return join(base, name, version);
}
