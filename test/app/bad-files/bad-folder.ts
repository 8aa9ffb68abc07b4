import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../../../src/base/units/index.ts';
import { FAMILIES, mutated, pick } from './hostile-texts.ts';

/** Most of the hostile texts are small, because they are many; some are as large as a file may be, and larger. */
const SIZES = [100, 1000, 1000, 10_000, 10_000, 10_000, 100_000, 100_000, 1_000_000, 1_100_000] as const;

/** Things in the place of a policy file that are none. */
const ODD: Readonly<Record<string, (path: string, folder: string) => void>> = {
  folder: (path) => mkdirSync(path),
  'full folder': (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'a.yaml'), 'kind: x\n');
  },
  pipe: (path, folder) => linkSync(join(folder, '..', 'pipe'), path),
  'link to a pipe': (path, folder) => symlinkSync(join(folder, '..', 'pipe'), path),
  'link to itself': (path) => symlinkSync(path, path),
  'link to nowhere': (path) => symlinkSync('/nowhere.yaml', path),
  'link to the folder': (path, folder) => symlinkSync(folder, path),
  'link to zeros': (path) => symlinkSync('/dev/zero', path),
  'link to nothing': (path) => symlinkSync('/dev/null', path),
  'link to a terminal': (path) => symlinkSync('/dev/tty', path),
  'unreadable file': (path) => {
    writeFileSync(path, 'kind: x\n');
    chmodSync(path, 0);
  },
  'huge file': (path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
  },
  'file of zeros': (path) => {
    writeFileSync(path, '');
    truncateSync(path, 4 * 1024 * 1024);
  },
  'name that moves a cursor': (path) => writeFileSync(path.replace(/\w+\.yaml$/, '\u001b[2J\n.yaml'), 'kind: x\n'),
  'long name': (path) => writeFileSync(path.replace(/\w+\.yaml$/, `${'n'.repeat(250)}.yaml`), 'kind: x\n'),
};

/** A folder of policies that is made bad again and again, in a file system in memory where there is one. */
export class BadFolder {
  readonly #root: string;
  readonly #good: readonly string[];
  readonly #random: Random;
  readonly path: string;

  constructor(good: readonly string[], random: Random, parent: string = tmpdir()) {
    this.#root = mkdtempSync(join(parent, 'loadline-bad-files-'));
    this.path = join(this.#root, 'policies');
    this.#good = good;
    this.#random = random;
    execFileSync('mkfifo', [join(this.#root, 'pipe')]);
  }

  /** Whole: a good policy by itself. */
  makeGood(): void {
    this.#empty();
    writeFileSync(join(this.path, 'good.yaml'), this.#good[0] as string);
  }

  /** Another bad folder; in words, what is bad about it. The path of the policies is its folder, or a file in it. */
  makeBad(): { readonly what: string; readonly path: string } {
    const random = this.#random;
    this.#empty();
    const kind = random();
    if (kind < 0.12) return this.#odd();
    if (kind < 0.2) return this.#several();
    const good = pick(this.#good, random);
    const file = join(this.path, 'a.yaml');
    const path = random() < 0.5 ? file : this.path;
    if (kind < 0.6) {
      writeFileSync(file, mutated(good, random));
      return { what: 'a mutated policy', path };
    }
    const family = pick(Object.keys(FAMILIES), random);
    const size = pick(SIZES, random);
    writeFileSync(file, FAMILIES[family]?.(good, size, random) ?? '');
    return { what: `${family}, ${size}`, path };
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  #odd(): { readonly what: string; readonly path: string } {
    const what = pick(Object.keys(ODD), this.#random);
    ODD[what]?.(join(this.path, 'odd.yaml'), this.path);
    if (this.#random() < 0.5) writeFileSync(join(this.path, 'a.yaml'), this.#good[0] as string);
    return { what, path: this.path };
  }

  /** Documents that are there twice, in files that are good by themselves, and now and then too many files. */
  #several(): { readonly what: string; readonly path: string } {
    const count = this.#random() < 0.1 ? 1100 : 1 + Math.floor(this.#random() * 8);
    for (let at = 0; at < count; at += 1) {
      const good = count > 100 ? 'kind: x\n' : pick(this.#good, this.#random);
      writeFileSync(join(this.path, `${at}.yaml`), this.#random() < 0.5 ? good : mutated(good, this.#random));
    }
    return { what: `${count} files`, path: this.path };
  }

  #empty(): void {
    rmSync(this.path, { recursive: true, force: true });
    mkdirSync(this.path);
  }
}
