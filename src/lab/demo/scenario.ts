import { type Arrival, arrivalsFromTrace, type TraceRow } from '../traffic/index.ts';
import { type FleetServer, fleetCapacityPerSec, type MeanLengths } from './fleet.ts';
import type { Phase } from './lane-account.ts';
import type { DemoOptions } from './options.ts';

/** First token within this after the scheduled arrival is good. Times are not scaled: a second here is a second. */
export const GOOD_WITHIN_MS = 500;

/**
 * The trace's own lengths have means of some 1,200 and 220 tokens. Both are scaled down, so that a fleet of this size is
 * loaded by some thirty requests a second: what two lanes on two cores can carry.
 */
const MEAN_LENGTHS: MeanLengths = { promptTokens: 500, outputTokens: 95 };
const LONGEST: MeanLengths = { promptTokens: 2000, outputTokens: 280 };

export type Scenario = {
  /** The first begins before zero: warm-up. On the clock of the run, which starts after it. */
  readonly phases: readonly Phase[];
  readonly slowAtMs: number;
  readonly recoverAtMs: number;
  readonly endMs: number;
  readonly ratePerSec: number;
  readonly capacityPerSec: number;
  /** Times count from the start of the warm-up. */
  readonly arrivals: readonly Arrival[];
};

export function planScenario(
  options: DemoOptions,
  fleet: readonly FleetServer[],
  trace: readonly TraceRow[],
): Scenario {
  const { durationMs, warmUpMs } = options;
  const slowAtMs = Math.round(durationMs / 3);
  const recoverAtMs = Math.round((durationMs * 2) / 3);
  const capacityPerSec = fleetCapacityPerSec(fleet, MEAN_LENGTHS);
  const ratePerSec = capacityPerSec * options.load;
  return {
    phases: [
      { name: 'warmUp', fromMs: Number.NEGATIVE_INFINITY, toMs: 0 },
      { name: 'steady', fromMs: 0, toMs: slowAtMs },
      { name: 'slowed', fromMs: slowAtMs, toMs: recoverAtMs },
      { name: 'recovered', fromMs: recoverAtMs, toMs: Number.POSITIVE_INFINITY },
    ],
    slowAtMs,
    recoverAtMs,
    endMs: durationMs,
    ratePerSec,
    capacityPerSec,
    arrivals: arrivalsFromTrace(trace, {
      seed: options.seed,
      durationMs: warmUpMs + durationMs,
      ratePerSec,
      meanPromptTokens: MEAN_LENGTHS.promptTokens,
      meanOutputTokens: MEAN_LENGTHS.outputTokens,
      maxPromptTokens: LONGEST.promptTokens,
      maxOutputTokens: LONGEST.outputTokens,
    }),
  };
}
