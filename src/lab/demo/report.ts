import type { FleetServer } from './fleet.ts';
import type { LaneName } from './lab.ts';
import type { LaneAccount, PhaseAccount } from './lane-account.ts';
import type { LaneSamples } from './lane-samples.ts';
import type { DemoOptions } from './options.ts';
import { NO_PUSHES, type PushCounts } from './push-counts.ts';
import type { Scenario } from './scenario.ts';
import { type SharePoint, timeToShift } from './time-to-shift.ts';
import { judge, type LaneResult, type Verdict } from './verdict.ts';

/** Percentiles are null when no request of the phase got so far. */
export type PhaseReport = {
  readonly name: string;
  readonly requests: number;
  readonly firstTokenP50Ms: number | null;
  readonly firstTokenP99Ms: number | null;
  readonly endToEndP99Ms: number | null;
  readonly goodputRatio: number;
  readonly imbalance: number | null;
};

export type LaneReport = {
  /** Warm-up included, as in `clientErrors`: an error is an error. */
  readonly requests: number;
  readonly clientErrors: number;
  readonly streamsReset: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly warmUp: PhaseReport;
  readonly phases: readonly PhaseReport[];
  /** All phases together, without the warm-up. */
  readonly wholeRun: PhaseReport;
  /** Responses since the Envoys were ready. */
  readonly pushes: PushCounts;
  /** Rows `[tMs, server 1, …]`: integer weights that the Envoys apply, averaged over them. */
  readonly weights: readonly (readonly number[])[];
  /** Rows `[tMs, server 1, …]`: issued shares over the last 3 s, 0..1. */
  readonly shares: readonly (readonly number[])[];
};

export type ShiftReport = {
  readonly t50Ms: number | null;
  readonly t90Ms: number | null;
  readonly before: number | null;
  readonly final: number | null;
};

/** What `--json` writes. Times count from the start of the clock, after the warm-up. */
export type DemoReport = Verdict & {
  readonly envoyVersion: string;
  readonly seed: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly load: number;
  readonly ratePerSec: number;
  readonly sidecars: number;
  readonly widthsTold: boolean;
  readonly goodWithinMs: number;
  /** The columns of `weights` and `shares`. */
  readonly servers: readonly FleetServer[];
  readonly slowed: { readonly server: string; readonly step: number; readonly fromMs: number; readonly toMs: number };
  readonly requests: number;
  readonly clientErrors: number;
  readonly streamsReset: number;
  readonly generatorLagP99Ms: number;
  readonly lanes: Readonly<Record<LaneName, LaneReport>>;
  /** Of the slowed server's share in Loadline's lane: of the weights (`acked`) and of the requests (`issued`). */
  readonly timeToShift: { readonly acked: ShiftReport; readonly issued: ShiftReport };
};

export type LaneMeasured = {
  readonly account: LaneAccount;
  readonly samples: LaneSamples;
  readonly pushes: PushCounts;
};

export type Measured = {
  readonly envoyVersion: string;
  readonly goodWithinMs: number;
  readonly slowedServer: number;
  readonly generatorLagP99Ms: number;
  readonly lanes: Readonly<Record<LaneName, LaneMeasured>>;
};

export function makeReport(
  options: DemoOptions,
  scenario: Scenario,
  fleet: readonly FleetServer[],
  measured: Measured,
): DemoReport {
  const slots = fleet.map((server) => server.slots);
  const laneReport = (lane: LaneName): LaneReport => makeLaneReport(measured.lanes[lane], scenario, slots);
  const lanes = { leastRequest: laneReport('leastRequest'), loadline: laneReport('loadline') };
  const { samples } = measured.lanes.loadline;
  const shift = (series: readonly SharePoint[]): ShiftReport => {
    const times = timeToShift(series, { stepAtMs: scenario.slowAtMs, endAtMs: scenario.recoverAtMs });
    return {
      t50Ms: rounded(times.t50Ms),
      t90Ms: rounded(times.t90Ms),
      before: rounded(times.before, 4),
      final: rounded(times.final, 4),
    };
  };
  return {
    envoyVersion: measured.envoyVersion,
    seed: options.seed,
    durationMs: options.durationMs,
    warmUpMs: options.warmUpMs,
    load: options.load,
    ratePerSec: Number(scenario.ratePerSec.toFixed(2)),
    sidecars: options.sidecars,
    widthsTold: options.tellWidths,
    goodWithinMs: measured.goodWithinMs,
    servers: fleet,
    slowed: {
      server: fleet[measured.slowedServer]!.name,
      step: options.step,
      fromMs: scenario.slowAtMs,
      toMs: scenario.recoverAtMs,
    },
    requests: lanes.leastRequest.requests + lanes.loadline.requests,
    clientErrors: lanes.leastRequest.clientErrors + lanes.loadline.clientErrors,
    streamsReset: lanes.leastRequest.streamsReset + lanes.loadline.streamsReset,
    generatorLagP99Ms: Number(measured.generatorLagP99Ms.toFixed(1)),
    lanes,
    timeToShift: {
      acked: shift(samples.weightSharesOf(measured.slowedServer)),
      issued: shift(samples.issuedSharesOf(measured.slowedServer)),
    },
    ...judge(resultOf(lanes.leastRequest), resultOf(lanes.loadline), measured.generatorLagP99Ms),
  };
}

/** The pushes of a lane that has no control plane. */
export const STATIC_LANE_PUSHES: PushCounts = NO_PUSHES;

function makeLaneReport(
  { account, samples, pushes }: LaneMeasured,
  scenario: Scenario,
  slots: readonly number[],
): LaneReport {
  const phaseReport = (name: string, part: PhaseAccount, fromMs: number, toMs: number): PhaseReport => ({
    name,
    requests: part.requests,
    firstTokenP50Ms: rounded(part.firstTokenMs.percentileMs(0.5)),
    firstTokenP99Ms: rounded(part.firstTokenMs.percentileMs(0.99)),
    endToEndP99Ms: rounded(part.endToEndMs.percentileMs(0.99)),
    goodputRatio: Number(part.goodputRatio.toFixed(5)),
    imbalance: rounded(samples.imbalance(slots, fromMs, toMs), 3),
  });
  const [warmUp, ...phases] = account.phases.map(({ phase, account: part }) =>
    phaseReport(phase.name, part, phase.fromMs, Math.min(phase.toMs, scenario.endMs)),
  );
  return {
    requests: account.requests,
    clientErrors: account.clientErrors,
    streamsReset: account.streamsReset,
    failures: Object.fromEntries(account.failures),
    warmUp: warmUp!,
    phases,
    wholeRun: phaseReport('wholeRun', account.together(0), 0, scenario.endMs),
    pushes,
    weights: samples.eachSecond((index) => samples.all[index]?.weights),
    shares: samples.eachSecond((index) => samples.issuedSharesAt(index)),
  };
}

function resultOf(lane: LaneReport): LaneResult {
  return {
    clientErrors: lane.clientErrors,
    goodputRatio: lane.wholeRun.goodputRatio,
    firstTokenP99Ms: lane.wholeRun.firstTokenP99Ms ?? undefined,
    phases: lane.phases,
  };
}

function rounded(value: number | undefined, digits = 1): number | null {
  return value === undefined ? null : Number(value.toFixed(digits));
}
