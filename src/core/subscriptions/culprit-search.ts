import type { Resource } from '../resources/index.ts';

type Trial = {
  resources: readonly Resource[];
  readonly message: string;
  /** The other half of what was refused: if this one is good, that one is not. */
  readonly twin?: Trial;
  /** One of its members is at fault; nobody need ask. */
  isBad: boolean;
};

/** What the search wants to be done next. */
export type SearchStep =
  | { readonly kind: 'Try'; readonly resources: readonly Resource[] }
  /** It follows from the trials before that this one is what was refused. */
  | { readonly kind: 'Found'; readonly resource: Resource; readonly message: string }
  | { readonly kind: 'Over' };

/**
 * Finds out which resource of a refused response is at fault when the client's words do not tell: the suspects are halved, and
 * each half goes out by itself, one after the other. A half that must be at fault, because the other was taken, is halved
 * without being tried.
 */
export class CulpritSearch {
  readonly #trials: Trial[] = [];
  #tried: Trial | undefined;
  /** The group that `next` gave is just what was refused; else its being taken proves nothing. */
  #goesWhole = false;

  get isOn(): boolean {
    return this.#trials.length > 0;
  }

  /** With a hint the others are tried first: if they are taken, it was the one that the hint names. */
  start(suspects: readonly Resource[], message: string, hint?: string): void {
    const others = suspects.filter(({ name }) => name !== hint);
    const hinted = suspects.filter(({ name }) => name === hint);
    if (hinted.length === 0 || others.length === 0) this.#trials.unshift(...halves(suspects, message));
    else this.#trials.unshift(...twins(others, hinted, message));
  }

  /**
   * Whether the search that goes on explains a refusal of these: all among which the culprit is sought are there. Then it is
   * about these versions from now on.
   */
  explains(suspects: readonly Resource[]): boolean {
    const byName = new Map(suspects.map((one) => [one.name, one]));
    const sought = this.#trials.flatMap(({ resources }) => resources);
    if (sought.length === 0 || !sought.every(({ name }) => byName.has(name))) return false;
    for (const trial of this.#trials) {
      trial.resources = trial.resources.map((one) => byName.get(one.name) ?? one);
      trial.isBad = false;
    }
    return true;
  }

  /**
   * `openOf` gives what is still to be tried under a name: its newest version, so that resources that change all the time are
   * found as well; undefined when it is not wanted any more, or is held or refused.
   */
  next(openOf: (name: string) => Resource | undefined): SearchStep {
    for (let trial = this.#trials[0]; trial !== undefined; trial = this.#trials[0]) {
      const open = trial.resources.flatMap(({ name }) => openOf(name) ?? []);
      const unchanged = open.every((one) => trial?.resources.some((other) => sameVersion(one, other)));
      const whole = unchanged && open.length === trial.resources.length;
      this.#goesWhole = whole;
      const sure = trial.isBad && whole;
      if (open.length > 0 && !sure) return { kind: 'Try', resources: open };
      this.#trials.shift();
      if (!sure) continue;
      const [only] = open;
      if (open.length === 1 && only !== undefined) return { kind: 'Found', resource: only, message: trial.message };
      this.#trials.unshift(...halves(open, trial.message));
    }
    return { kind: 'Over' };
  }

  /** The group that `next` gave goes out. */
  sent(): void {
    const trial = this.#trials.shift();
    this.#tried = this.#goesWhole ? trial : undefined;
  }

  /** The client answered the group. */
  answered(taken: boolean): void {
    if (taken && this.#tried?.twin !== undefined) this.#tried.twin.isBad = true;
    this.#tried = undefined;
  }
}

function halves(resources: readonly Resource[], message: string): readonly Trial[] {
  const middle = Math.ceil(resources.length / 2);
  return twins(resources.slice(0, middle), resources.slice(middle), message);
}

function twins(first: readonly Resource[], second: readonly Resource[], message: string): readonly Trial[] {
  const twin: Trial = { resources: second, message, isBad: false };
  return [{ resources: first, message, isBad: false, twin }, twin];
}

function sameVersion(a: Resource, b: Resource): boolean {
  return a.name === b.name && a.version === b.version;
}
