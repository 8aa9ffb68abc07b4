import type { PoliciesSeam } from '../edge/admin/index.ts';
import { type PolicyRead, type PolicyText, PolicyWatch, readPolicyFiles } from '../edge/store/index.ts';

export type TakenBack = { readonly tried: readonly PolicyText[]; readonly inForce: readonly PolicyText[] };

/** Where the policies come from: files, or the store. One of them is the only writer. */
export interface PolicySource {
  /** What it is, in words for the log and the timeline. */
  readonly name: string;
  /** Whether a server may start before there is a policy, because one can still be given to it. */
  readonly mayBeEmpty: boolean;
  /** What the API works on. Only after it was opened. */
  readonly owner: PoliciesSeam['owner'];
  /** The first read. Bad content is a value; @throws LoadlineError LOADLINE_STORE when the source cannot be used at all. */
  open(): Promise<PolicyRead>;
  /** Tells each read that differs from the one before, from {@link open} on. */
  follow(changed: (read: PolicyRead) => void): void;
  /** A change was taken back: where nobody else writes, what is in force is to be what is written. Whether it was. Never rejects. */
  takeBack(texts: TakenBack, reason: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Policies in a file or a folder (`--policies`). */
export class FilePolicies implements PolicySource {
  readonly name: string;
  readonly mayBeEmpty = false;
  #first: PolicyRead | undefined;
  #watch: PolicyWatch | undefined;

  constructor(path: string) {
    this.name = path;
  }

  get owner(): PoliciesSeam['owner'] {
    return { kind: 'Files', path: this.name, read: () => readPolicyFiles(this.name) };
  }

  async open(): Promise<PolicyRead> {
    this.#first = readPolicyFiles(this.name);
    return this.#first;
  }

  follow(changed: (read: PolicyRead) => void): void {
    if (this.#first === undefined) throw new Error('the policies were not opened');
    this.#watch = new PolicyWatch(this.name, this.#first, changed);
    this.#watch.start();
  }

  /** The files are their author's, and stay as they are. */
  async takeBack(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {
    this.#watch?.stop();
  }
}
