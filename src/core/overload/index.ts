export { cutsRetries } from './retry-cut.ts';
