import { TYPE_URL } from '../../core/resources/index.ts';
import type { Outgoing } from '../../core/subscriptions/index.ts';
import type { Delivery } from '../../core/topology/index.ts';
import type { Inbox } from './seams.ts';

/**
 * Tells the inbox that weights went out, and that they were taken. Endpoint assignments alone: nobody measures how fast other
 * types arrive, and a thousand sidecars that come back at once have better things to do.
 */
export function reportSent(inbox: Inbox, nodeId: string, { typeUrl, resources }: Outgoing, atMs: number): void {
  if (typeUrl !== TYPE_URL.endpoint || resources.length === 0) return;
  inbox.delivery({ nodeId, typeUrl, kind: 'Sent', resources: versioned(resources), atMs });
}

export function reportAcked(
  inbox: Inbox,
  nodeId: string,
  typeUrl: string,
  { resources, latencyMs }: { readonly resources: Delivery['resources']; readonly latencyMs: number },
  atMs: number,
): void {
  if (typeUrl !== TYPE_URL.endpoint || resources.length === 0) return;
  inbox.delivery({ nodeId, typeUrl, kind: 'Acked', resources: versioned(resources), atMs, latencyMs });
}

/** What is kept of a resource until the next tick: not its bytes. */
function versioned(resources: Delivery['resources']): Delivery['resources'] {
  return resources.map(({ name, version }) => ({ name, version }));
}
