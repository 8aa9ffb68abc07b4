import type { Metric, Sample, Subject } from '../../core/topology/index.ts';
import type { Reading } from './reading.ts';

type Remembered = {
  value: number;
  changedAtMs: number;
  seenAtMs: number;
  stampMs: number | undefined;
};

/**
 * Remembers the last value of each series of one source, to tell when it last differed: an exporter that hangs, or that
 * samples every 30 s, hands out fresh copies of an old value.
 */
export class SeriesMemory {
  /** A series that was not seen for this long is forgotten: GPUs and pods come and go. */
  static readonly KEEP_MS = 600_000;
  /** By metric, and there by what it is about. */
  readonly #series = new Map<Metric, Map<string, Remembered>>();
  readonly #source: string;
  #prunedAtMs = Number.NEGATIVE_INFINITY;
  /** The subject of the last reading, and its key: most sources speak of one endpoint only. */
  #subject: Subject | undefined;
  #subjectKey = '';

  constructor(source: string) {
    this.#source = source;
  }

  get size(): number {
    let size = 0;
    for (const ofMetric of this.#series.values()) size += ofMetric.size;
    return size;
  }

  /**
   * Dates one reading. `receivedAtMs` is when the page was there; `offsetMs` brings the source's clock to ours.
   *
   * @returns undefined when the source dated the value itself and it is the one we had before: nothing is new.
   */
  sample(reading: Reading, subject: Subject, receivedAtMs: number, offsetMs = 0): Sample | undefined {
    this.#prune(receivedAtMs);
    const { metric, value, timestampMs: stampMs, device, buckets } = reading;
    const ofMetric = this.#ofMetric(metric);
    const key = this.#keyOf(reading, subject);
    const before = ofMetric.get(key);
    const old = before !== undefined && stampMs !== undefined && stampMs === before.stampMs;
    const sampledAtMs = stampMs === undefined ? receivedAtMs : Math.min(receivedAtMs, stampMs + offsetMs);
    const changedAtMs = before !== undefined && before.value === value ? before.changedAtMs : sampledAtMs;
    if (before === undefined) ofMetric.set(key, { value, changedAtMs, seenAtMs: receivedAtMs, stampMs });
    else {
      before.value = value;
      before.changedAtMs = changedAtMs;
      before.seenAtMs = receivedAtMs;
      before.stampMs = stampMs;
    }
    if (old) return undefined;
    const sample: Sample = {
      subject,
      metric,
      value,
      sampledAtMs,
      changedAtMs: Math.min(changedAtMs, sampledAtMs),
      source: this.#source,
    };
    if (buckets !== undefined) return { ...sample, buckets };
    return device === undefined ? sample : { ...sample, device };
  }

  #ofMetric(metric: Metric): Map<string, Remembered> {
    let ofMetric = this.#series.get(metric);
    if (ofMetric === undefined) {
      ofMetric = new Map();
      this.#series.set(metric, ofMetric);
    }
    return ofMetric;
  }

  #keyOf({ gpu, pod, node }: Reading, subject: Subject): string {
    if (subject !== this.#subject) {
      this.#subject = subject;
      this.#subjectKey = `${subject.address ?? ''}|${subject.port ?? ''}`;
    }
    if (gpu === undefined && pod === undefined && node === undefined) return this.#subjectKey;
    return `${this.#subjectKey}|${gpu ?? ''}|${pod ?? ''}|${node ?? ''}`;
  }

  #prune(nowMs: number): void {
    if (nowMs - this.#prunedAtMs < SeriesMemory.KEEP_MS / 10) return;
    this.#prunedAtMs = nowMs;
    for (const ofMetric of this.#series.values()) {
      for (const [key, { seenAtMs }] of ofMetric) {
        if (nowMs - seenAtMs > SeriesMemory.KEEP_MS) ofMetric.delete(key);
      }
    }
  }
}
