import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedEnvoy, type Environment, envoyCache } from './cache-folder.ts';
import { lookUp, type Usable, usableBinary } from './usable-binary.ts';

export type EnvoyAtHand = { readonly binary: string; readonly version: string };

export type AtHand = {
  /** One for each version. */
  readonly envoys: readonly EnvoyAtHand[];
  /** What was looked at and cannot be used, in words. */
  readonly unusable: readonly string[];
};

/**
 * The Envoys of this machine that may be asked: those that were named, else LOADLINE_ENVOY, else `envoy` on PATH and all
 * versions in the cache folder. Nothing is ever downloaded here: a server does not install programs.
 *
 * Binaries come and go while a server runs, so each question looks again; a file that did not change is not started again.
 */
export class EnvoysAtHand {
  readonly #named: readonly string[];
  readonly #env: Environment;
  readonly #known = new Map<string, { readonly stamp: string; readonly usable: Usable }>();

  constructor(options: { readonly binaries?: readonly string[] | undefined; readonly env?: Environment } = {}) {
    this.#named = options.binaries ?? [];
    this.#env = options.env ?? process.env;
  }

  async look(): Promise<AtHand> {
    const unusable: string[] = [];
    const byVersion = new Map<string, EnvoyAtHand>();
    for (const binary of await this.#candidates()) {
      const usable = await this.#usable(binary);
      if ('reason' in usable) unusable.push(`${binary}: ${usable.reason}`);
      else if (!byVersion.has(usable.version)) byVersion.set(usable.version, { binary, version: usable.version });
    }
    return { envoys: [...byVersion.values()], unusable };
  }

  async #candidates(): Promise<readonly string[]> {
    if (this.#named.length > 0) return this.#named;
    const ordered = this.#env.LOADLINE_ENVOY ?? '';
    if (ordered !== '') return [ordered];
    const onPath = await lookUp('envoy', this.#env.PATH ?? '');
    const versions = (await foldersIn(envoyCache(this.#env))).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
    return [...(onPath === undefined ? [] : [onPath]), ...versions.map((name) => cachedEnvoy(name, this.#env))];
  }

  async #usable(binary: string): Promise<Usable> {
    const stamp = await stampOf(binary);
    const known = this.#known.get(binary);
    if (known?.stamp === stamp) return known.usable;
    const usable = await usableBinary(binary);
    this.#known.set(binary, { stamp, usable });
    return usable;
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(join(folder))).sort();
  } catch {
    return []; // nothing was ever installed
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return ''; // it is not there: usableBinary says so
  }
}
