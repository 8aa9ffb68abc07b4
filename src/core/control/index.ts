export { balancesOf, undivided } from './balancing.ts';
export { type BeliefEvent, beliefEvents } from './belief-events.ts';
export { Compiler, compilesAlike, type KeptStructure, type Refusal } from './compiler.ts';
export { type Counterfactual, counterfactualOf, imbalanceOf, type ShareMove } from './counterfactual.ts';
export { endpointNotes } from './endpoint-notes.ts';
export { type IssuedRates, issuedShares } from './issued-share.ts';
export { leavingReasons } from './leavers.ts';
export type { LoopDelay } from './loop-delay.ts';
export { endAtMs, factorAt, type Perturbation } from './perturbation.ts';
export type { Plan, TierFailover } from './plan.ts';
export type { Estimate, ProbeMeasure } from './probe/measure.ts';
export { type ProbeAnswer, type ProbePlan, planProbe } from './probe/plan-probe.ts';
export { type ProbeProgress, ProbeRun, type ProbeStep, WATCH_MS } from './probe/probe-run.ts';
export type { FirstDifference, ServiceComparison } from './recording/compare.ts';
export { type ReadLine, readLine } from './recording/read-line.ts';
export { RECORDING_FORMAT, RECORDING_VERSION, type RecordingLine, recordedState } from './recording/recording.ts';
export { type OtherPolicy, Replay, type ReplayReport } from './recording/replay.ts';
export { groupSamples } from './recording/sample-groups.ts';
export { restoreState } from './restore.ts';
export type { Shift, ShiftCause } from './shift.ts';
export { ShiftMeters } from './shift-meters.ts';
export { LEAVE_GRACE_MS, type Sidecar, type Sidecars } from './sidecars.ts';
export { signalAges } from './signal-ages.ts';
export { signalStates } from './signal-states.ts';
export { weightsOptions } from './step-service.ts';
export {
  type ControlState,
  INITIAL_STATE,
  planWith,
  type TickInput,
  type TickOutput,
  tick,
} from './tick.ts';
export { whyUnusable } from './usable-state.ts';
export { zoneIn } from './zone-in.ts';
