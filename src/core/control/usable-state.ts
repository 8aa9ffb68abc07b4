import { own } from '../../base/units/index.ts';
import type { Operation } from '../operations/index.ts';
import type { Policy } from '../policy/index.ts';
import type { EndpointSet, LoadReport, Metric, Sample } from '../topology/index.ts';
import { sameWeights } from '../weights/index.ts';
import { beliefEvents } from './belief-events.ts';
import { endpointNotes } from './endpoint-notes.ts';
import { restoreState } from './restore.ts';
import { ShiftMeters } from './shift-meters.ts';
import { signalAges } from './signal-ages.ts';
import { signalStates } from './signal-states.ts';
import { type ControlState, type TickOutput, tick } from './tick.ts';

/** What every belief is made of: a trial that hears nothing would look at nothing. */
const HEARD: readonly Metric[] = [
  'runningRequests',
  'waitingRequests',
  'kvUsageRatio',
  'generationTokensTotal',
  'promptTokensTotal',
  'gpuUtilRatio',
  'timeToFirstTokenSecondsCount',
];
/** A counter says something when it is read twice. */
const TICKS = 2;

/**
 * Whether a state that was stored can be gone on with: why not, in words; undefined where it can. Its checksum is right, but it may
 * be of another build, or of a hand that edited it. It is tried, on a copy of the world: what throws in a tick would end the server a
 * second after each of its starts, and what is no number would go to Envoys. (A schema of everything that the law remembers
 * would be a second one beside its types, and still say nothing about values that do not fit each other.)
 */
export function whyUnusable(
  stored: ControlState,
  policy: Policy,
  endpointSets: readonly EndpointSet[],
  operations: readonly Operation[],
  nowMs: number,
): string | undefined {
  // What is heard takes the place of what is remembered, and where nothing is heard that stays.
  return (
    whyNot(stored, policy, endpointSets, operations, nowMs, false) ??
    whyNot(stored, policy, endpointSets, operations, nowMs, true)
  );
}

function whyNot(
  stored: ControlState,
  policy: Policy,
  endpointSets: readonly EndpointSet[],
  operations: readonly Operation[],
  nowMs: number,
  hears: boolean,
): string | undefined {
  try {
    let state = restoreState(stored, nowMs);
    const meters = new ShiftMeters();
    if (!Number.isSafeInteger(state.tick) || !Number.isFinite(state.atMs)) return 'its time is no number';
    for (let turn = 1; turn <= TICKS; turn += 1) {
      const atMs = nowMs + turn * 1000;
      const out = tick(state, {
        nowMs: atMs,
        policy,
        endpointSets,
        samples: hears ? samplesOf(endpointSets, turn, atMs) : [],
        reports: hears ? [reportOf(endpointSets, atMs)] : [],
        presence: [],
        operations,
      });
      const odd =
        oddNumberIn(out.plan.decisions, 'decisions') ??
        oddNumberIn(out.state.load, 'load') ??
        oddNumberIn(out.state.overload, 'overload') ??
        oddNumberIn(out.state.failover, 'failover') ??
        oddNumberIn(out.state.warmth, 'warmth') ??
        oddNumberIn(out.state.zones, 'zones');
      if (odd !== undefined) return `${odd} is no finite number`;
      tellOf(state, out, meters, atMs);
      state = out.state;
    }
    return undefined;
  } catch (error) {
    return `a tick fails with it: ${(error as Error).message}`;
  }
}

/** What is told after each tick looks at the same memory. */
function tellOf(before: ControlState, out: TickOutput, meters: ShiftMeters, nowMs: number): void {
  const { state, plan, loads } = out;
  meters.step({ nowMs, before: before.plan, plan, loads, deliveries: [], presence: [] });
  beliefEvents(before, out);
  for (const load of Object.values(loads)) endpointNotes(state, load);
  signalAges(state, nowMs);
  signalStates(state, loads, nowMs);
  for (const decision of Object.values(plan.decisions))
    sameWeights(own(before.plan?.decisions, decision.service), decision);
}

function samplesOf(sets: readonly EndpointSet[], turn: number, nowMs: number): readonly Sample[] {
  return sets.flatMap(({ endpoints }) =>
    endpoints.flatMap(({ address, port }) =>
      HEARD.map((metric) => ({
        subject: { address, port },
        metric,
        value: metric.endsWith('Ratio') ? 0.5 : turn,
        sampledAtMs: nowMs,
        changedAtMs: nowMs,
        source: 'a trial',
        ...(metric === 'timeToFirstTokenSecondsCount' ? { buckets: [[1, turn] as const] } : {}),
      })),
    ),
  );
}

function reportOf(sets: readonly EndpointSet[], nowMs: number): LoadReport {
  return {
    nodeId: 'a trial',
    receivedAtMs: nowMs,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: sets.map(({ service, endpoints }) => ({
      cluster: service,
      endpoints: endpoints.map(({ address, port }) => ({
        address,
        port,
        inProgress: 1,
        issued: 1,
        succeeded: 1,
        errors: 0,
      })),
    })),
  };
}

/** The path of a number that is none; undefined where there is no such. */
function oddNumberIn(value: unknown, path: string): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const odd = oddNumberIn(item, `${path}.${key}`);
    if (odd !== undefined) return odd;
  }
  return undefined;
}
