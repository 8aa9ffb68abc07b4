export { levelWords } from './level-words.ts';
export type { OverloadState } from './overload-state.ts';
export { relievedBy } from './relieved.ts';
export { cutsRetries } from './retry-cut.ts';
export { ladderOf } from './service-ladder.ts';
export { saturationWithoutSpot } from './spot-reserve.ts';
export { stepOverload } from './step-overload.ts';
