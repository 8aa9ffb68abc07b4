export { Compiler, type Refusal } from './compiler.ts';
export { type IssuedRates, issuedShares } from './issued-share.ts';
export type { Plan } from './plan.ts';
export { restoreState } from './restore.ts';
export type { Shift } from './shift.ts';
export { ShiftMeter } from './shift-meter.ts';
export { LEAVE_GRACE_MS, type Sidecar, type Sidecars } from './sidecars.ts';
export { signalAges } from './signal-ages.ts';
export { type ControlState, INITIAL_STATE, type TickInput, type TickOutput, tick, weightsOptions } from './tick.ts';
