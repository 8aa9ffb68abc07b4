import type { Halt, Rollout } from './rollout.ts';

/** What is tried, as the subject of a sentence. */
export function whatOf({ cause, to }: Rollout): string {
  return cause === 'Release' ? 'what this release compiles' : `revision ${to}`;
}

/** The first few of them. */
export function listed(nodeIds: readonly string[]): string {
  return nodeIds.length <= 5 ? nodeIds.join(', ') : `${nodeIds.slice(0, 5).join(', ')} and ${nodeIds.length - 5} more`;
}

/** Why it was taken back. */
export function haltWords({ event, node, message, origin }: Halt): string {
  const where = origin === undefined ? '' : ` (${origin})`;
  return `${event}${node === undefined ? '' : ` on ${node}`}: ${message}${where}`;
}
