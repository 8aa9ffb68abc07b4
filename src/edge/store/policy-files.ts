import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { contentHash } from '../../base/units/index.ts';
import { readPlainText } from './plain-text.ts';

export type PolicyText = {
  readonly name: string;
  readonly text: string;
  /** Where the text begins in the file of that name, when it is a part of it. From 1. */
  readonly firstLine?: number;
};

export type PolicyRead =
  | { readonly ok: true; readonly files: readonly PolicyText[]; readonly hash: string }
  | { readonly ok: false; readonly reason: string };

const POLICY_FILE = /\.ya?ml$/;
/** Of all files together. Beyond this nothing is read; the policy room has its own, smaller limit for a file, with a better message. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 1000;
/** Names stand in messages, which go to terminals: nothing that moves a cursor there. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const POLL_MS = 500;

/**
 * Reads the policy at a path: one file, or a folder with its `*.yaml` and `*.yml` (not hidden, not recursive), in the
 * order of their names. Names are as the operator gave them, so that errors point where she looks.
 */
export function readPolicyFiles(path: string): PolicyRead {
  try {
    const paths = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => POLICY_FILE.test(name) && !name.startsWith('.'))
          .sort()
          .map((name) => join(path, name))
      : [path];
    if (paths.length === 0) return { ok: false, reason: `no *.yaml or *.yml file in ${path}` };
    if (paths.length > MAX_FILES)
      return { ok: false, reason: `${path} has ${paths.length} policy files; at most ${MAX_FILES} are read` };
    const odd = paths.find((name) => printable(name) !== name);
    if (odd !== undefined)
      return { ok: false, reason: `the name of the file ${printable(odd)} is not printable; rename it` };
    let left = MAX_BYTES;
    const files = paths.map((name) => {
      const text = readPlainText(name, left);
      if (text === undefined)
        throw new Error(`with ${name} there are more than ${MAX_BYTES} bytes of policies; at most so many are read`);
      left -= Buffer.byteLength(text);
      return { name: shortName(name), text };
    });
    return { ok: true, files, hash: contentHash(JSON.stringify(files)) };
  } catch (error) {
    return { ok: false, reason: `${path} cannot be read: ${(error as Error).message}` };
  }
}

function printable(name: string): string {
  return name.replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

function shortName(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

/**
 * Calls back when the content at the path is another one than last time. Polls: change notifications miss atomic renames
 * and mounted ConfigMaps, and a second's delay is nothing to a policy. A change is told only after two equal reads, so
 * that a file that is being written is not read half.
 */
export class PolicyWatch {
  readonly #path: string;
  readonly #changed: (read: PolicyRead) => void;
  #told: string;
  #pending: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, first: PolicyRead, changed: (read: PolicyRead) => void) {
    this.#path = path;
    this.#told = fingerprint(first);
    this.#changed = changed;
  }

  start(): void {
    this.#timer = setInterval(() => this.poll(), POLL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  poll(): void {
    const read = readPolicyFiles(this.#path);
    const now = fingerprint(read);
    if (now === this.#told) {
      this.#pending = undefined;
    } else if (now === this.#pending) {
      this.#told = now;
      this.#pending = undefined;
      this.#changed(read);
    } else {
      this.#pending = now;
    }
  }
}

function fingerprint(read: PolicyRead): string {
  return read.ok ? read.hash : `unreadable: ${read.reason}`;
}
