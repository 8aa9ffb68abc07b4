export { drawArrivals } from './arrivals.ts';
export { type Comparison, compare, meanOf } from './compare.ts';
export { type Outcome, outcomeOf, type Request } from './measures.ts';
export { randomScenario } from './random-scenario.ts';
export { runScenario } from './run-scenario.ts';
export { ARMS, type Arm, type Event, type Scenario } from './scenario.ts';
export { type Shift, type Step, shiftOf, stepsOf } from './shift.ts';
export { SUITE } from './suite.ts';
export { comparisonTable, shiftText } from './table.ts';
