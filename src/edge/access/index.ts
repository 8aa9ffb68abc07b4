export { AccessControl } from './access-control.ts';
export type { Recognised } from './tokens/token-verifier.ts';
