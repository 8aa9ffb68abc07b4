export { type RunFallbackOptions, runFallback } from './run-fallback.ts';
