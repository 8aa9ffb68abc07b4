import { own } from '../../base/units/index.ts';
import {
  type Buckets,
  type Endpoint,
  type EndpointId,
  indexEndpoints,
  placeOf,
  type Sample,
} from '../topology/index.ts';

/** Requests whose first token took more than `aboveSec` and up to `upToSec`. */
type Cell = readonly [aboveSec: number, upToSec: number, requests: number];

/** What came between two readings. Its age and not its time: clocks are set back. */
type Slice = { readonly ageSec: number; readonly cells: readonly Cell[] };

/** What an engine's histogram said last. */
type LastRead = { readonly atMs: number; readonly count: number; readonly buckets: Buckets };

/** Times to the first token over a sliding window. Plain data: it is checkpointed as JSON. */
export type FirstTokens = {
  readonly engines: Readonly<Record<EndpointId, LastRead>>;
  /** In the order of the tiers; in each the newest first. */
  readonly tiers: readonly (readonly Slice[])[];
};

/** The 95th percentile in seconds of so many requests; null: too few to be believed. */
export type Percentile = { readonly p95Sec: number | null; readonly requests: number };

export const NO_FIRST_TOKENS: FirstTokens = { engines: {}, tiers: [] };

const QUANTILE = 0.95;
/** With fewer, one slow request would be the 95th percentile. */
export const FEWEST_REQUESTS = 20;
/** A difference over a longer gap says nothing about now. */
const MAX_GAP_MS = 15_000;
/** More first tokens than that in one reading: the counter is broken. */
const MAX_REQUESTS = 1e6;
/** Above the last bound of a histogram; JSON has no infinity. */
const ENDLESS_SEC = 1e9;

export type FirstTokensInput = {
  readonly nowMs: number;
  readonly elapsedSec: number;
  readonly windowSec: number;
  readonly samples: readonly Sample[];
  readonly endpoints: readonly Endpoint[];
  /** Of an endpoint's pool; -1: of none. */
  readonly tierOf: (endpoint: Endpoint) => number;
  readonly tiers: number;
};

/**
 * Takes the histograms that came in since the last tick. Only differences count, all endpoints of a tier together: an engine that
 * is heard for the first time, was started anew or was silent for long gives none, and a silent one says nothing.
 */
export function stepFirstTokens(before: FirstTokens, input: FirstTokensInput): FirstTokens {
  const { samples, endpoints, tierOf, elapsedSec, windowSec } = input;
  const engines: Record<EndpointId, LastRead> = {};
  for (const { id } of endpoints) {
    const last = own(before.engines, id);
    if (last !== undefined) engines[id] = last;
  }
  const fresh = Array.from({ length: input.tiers }, (): Cell[] => []);
  const index = indexEndpoints(endpoints);
  for (const sample of samples) {
    if (sample.buckets === undefined || sample.metric !== 'timeToFirstTokenSecondsCount') continue;
    const endpoint = endpoints[placeOf(index, sample.subject)];
    if (endpoint === undefined) continue;
    const read: LastRead = { atMs: sample.sampledAtMs, count: sample.value, buckets: sample.buckets };
    const last = own(engines, endpoint.id);
    // A time ahead of now was written before the clock was set back.
    if (last !== undefined && read.atMs <= last.atMs && last.atMs <= input.nowMs) continue;
    engines[endpoint.id] = read;
    if (last !== undefined) fresh[tierOf(endpoint)]?.push(...between(last, read));
  }
  return {
    engines,
    tiers: fresh.map((cells, tier) => [
      ...(cells.length === 0 ? [] : [{ ageSec: 0, cells: merged(cells) }]),
      ...(before.tiers[tier] ?? [])
        .map((slice) => ({ ...slice, ageSec: slice.ageSec + elapsedSec }))
        .filter(({ ageSec }) => ageSec <= windowSec),
    ]),
  };
}

/** What was counted from one reading to the next; nothing where that cannot be told. */
function between(last: LastRead, read: LastRead): readonly Cell[] {
  const gapMs = read.atMs - last.atMs;
  if (!(gapMs > 0 && gapMs <= MAX_GAP_MS) || read.buckets.length !== last.buckets.length) return [];
  const cells: Cell[] = [];
  let [aboveSec, below] = [0, 0];
  const bounds = [...read.buckets, [ENDLESS_SEC, read.count] as const];
  const old = [...last.buckets, [ENDLESS_SEC, last.count] as const];
  for (const [i, [upToSec, count]] of bounds.entries()) {
    const [sameSec, before] = old[i] as readonly [number, number];
    const requests = count - before - below;
    if (upToSec !== sameSec || !(requests >= 0 && requests <= MAX_REQUESTS)) return [];
    if (requests > 0) cells.push([aboveSec, upToSec, requests]);
    aboveSec = upToSec;
    below = count - before;
  }
  return cells;
}

/** One cell for each range, by rising bounds. */
function merged(cells: readonly Cell[]): readonly Cell[] {
  const sums = new Map<string, Cell>();
  for (const [aboveSec, upToSec, requests] of cells) {
    const key = `${aboveSec} ${upToSec}`;
    sums.set(key, [aboveSec, upToSec, requests + (sums.get(key)?.[2] ?? 0)]);
  }
  return [...sums.values()].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
}

/** As Prometheus's `histogram_quantile` has it: within a bucket by a straight line, above the last bound that bound. */
export function percentileOf({ tiers }: FirstTokens, tier: number): Percentile {
  const cells = merged((tiers[tier] ?? []).flatMap((slice) => slice.cells));
  const requests = cells.reduce((sum, cell) => sum + cell[2], 0);
  if (requests < FEWEST_REQUESTS) return { p95Sec: null, requests };
  let left = QUANTILE * requests;
  for (const [aboveSec, upToSec, count] of cells) {
    if (left <= count)
      return {
        p95Sec: upToSec === ENDLESS_SEC ? aboveSec : aboveSec + ((upToSec - aboveSec) * left) / count,
        requests,
      };
    left -= count;
  }
  return { p95Sec: cells.at(-1)?.[0] ?? null, requests };
}
