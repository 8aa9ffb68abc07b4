import type { Sample, Subject } from '../../core/topology/index.ts';
import type { Push, PushAnswer, PushedMetric, PushReading, PushReport } from '../signals/index.ts';

/** What was read longer ago is not worth sending: every lease that matters is over. */
const KEEP_MS = 60_000;
/** Keeps a message well below the 64 KiB that the server takes; the rest goes with the next. */
const MAX_REPORTS = 120;

type Entry = {
  sample: Sample;
  due: boolean;
  /** What the server holds, and of when. */
  sent: { readonly value: number; readonly atMs: number } | undefined;
};

/**
 * The newest value of each series, and what of it the server has. A message carries what changed; what was only read again
 * is named. While nothing can be sent the newest values replace older ones, so that waiting costs no memory.
 */
export class Outbox {
  readonly #entries = new Map<string, Entry>();
  #leaseMs = Number.POSITIVE_INFINITY;

  take(samples: readonly Sample[]): void {
    for (const sample of samples) {
      const key = `${subjectKey(sample.subject)} ${sample.metric}`;
      const before = this.#entries.get(key);
      // What is due longest goes out first, so the order of the map is kept.
      if (before === undefined) this.#entries.set(key, { sample, sent: undefined, due: true });
      else {
        before.sample = sample;
        before.due = true;
      }
    }
  }

  /** The server knows nothing of this agent: everything is due again. */
  reset(): void {
    for (const entry of this.#entries.values()) {
      entry.sent = undefined;
      entry.due = true;
    }
  }

  /** What is due now; taken as sent, for a stream that loses it is reset. `nowMs` is on the clock of the samples. */
  next(nowMs: number): Push['reports'] {
    const reports = new Map<string, Draft>();
    for (const [key, entry] of this.#entries) {
      const { sample } = entry;
      if (nowMs - sample.sampledAtMs > KEEP_MS) {
        this.#entries.delete(key);
        continue;
      }
      if (!entry.due) continue;
      const about = `${subjectKey(sample.subject)} ${sample.sampledAtMs}`;
      const report = reports.get(about) ?? draft(sample, nowMs);
      if (!reports.has(about)) {
        if (reports.size >= MAX_REPORTS) continue;
        reports.set(about, report);
      }
      entry.due = false;
      if (this.#isHeld(entry)) report.unchanged.push(sample.metric);
      else report.readings.push(reading(sample));
      entry.sent = { value: sample.value, atMs: sample.sampledAtMs };
    }
    return [...reports.values()];
  }

  /** What was refused is not known there: it goes out whole when it is read next. */
  answered({ refusals, leaseMs }: PushAnswer): void {
    if (leaseMs !== undefined) this.#leaseMs = leaseMs;
    if (refusals.length === 0) return;
    const subjects = new Set(refusals.map(({ subject }) => subjectKey(subject)));
    for (const entry of this.#entries.values()) {
      if (subjects.has(subjectKey(entry.sample.subject))) entry.sent = undefined;
    }
  }

  /** The server forgets a value with its lease. */
  #isHeld({ sample, sent }: Entry): boolean {
    return sent !== undefined && sent.value === sample.value && sample.sampledAtMs - sent.atMs <= this.#leaseMs;
  }
}

type Draft = Omit<PushReport, 'readings' | 'unchanged'> & { readings: PushReading[]; unchanged: PushedMetric[] };

function draft({ subject, sampledAtMs, device }: Sample, nowMs: number): Draft {
  const ageMs = Math.max(0, nowMs - sampledAtMs);
  return { subject, ageMs, readings: [], unchanged: [], partitioned: device === 'Partitioned' };
}

function reading({ metric, value, sampledAtMs, changedAtMs }: Sample): PushReading {
  return { metric, value, unchangedForMs: Math.max(0, sampledAtMs - changedAtMs) };
}

function subjectKey({ address = '', port = 0, pod = '', node = '', gpu = '' }: Subject): string {
  return JSON.stringify([address, port, pod, node, gpu]);
}
