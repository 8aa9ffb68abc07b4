import { type Random, seededRandom } from '../../../../src/base/units/index.ts';

/** Draws of one case: the same seed gives the same case, whatever runs beside it. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  fraction(): number {
    return this.#random();
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  chance(ratio: number): boolean {
    return this.#random() < ratio;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.between(0, 255);
    return bytes;
  }
}

/** One kind of garbage; the heavier, the more often it is dealt. */
export type Kind<T> = { readonly name: string; readonly weight: number; readonly make: (dice: Dice) => T };
export type Dealt<T> = { readonly name: string; readonly index: number; readonly what: T };

/** So many cases, each kind at least once. They are made one by one: some are megabytes. */
export function* deal<T>(kinds: readonly Kind<T>[], count: number, seed: number): Generator<Dealt<T>> {
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  for (let index = 0; index < count; index += 1) {
    const dice = new Dice(seed + index);
    let left = dice.fraction() * total;
    const drawn = kinds.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    const { name, make } = (kinds[index] ?? drawn) as Kind<T>;
    yield { name, index, what: make(dice) };
  }
}
