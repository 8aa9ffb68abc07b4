import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { envoyVersion, unsupportedReason } from './envoy-version.ts';

export type Usable = { readonly version: string } | { readonly reason: string };

/** Whether a file is an Envoy that can be used, and of which version; or why not. */
export async function usableBinary(binary: string): Promise<Usable> {
  try {
    await access(binary, constants.X_OK);
  } catch (error) {
    return { reason: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'is not executable' };
  }
  try {
    const version = await envoyVersion(binary);
    const reason = unsupportedReason(version);
    return reason === undefined ? { version } : { reason };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

/** The first executable of that name in the folders of PATH. */
export async function lookUp(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return undefined;
}
