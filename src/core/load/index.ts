export { among, type Servers } from './among.ts';
export { beliefNotes } from './belief-notes.ts';
export type { CapacitySource, EndpointLoad, Freshness, ServiceLoad } from './endpoint-load.ts';
export type { FaultDrainOptions } from './fault-drain.ts';
export type { LoadState } from './load-state.ts';
export { openRequests } from './open-requests.ts';
export {
  conflictsOf,
  conflictWords,
  SIGNALS,
  type Signal,
  type SignalBelief,
  type SignalState,
  signalBeliefs,
} from './signal-belief.ts';
export { type LoadInput, type LoadOptions, stepLoad } from './step-load.ts';
