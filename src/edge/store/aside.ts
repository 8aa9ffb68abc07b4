import type { FileSystem } from './file-system.ts';

/** Files that cannot be used, one of each name, the newest: for who looks into what happened. */
const ASIDE = '.unusable';

/** Moves a file away, so that what is saved next does not take it from who looks into it. @returns what became of it, in words. Never rejects. */
export async function moveAside(fs: FileSystem, path: string): Promise<string> {
  return told(path, () => fs.rename(path, path + ASIDE));
}

/** As {@link moveAside}, of a file that stays in use. */
export async function keepAside(fs: FileSystem, path: string): Promise<string> {
  return told(path, async () => {
    await fs.remove(path + ASIDE);
    await fs.link(path, path + ASIDE);
  });
}

async function told(path: string, act: () => Promise<void>): Promise<string> {
  try {
    await act();
    return `it is kept as ${path}${ASIDE}`;
  } catch (error) {
    return `it cannot be kept aside: ${(error as Error).message}`;
  }
}
