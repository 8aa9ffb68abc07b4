import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { contentHash } from '../../base/units/index.ts';

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
/** Beyond this a file is not read at all; the policy room has its own, smaller limit with a better message. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
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
    const files = paths.map((name) => {
      const { size } = statSync(name);
      if (size > MAX_FILE_BYTES)
        throw new Error(`${name} has ${size} bytes; a policy file has at most ${MAX_FILE_BYTES}`);
      return { name: shortName(name), text: readFileSync(name, 'utf8') };
    });
    return { ok: true, files, hash: contentHash(JSON.stringify(files)) };
  } catch (error) {
    return { ok: false, reason: `${path} cannot be read: ${(error as Error).message}` };
  }
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
