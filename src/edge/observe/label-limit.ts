/** Distinct values that one label takes before new ones are counted together. */
const DEFAULT_MAX = 100;

/** What stands for every value above the limit. */
export const OTHER_LABEL = 'other';

/**
 * Keeps a label whose values come from outside (a node names its own group in `--dev`) from filling memory and scrapes:
 * the first values stand, later ones share one series.
 */
export class LabelLimit {
  readonly #max: number;
  readonly #known = new Set<string>();

  constructor(max: number = DEFAULT_MAX) {
    this.#max = max;
  }

  admit(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#max) return OTHER_LABEL;
    this.#known.add(value);
    return value;
  }
}
