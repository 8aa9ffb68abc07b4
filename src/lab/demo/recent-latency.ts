import { LatencyHistogram } from '../traffic/index.ts';

const SLICE_MS = 1000;
const SLICES = 10;

/** Latencies of the last ten seconds, for the live table: one histogram a second, the oldest makes room. */
export class RecentLatency {
  readonly #slices: { second: number; histogram: LatencyHistogram }[] = [];

  record(nowMs: number, ms: number): void {
    const second = Math.floor(nowMs / SLICE_MS);
    if (this.#slices.at(-1)?.second !== second) this.#slices.push({ second, histogram: new LatencyHistogram() });
    this.#slices.at(-1)!.histogram.record(ms);
    while (this.#slices.length > SLICES) this.#slices.shift();
  }

  percentilesMs(nowMs: number): { readonly p50: number | undefined; readonly p99: number | undefined } {
    const oldest = Math.floor(nowMs / SLICE_MS) - SLICES;
    const merged = new LatencyHistogram();
    for (const { second, histogram } of this.#slices) if (second > oldest) merged.add(histogram);
    return { p50: merged.percentileMs(0.5), p99: merged.percentileMs(0.99) };
  }
}
