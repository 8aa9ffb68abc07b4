import type { Resource } from '../resources/index.ts';

type Trial = {
  readonly resources: readonly Resource[];
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

  get isOn(): boolean {
    return this.#trials.length > 0;
  }

  start(suspects: readonly Resource[], message: string): void {
    this.#trials.unshift(...halves(suspects, message));
  }

  /** Whether the search that goes on explains a refusal of these: all among which the culprit is sought are there. */
  explains(suspects: readonly Resource[]): boolean {
    const sought = this.#trials.flatMap(({ resources }) => resources);
    return sought.length > 0 && sought.every((one) => suspects.some((other) => sameVersion(one, other)));
  }

  /** `isOpen`: the resource is still wanted in this version, and not held or refused. A newer one goes its ordinary way. */
  next(isOpen: (resource: Resource) => boolean): SearchStep {
    for (let trial = this.#trials[0]; trial !== undefined; trial = this.#trials[0]) {
      const open = trial.resources.filter(isOpen);
      const sure = trial.isBad && open.length === trial.resources.length;
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
    this.#tried = this.#trials.shift();
  }

  /** The client answered; `taken` says how many resources it took, undefined that it refused. */
  answered(taken: number | undefined): void {
    const tried = this.#tried;
    this.#tried = undefined;
    // Only if it went whole: what was left out may be what was refused.
    if (tried?.twin !== undefined && taken === tried.resources.length) tried.twin.isBad = true;
  }
}

function halves(resources: readonly Resource[], message: string): readonly Trial[] {
  const middle = Math.ceil(resources.length / 2);
  const second: Trial = { resources: resources.slice(middle), message, isBad: false };
  return [{ resources: resources.slice(0, middle), message, isBad: false, twin: second }, second];
}

function sameVersion(a: Resource, b: Resource): boolean {
  return a.name === b.name && a.version === b.version;
}
