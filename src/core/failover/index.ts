export type { FailoverState } from './failover-state.ts';
export type { Percentile } from './first-tokens.ts';
export { stepFailover } from './step-failover.ts';
