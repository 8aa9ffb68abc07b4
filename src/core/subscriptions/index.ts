export { ClientStream, type ClientStreamOptions } from './client-stream.ts';
export type { Answer, DeltaRequest, Outgoing, Refusal, SotwRequest, Variant } from './messages.ts';
export { type ResourceState, resourceStates, type SyncStatus } from './resource-state.ts';
export { KnownSets } from './sotw/known-sets.ts';
export type { Subscription } from './subscription.ts';
export { type TypeState, typeStates } from './type-state.ts';
export type { Waiting } from './waits.ts';
