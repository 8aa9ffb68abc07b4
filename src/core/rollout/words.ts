import type { Halt, Rollout } from './rollout.ts';

/** What is tried, as the subject of a sentence. */
export function whatOf({ cause, to }: Rollout): string {
  return cause === 'Release' ? 'what this release compiles' : `revision ${to}`;
}

/** Why it was taken back. Envoy's text begins with a dump of the resource; the reason is at its end. */
export function haltWords({ event, node, message, origin }: Halt): string {
  const where = origin === undefined ? '' : ` (${origin})`;
  return `${event}${node === undefined ? '' : ` on ${node}`}: ${message.slice(-600)}${where}`;
}
