import type { Event } from './scenario.ts';

/** Servers that are not in the fleet when a run begins: those that join before they ever leave. */
export function absentAtFirst(events: readonly Event[]): ReadonlySet<number> {
  const first = new Map<number, Event>();
  for (const event of events) {
    if (event.kind !== 'Join' && event.kind !== 'Leave') continue;
    const earlier = first.get(event.server);
    if (earlier === undefined || event.atMs < earlier.atMs) first.set(event.server, event);
  }
  return new Set([...first].flatMap(([server, { kind }]) => (kind === 'Join' ? [server] : [])));
}
