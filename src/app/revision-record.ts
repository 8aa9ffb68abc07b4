import type { Halt, RolloutCause } from '../core/rollout/index.ts';

/** A change that was tried and taken back. It is not tried again until it is another one, or somebody asks for it. */
export type Returned = {
  readonly cause: RolloutCause;
  readonly revision: string;
  /** Version of the Loadline that tried it. */
  readonly release: string;
  readonly halt: Halt;
};

/** What is remembered over a restart. */
export type RolloutMemory = {
  /** The newest of each cause. */
  readonly returned?: readonly Returned[];
  /** What was in force under a release: `1.2.0 8f734e9ca67626fe`, the newest last. */
  readonly good?: readonly string[];
  /** What canaries try, or will when they are free: it was let in already. */
  readonly tried?: string;
};

/** Any of the last hundred revisions can be gone back to at once, from one that came after them, and while others are gone back to. */
const MAX_GOOD = 200;

/** What rollouts have shown of revisions under this release: which were in force, and which were taken back. */
export class RevisionRecord {
  readonly #release: string;
  /** A release that was taken back stays so while policies come and go: one of each cause. */
  #returned: readonly Returned[] = [];
  #good: readonly string[] = [];

  constructor(release: string) {
    this.#release = release;
  }

  get memory(): RolloutMemory {
    return { good: this.#good, returned: this.#returned };
  }

  /** The newest. */
  get returned(): Returned | undefined {
    return this.#returned.at(-1);
  }

  /** A checkpoint may be of another build: what it does not hold as a list is not there. */
  restore({ returned, good }: RolloutMemory): void {
    this.#returned = Array.isArray(returned) ? returned : [];
    this.#good = Array.isArray(good) ? good : [];
  }

  isGood(revision: string): boolean {
    return this.#good.includes(this.#text(revision));
  }

  held(revision: string): void {
    const good = this.#text(revision);
    this.#good = [...this.#good.filter((one) => one !== good), good].slice(-MAX_GOOD);
  }

  wasReturned(cause: RolloutCause, revision: string): boolean {
    const returned = this.#returned.find((one) => one.cause === cause);
    if (returned?.revision !== revision) return false;
    return cause === 'Policy' || returned.release === this.#release;
  }

  takenBack(cause: RolloutCause, revision: string, halt: Halt): void {
    this.forget(cause);
    this.#returned = [...this.#returned, { cause, revision, release: this.#release, halt }];
  }

  /** Forgets what was taken back; of one cause, or of all. */
  forget(cause?: RolloutCause): void {
    this.#returned = cause === undefined ? [] : this.#returned.filter((one) => one.cause !== cause);
  }

  #text(revision: string): string {
    return `${this.#release} ${revision}`;
  }
}
