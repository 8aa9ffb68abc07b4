export { type Comparison, compare } from './compare.ts';
export type { Outcome } from './measures.ts';
export { randomScenario } from './random-scenario.ts';
export { recordScenario, runScenario } from './run-scenario.ts';
export { ARMS, type Arm, type Scenario } from './scenario.ts';
export { type Shift, type Step, shiftOf, stepsOf } from './shift.ts';
export { SUITE } from './suite.ts';
export { comparisonTable } from './table.ts';
