import { realpathSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';

/** Of the repository, from the source and from what is compiled of it (`build/` has links to what lies beside it). */
export const ROOT: string = dirname(realpathSync(join(import.meta.dirname, '../package.json')));

/** The file of a process that a bench starts: the sibling of this name, source beside source and compiled beside compiled. */
export function beside({ dirname: folder, filename }: Pick<ImportMeta, 'dirname' | 'filename'>, name: string): string {
  return join(folder, `${name}${extname(filename)}`);
}
