import { envoyVersion, findEnvoy } from '../../src/edge/envoy/index.ts';

/** The oldest release that is supported, one in between and the newest. */
export const RELEASES = ['1.36.4', '1.38.3', '1.40.0'] as const;

/** For the hook that looks for all of them: two downloads of 36 MB. */
export const INSTALL_TIMEOUT_MS = 600_000;

export type Found = { readonly binary: string } | { readonly missing: string };

/** The binary of exactly that version, installed where it is not in the cache yet; or why there is none, which is printed. */
export async function envoyOf(version: string): Promise<Found> {
  const found = await lookFor(version);
  if ('missing' in found) process.stdout.write(`skipped: Envoy ${version}: ${found.missing}\n`);
  return found;
}

async function lookFor(version: string): Promise<Found> {
  // An Envoy that was ordered or stands on PATH would be taken whatever its version.
  const ordered = process.env.LOADLINE_ENVOY ?? '';
  try {
    if (ordered !== '' && (await envoyVersion(ordered)) === version) return { binary: ordered };
    const binary = await findEnvoy({ version, env: { ...process.env, LOADLINE_ENVOY: '' } });
    const found = await envoyVersion(binary);
    return found === version ? { binary } : { missing: `${binary} is ${found}, and on PATH it comes before the cache` };
  } catch (error) {
    // Without the advice that follows what was tried.
    const tried = (error as Error).message.split('\n').filter((line) => line.startsWith('  - '));
    return { missing: tried.find((line) => line.includes('PyPI'))?.slice(4) ?? (error as Error).message };
  }
}
