export { planRehearsal, type RehearsalInput } from './plan-rehearsal.ts';
export { readTexts } from './read-texts.ts';
export type { RehearsalReport } from './rehearsal-report.ts';
export type { RehearsalSpec } from './rehearsal-spec.ts';
export { sections } from './rehearsal-tables.ts';
export { runRehearsal } from './run-rehearsal.ts';
export { timeline } from './timeline.ts';
