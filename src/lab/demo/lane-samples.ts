import type { SharePoint } from './time-to-shift.ts';

/** What the Envoys of one lane said at one time, per server, in the order of the fleet. */
export type LaneSample = {
  /** On the clock of the run; negative while warming up. */
  readonly tMs: number;
  /** Weights in use, as parts of their sum, averaged over the lane's Envoys: what was ACKed and applied. */
  readonly weightShares: readonly number[];
  /** Mean integer weight over the lane's Envoys. */
  readonly weights: readonly number[];
  /** Requests ever issued, summed over the lane's Envoys. */
  readonly issuedTotals: readonly number[];
  readonly inFlight: readonly number[];
};

/** Issued shares are read over so long: at some 30 requests a second one second holds too few to tell shares apart. */
export const SHARE_WINDOW_MS = 3000;

/** The samples of a lane in the order of time, and what can be read from them. */
export class LaneSamples {
  readonly #samples: LaneSample[] = [];

  get latest(): LaneSample | undefined {
    return this.#samples.at(-1);
  }

  get all(): readonly LaneSample[] {
    return this.#samples;
  }

  add(sample: LaneSample): void {
    this.#samples.push(sample);
  }

  weightSharesOf(server: number): readonly SharePoint[] {
    return this.#samples.map(({ tMs, weightShares }) => ({ tMs, share: weightShares[server]! }));
  }

  /** Over the window that ends at each sample; samples without a predecessor or without requests are left out. */
  issuedSharesOf(server: number): readonly SharePoint[] {
    return this.#samples.flatMap(({ tMs }, index) => {
      const shares = this.issuedSharesAt(index);
      return shares === undefined ? [] : [{ tMs, share: shares[server]! }];
    });
  }

  issuedSharesAt(index: number): readonly number[] | undefined {
    const now = this.#samples[index];
    if (now === undefined) return undefined;
    let then = index;
    while (then > 0 && now.tMs - this.#samples[then]!.tMs < SHARE_WINDOW_MS) then -= 1;
    const before = this.#samples[then]!;
    const issued = now.issuedTotals.map((total, server) => Math.max(0, total - before.issuedTotals[server]!));
    const sum = issued.reduce((all, each) => all + each, 0);
    return sum === 0 ? undefined : issued.map((each) => each / sum);
  }

  /** One row a second, `[tMs, server 1, server 2, …]`, as out.json carries it. */
  eachSecond(valuesAt: (index: number) => readonly number[] | undefined): readonly (readonly number[])[] {
    const rows: (readonly number[])[] = [];
    let lastSecond = Number.NEGATIVE_INFINITY;
    for (const [index, { tMs }] of this.#samples.entries()) {
      const second = Math.floor(tMs / 1000);
      if (second <= lastSecond) continue;
      const values = valuesAt(index);
      if (values === undefined) continue;
      lastSecond = second;
      rows.push([Math.round(tMs), ...values.map((value) => Number(value.toFixed(4)))]);
    }
    return rows;
  }

  /**
   * Time mean of the fullest server's batch over the mean batch, batches as parts of their slots: 1 is even.
   * Undefined when there was no request in flight in [fromMs, toMs).
   */
  imbalance(slots: readonly number[], fromMs: number, toMs: number): number | undefined {
    let sum = 0;
    let count = 0;
    for (const { tMs, inFlight } of this.#samples) {
      if (tMs < fromMs || tMs >= toMs) continue;
      const fill = inFlight.map((requests, server) => requests / slots[server]!);
      const mean = fill.reduce((all, each) => all + each, 0) / fill.length;
      if (mean === 0) continue;
      sum += Math.max(...fill) / mean;
      count += 1;
    }
    return count === 0 ? undefined : sum / count;
  }
}
