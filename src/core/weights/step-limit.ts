/** [step 12] Weights halve at most, and rise by a quarter at most, per second since the last push. In logs. */
export const STEP_DOWN_PER_SEC: number = Math.LN2;
export const STEP_UP_PER_SEC: number = Math.log(1.25);
