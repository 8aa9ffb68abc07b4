import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LoadlineError } from '../../base/errors.ts';

const run = promisify(execFile);

/** What is installed when no Envoy is found. The descriptor set in `proto/envoy` is that of the same release. */
export const PINNED_VERSION = '1.40.0';

const OLDEST_MINOR = 36;
const VERSION_TIMEOUT_MS = 15_000;

/**
 * Asks a binary for its version, `1.40.0`. Throws LOADLINE_ENVOY_FAILED when it cannot be run or is no Envoy: other
 * programs are called `envoy` too.
 */
export async function envoyVersion(binary: string): Promise<string> {
  let output: string;
  try {
    output = (await run(binary, ['--version'], { timeout: VERSION_TIMEOUT_MS })).stdout;
  } catch (cause) {
    throw new LoadlineError(
      'LOADLINE_ENVOY_FAILED',
      `${binary} --version: ${firstLine((cause as Error).message)}`,
      cause,
    );
  }
  const match = /version:\s*[0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(output);
  if (match === null) {
    throw new LoadlineError('LOADLINE_ENVOY_FAILED', `${binary} --version does not answer as Envoy does`);
  }
  return match[1] as string;
}

/**
 * Why a version cannot be used, or undefined. 1.38.0 leaves stale hash rings behind after a health flap
 * (envoyproxy/envoy#45212) and was replaced by 1.38.1.
 */
export function unsupportedReason(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < OLDEST_MINOR)) return `version ${version} is older than 1.${OLDEST_MINOR}`;
  if (version === '1.38.0') return 'version 1.38.0 loses hosts after a health flap (envoyproxy/envoy#45212)';
  return undefined;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
