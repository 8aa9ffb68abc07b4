import type { Sample, Subject } from '../../core/topology/index.ts';
import type { Reading } from './reading.ts';

type Remembered = {
  readonly value: number;
  readonly changedAtMs: number;
  readonly seenAtMs: number;
  readonly stampMs: number | undefined;
};

/**
 * Remembers the last value of each series of one source, to tell when it last differed: an exporter that hangs, or that
 * samples every 30 s, hands out fresh copies of an old value.
 */
export class SeriesMemory {
  /** A series that was not seen for this long is forgotten: GPUs and pods come and go. */
  static readonly KEEP_MS = 600_000;
  readonly #series = new Map<string, Remembered>();
  readonly #source: string;
  #prunedAtMs = Number.NEGATIVE_INFINITY;

  constructor(source: string) {
    this.#source = source;
  }

  get size(): number {
    return this.#series.size;
  }

  /**
   * Dates one reading. `receivedAtMs` is when the page was there; `offsetMs` brings the source's clock to ours.
   *
   * @returns undefined when the source dated the value itself and it is the one we had before: nothing is new.
   */
  sample(reading: Reading, subject: Subject, receivedAtMs: number, offsetMs = 0): Sample | undefined {
    this.#prune(receivedAtMs);
    const stampMs = reading.timestampMs;
    const { address = '', port = '' } = subject;
    const key = `${reading.metric}|${address}|${port}|${reading.gpu ?? ''}|${reading.pod ?? ''}|${reading.node ?? ''}`;
    const before = this.#series.get(key);
    const old = before !== undefined && stampMs !== undefined && stampMs === before.stampMs;
    const sampledAtMs = stampMs === undefined ? receivedAtMs : Math.min(receivedAtMs, stampMs + offsetMs);
    const changedAtMs = before !== undefined && before.value === reading.value ? before.changedAtMs : sampledAtMs;
    this.#series.set(key, { value: reading.value, changedAtMs, seenAtMs: receivedAtMs, stampMs });
    if (old) return undefined;
    return {
      subject,
      metric: reading.metric,
      value: reading.value,
      sampledAtMs,
      changedAtMs: Math.min(changedAtMs, sampledAtMs),
      source: this.#source,
      ...(reading.device === undefined ? {} : { device: reading.device }),
    };
  }

  #prune(nowMs: number): void {
    if (nowMs - this.#prunedAtMs < SeriesMemory.KEEP_MS / 10) return;
    this.#prunedAtMs = nowMs;
    for (const [key, { seenAtMs }] of this.#series) {
      if (nowMs - seenAtMs > SeriesMemory.KEEP_MS) this.#series.delete(key);
    }
  }
}
