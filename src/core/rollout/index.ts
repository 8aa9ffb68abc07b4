export { type Canary, type CanaryStanding, chooseCanaries, type Member } from './canaries.ts';
export type { GroupRollout, Halt, Rollout, RolloutCause, RolloutStart, Trial } from './rollout.ts';
export { startRollout, startTrial, trackOf } from './rollout.ts';
export { type RolloutInput, type RolloutStep, stepRollout } from './step.ts';
export { aboutServices, stepTraffic, type Traffic } from './traffic.ts';
export { haltWords, listed, whatOf } from './words.ts';
