export { type Canary, type CanaryStanding, chooseCanaries, type Member } from './canaries.ts';
export type { GroupRollout, Halt, Rollout, RolloutCause, RolloutStart } from './rollout.ts';
export { startRollout, trackOf } from './rollout.ts';
export { type RolloutInput, type RolloutStep, stepRollout } from './step.ts';
export { stepTraffic, type Traffic } from './traffic.ts';
export { haltWords, whatOf } from './words.ts';
