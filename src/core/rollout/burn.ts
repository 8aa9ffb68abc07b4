import { own } from '../../base/units/index.ts';
import { type Counts, NO_COUNTS, type NodeTraffic, plus } from './traffic.ts';

/** One group since its rollout began, and before. */
export type GroupTraffic = {
  /** By node id. */
  readonly canaries: Readonly<Record<string, Counts>>;
  /** Requests of each canary since it had taken the change for {@link SETTLE_MS}. */
  readonly settled: Readonly<Record<string, number>>;
  readonly others: Counts;
  /** As it was when the rollout began; of each canary, and of all others together. */
  readonly before: { readonly canaries: Readonly<Record<string, NodeTraffic>>; readonly others: NodeTraffic };
};

/** A load report that comes so long after a change tells nothing any more of the time before it (they come each second). */
export const SETTLE_MS = 1500;
/** Fewer errors than this are no pattern, fewer expected requests than this no silence. */
const FEWEST_ERRORS = 5;
const FEWEST_EXPECTED = 20;
/** The chance, at most, that what is seen would be seen of a canary with nothing wrong. */
const CHANCE = 1e-6;
/** A canary may fail twice as often as the rest, and have a third of its requests, without being blamed. */
const FAILS_MORE = 2;
const GETS_LESS = 1 / 3;
/** What is taken for the share of errors where too little is known of it, and the least that is ever taken. */
const UNKNOWN_RATIO = 0.02;
const LEAST_RATIO = 0.005;
const KNOWN_FROM_REQUESTS = 100;

type Since = {
  readonly elapsedSec: number;
  readonly settledSec: number;
  readonly passesRatio?: number;
};

/**
 * Whether requests fail on a canary that would not have failed without the change. Two ways: more of its answers are errors
 * than of all the other sidecars and of its own past; or its requests do not reach the servers any more at all, which no error
 * of a server would show (a route that leads nowhere answers by itself). Both are tests of how likely that is by chance.
 * @param elapsedSec since the rollout began
 * @param settledSec since the canary had taken the change and settled; below 0 before that
 * @param passesRatio part of the requests that is still to reach servers, 0..1: a change may be meant to keep some away
 * @returns what happens, in words with numbers; undefined when nothing does
 */
export function burning(
  nodeId: string,
  traffic: GroupTraffic,
  { elapsedSec, settledSec, passesRatio = 1 }: Since,
): string | undefined {
  const past = own(traffic.before.canaries, nodeId);
  const seen = own(traffic.canaries, nodeId) ?? NO_COUNTS;
  const rate = past === undefined || past.seconds <= 0 ? 0 : past.requests / past.seconds;
  return (
    failing(seen, traffic, past) ??
    silent(own(traffic.settled, nodeId) ?? 0, passesRatio * rate * settledSec * demand(traffic, elapsedSec), settledSec)
  );
}

/** Against the worse of what the others do meanwhile and what was before: servers may begin to fail for everybody. */
function failing(seen: Counts, { others, before }: GroupTraffic, past: Counts | undefined): string | undefined {
  if (seen.errors < FEWEST_ERRORS) return undefined;
  const ratios = [others, plus(before.others, past ?? NO_COUNTS)].flatMap(({ requests, errors }) =>
    requests < KNOWN_FROM_REQUESTS ? [] : [errors / requests],
  );
  const ratio = ratios.length === 0 ? UNKNOWN_RATIO : Math.max(...ratios);
  const allowed = Math.min(1, FAILS_MORE * Math.max(LEAST_RATIO, ratio));
  const answers = Math.max(seen.requests, seen.errors);
  if (chanceOfAtLeast(seen.errors, answers, allowed) >= CHANCE) return undefined;
  const elsewhere = ratios.length === 0 ? 'little is known of the others' : `${percent(ratio)} elsewhere`;
  return `${seen.errors} of ${answers} requests failed (${percent(seen.errors / answers)}; ${elsewhere})`;
}

/** When all others have less to do than before, so may a canary. */
function demand({ others, before }: GroupTraffic, elapsedSec: number): number {
  const usual = before.others.seconds > 0 ? (before.others.requests / before.others.seconds) * elapsedSec : 0;
  return usual > 0 ? Math.min(1, others.requests / usual) : 1;
}

function silent(requests: number, expected: number, seconds: number): string | undefined {
  if (expected < FEWEST_EXPECTED || chanceOfAtMost(requests, expected * GETS_LESS) >= CHANCE) return undefined;
  return `${requests} requests reached a server in ${seconds.toFixed(0)} s; ${Math.round(expected)} were expected`;
}

/** Of a binomial distribution. Summed from the smallest term up, in logarithms: n is thousands, and the chance tiny. */
export function chanceOfAtLeast(successes: number, trials: number, ratio: number): number {
  if (successes <= 0 || ratio >= 1) return 1;
  const mean = trials * ratio;
  if (successes <= mean) return 1;
  let log = logChoose(trials, successes) + successes * Math.log(ratio) + (trials - successes) * Math.log1p(-ratio);
  let sum = 0;
  for (let k = successes; k <= trials; k += 1) {
    const term = Math.exp(log);
    sum += term;
    if (term < sum * 1e-12) break;
    log += Math.log((trials - k) / (k + 1)) + Math.log(ratio) - Math.log1p(-ratio);
  }
  return Math.min(1, sum);
}

/** Of a Poisson distribution. */
export function chanceOfAtMost(count: number, mean: number): number {
  if (count >= mean) return 1;
  let log = count * Math.log(mean) - mean - logFactorial(count);
  let sum = 0;
  for (let k = count; k >= 0; k -= 1) {
    const term = Math.exp(log);
    sum += term;
    if (term < sum * 1e-12) break;
    log += Math.log(k) - Math.log(mean);
  }
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series; exact enough from the first terms on (1e-8 at n = 10), and below that summed. */
function logFactorial(n: number): number {
  if (n < 10) {
    let sum = 0;
    for (let k = 2; k <= n; k += 1) sum += Math.log(k);
    return sum;
  }
  const x = n + 1;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3);
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;
}
