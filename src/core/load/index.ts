export type { CapacitySource, EndpointLoad, Freshness, ServiceLoad } from './endpoint-load.ts';
export type { LoadState } from './load-state.ts';
export { type LoadInput, type LoadOptions, stepLoad } from './step-load.ts';
