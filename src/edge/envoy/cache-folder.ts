import { homedir } from 'node:os';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where an installed Envoy of that version lies: below LOADLINE_CACHE, else XDG_CACHE_HOME, else ~/.cache. */
export function cachedEnvoy(version: string, env: Environment): string {
  return join(envoyCache(env), version, 'envoy');
}

export function envoyCache(env: Environment): string {
  const base = env.LOADLINE_CACHE ?? join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), '.cache'), 'loadline');
  return join(base, 'envoy');
}
