import type { Halt, Rollout } from './rollout.ts';

/** What is tried, as the subject of a sentence. */
export function whatOf({ cause, to }: Rollout): string {
  return cause === 'Release' ? 'what this release compiles' : `revision ${to}`;
}

/** Why it was taken back. */
export function haltWords({ event, node, message, origin }: Halt): string {
  const where = origin === undefined ? '' : ` (${origin})`;
  return `${event}${node === undefined ? '' : ` on ${node}`}: ${message}${where}`;
}
