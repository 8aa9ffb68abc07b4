import type { Delivery, NodePresence } from '../topology/index.ts';

/** How one push of weights came to the sidecars. Times count from the tick that decided it. */
export type PushAcks = {
  readonly pushedAtMs: number;
  /** Until half of the sidecars that took it had said so, and until the last had; undefined when nobody did. */
  readonly medianMs: number | undefined;
  readonly lastMs: number | undefined;
  /** Sidecars that took it. */
  readonly acked: number;
  /** Sidecars that refused it, went away, or said nothing in time. */
  readonly missing: number;
};

/** Who has not answered by then is not waited for. */
export const ACK_WAIT_MS = 30_000;
/** To many sidecars a push takes a while to go out at all. */
const UNSENT_WAIT_MS = 2_000;

type OpenPush = {
  readonly atMs: number;
  readonly waiting: Set<string>;
  /** Nobody counts twice, whatever it is sent later. */
  readonly settled: Set<string>;
  readonly ackedMs: number[];
};

/**
 * Follows the weights of one service to the sidecars. A sidecar takes a push with the ACK of a response that was sent after
 * it: a slow one skips versions, and one that still owes an answer gets the new weights only then.
 */
export class PushMeter {
  readonly #service: string;
  /** When each sidecar was sent what it has not answered yet. */
  readonly #owed = new Map<string, number>();
  #open: OpenPush[] = [];

  constructor(service: string) {
    this.#service = service;
  }

  /**
   * Takes what was heard since the last tick, and whether this tick changes weights. Gives the pushes that have come to their
   * end: one tick later at the earliest, since they go out after it.
   */
  step(input: {
    readonly nowMs: number;
    readonly pushed: boolean;
    readonly deliveries: readonly Delivery[];
    readonly presence: readonly NodePresence[];
  }): readonly PushAcks[] {
    const { nowMs, pushed } = input;
    for (const delivery of input.deliveries) this.#hear(delivery);
    for (const { nodeId, kind, atMs } of input.presence) if (kind === 'Disconnected') this.#gone(nodeId, atMs);
    const done = this.#open.filter(
      ({ atMs, waiting, ackedMs }) =>
        nowMs - atMs >= (waiting.size > 0 ? ACK_WAIT_MS : ackedMs.length > 0 ? 0 : UNSENT_WAIT_MS),
    );
    this.#open = this.#open.filter((push) => !done.includes(push));
    if (pushed) this.#open.push({ atMs: nowMs, waiting: new Set(this.#owed.keys()), settled: new Set(), ackedMs: [] });
    return done.map(told);
  }

  #hear({ nodeId, kind, resources, atMs, latencyMs = 0 }: Delivery): void {
    if (kind === 'Sent') {
      if (!resources.some(({ name }) => serviceOf(name) === this.#service)) return;
      this.#owed.set(nodeId, atMs);
      for (const push of this.#open) if (push.atMs <= atMs && !push.settled.has(nodeId)) push.waiting.add(nodeId);
      return;
    }
    // Answers come in order: this one is about all that was sent until then, whatever the others carried.
    const sentAtMs = atMs - latencyMs;
    if ((this.#owed.get(nodeId) ?? Number.POSITIVE_INFINITY) <= sentAtMs) this.#owed.delete(nodeId);
    for (const push of this.#open) {
      if (push.atMs > sentAtMs || !push.waiting.delete(nodeId)) continue;
      push.settled.add(nodeId);
      if (kind === 'Acked') push.ackedMs.push(atMs - push.atMs);
    }
  }

  #gone(nodeId: string, atMs: number): void {
    // One that is back already has been sent everything again.
    if ((this.#owed.get(nodeId) ?? 0) > atMs) return;
    this.#owed.delete(nodeId);
    for (const push of this.#open) if (push.waiting.delete(nodeId)) push.settled.add(nodeId);
  }
}

function told({ atMs, waiting, settled, ackedMs }: OpenPush): PushAcks {
  const sorted = ackedMs.toSorted((a, b) => a - b);
  return {
    pushedAtMs: atMs,
    medianMs: sorted[Math.floor((sorted.length - 1) / 2)],
    lastMs: sorted.at(-1),
    acked: sorted.length,
    missing: settled.size + waiting.size - sorted.length,
  };
}

/** An assignment is named after its service, or after service and pool. */
export function serviceOf(name: string): string {
  const slash = name.indexOf('/');
  return slash === -1 ? name : name.slice(0, slash);
}
