import type { Random } from '../../base/units/index.ts';
import { traceWindow } from '../traffic/index.ts';
import type { Lengths, Replay, Scenario } from './scenario.ts';

export type Arrival = {
  readonly atMs: number;
  readonly sidecar: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
};

const MAX_PROMPT_TOKENS = 12_000;
const MAX_OUTPUT_TOKENS = 2500;

/**
 * A Poisson stream whose rate may change (by thinning), with lengths, or recorded requests. The same seed is the same stream for
 * every arm.
 */
export function drawArrivals(scenario: Scenario, random: Random): readonly Arrival[] {
  const { durationMs, maxRatePerSec, ratePerSec, lengths, replay } = scenario;
  if (replay !== undefined) return replayed(scenario, replay, random);
  const arrivals: Arrival[] = [];
  for (let atMs = 0; ; ) {
    atMs += (-Math.log(1 - random()) / maxRatePerSec) * 1000;
    if (atMs >= durationMs) return arrivals;
    if (random() * maxRatePerSec >= ratePerSec(atMs)) continue;
    arrivals.push({ atMs, sidecar: sidecarOf(scenario, random), ...lengthsOf(lengths, random) });
  }
}

function replayed(scenario: Scenario, { rows, fromAnywhere }: Replay, random: Random): readonly Arrival[] {
  const from = fromAnywhere ? Math.floor(random() * rows.length) : 0;
  return traceWindow(rows, from, scenario.durationMs).map(({ atMs, promptTokens, outputTokens }) => ({
    atMs,
    sidecar: sidecarOf(scenario, random),
    promptTokens,
    outputTokens,
  }));
}

/** Lengths of requests as the scenarios of the suite have them. */
export function drawLengths(count: number, random: Random): readonly Pick<Arrival, 'promptTokens' | 'outputTokens'>[] {
  return Array.from({ length: count }, () => lengthsOf({ kind: 'Suite', outputFactor: 1 }, random));
}

function sidecarOf({ sidecars, firstSidecarRatio }: Scenario, random: Random): number {
  if (firstSidecarRatio === undefined) return Math.floor(random() * sidecars);
  return random() < firstSidecarRatio ? 0 : 1 + Math.floor(random() * (sidecars - 1));
}

function lengthsOf(lengths: Lengths, random: Random): Pick<Arrival, 'promptTokens' | 'outputTokens'> {
  if (lengths.kind === 'Live') {
    const spread = 0.5 + random();
    const output = random() < 0.8 ? 24 : 144;
    return { promptTokens: Math.round(200 * (0.5 + random())), outputTokens: Math.max(1, Math.round(output * spread)) };
  }
  const long = random() < 0.05 ? 4 : 1;
  const prompt = Math.min(MAX_PROMPT_TOKENS, long * logNormal(600, 1, random));
  const output = Math.min(MAX_OUTPUT_TOKENS, logNormal(160, 0.95, random)) * lengths.outputFactor;
  return { promptTokens: Math.max(1, Math.round(prompt)), outputTokens: Math.max(1, Math.round(output)) };
}

function logNormal(median: number, sigma: number, random: Random): number {
  return median * Math.exp(sigma * normal(random));
}

/** Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
