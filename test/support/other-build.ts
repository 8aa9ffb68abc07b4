import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['bin', 'dist'];

export type OtherBuild = { readonly bin: string; dispose(): void };

/**
 * A Loadline that is built as this one but for one text in one of its compiled files: a release that compiles other bytes. Throws
 * when the text does not stand there exactly once.
 */
export function otherBuild(file: string, text: string, replacement: string): OtherBuild {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-build-'));
  for (const name of readdirSync(ROOT)) {
    if (name.startsWith('.')) continue;
    if (COPIED.includes(name)) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    else symlinkSync(join(ROOT, name), join(folder, name));
  }
  const path = join(folder, 'dist', file);
  const before = readFileSync(path, 'utf8');
  if (before.split(text).length !== 2) throw new Error(`${file} does not hold ${text} exactly once`);
  writeFileSync(path, before.replace(text, replacement));
  return {
    bin: join(folder, 'bin/loadline.js'),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
