import type { Waiting } from '../../core/subscriptions/index.ts';

/** Tells the waits of one stream that ended in vain, each once: the machine shows them for as long as they matter. */
export class GivenUpWaits {
  #told = NONE;

  /** Those among them that were not told yet. */
  take(waiting: readonly Waiting[]): readonly Waiting[] {
    const givenUp = waiting.filter(({ gaveUp }) => gaveUp);
    if (givenUp.length === 0 && this.#told.size === 0) return givenUp;
    const told = this.#told;
    this.#told = new Set(givenUp.map(identity));
    return givenUp.filter((one) => !told.has(identity(one)));
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The same thing may wait again later, and for another reason. */
function identity({ typeUrl, name, reason, sinceMs }: Waiting): string {
  return `${typeUrl}\n${name}\n${reason}\n${sinceMs}`;
}
