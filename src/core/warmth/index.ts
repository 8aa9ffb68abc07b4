export { stepWarmth } from './step-warmth.ts';
export type { Prompt, Warmth, WarmthState } from './warmth.ts';
export { coldOnes, warmthWords } from './warmth-words.ts';
