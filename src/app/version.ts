import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's version, read from its package.json, which stands above both `src` and `dist`. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const root = dirname(dirname(import.meta.dirname));
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
