import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { Endpoint } from '../topology/index.ts';

/** How full the servers of a service are, in one number; 1 is the knee: every batch slot that is known of is in use. */
export type Saturation =
  | {
      readonly kind: 'Known';
      /** In flight over slots: above 1 requests queue, whoever holds them. */
      readonly ratio: number;
      /** Of all servers that take requests, those counted in whose limit is unknown. */
      readonly slots: number;
      /** What it is made of, for people. */
      readonly words: string;
    }
  | { readonly kind: 'Unknown'; readonly words: string };

/** A queue of so many in an engine whose batch limit nobody knows says that the batch is full. */
const QUEUE_MIN = 2;
/** Above this a KV cache is worth a word. What it takes away is in the slots already. */
const KV_FULL = 0.8;
/** Nobody needs to know by how much more than this. */
export const MAX_RATIO = 1000;

/**
 * In flight over slots, of the servers that take requests. In flight counts what queues in engines and sidecars too, and the
 * slots are the least of what was told, what queues taught and what the KV cache was seen to hold, so that queue and KV pressure are
 * in the number; a weighted sum of signals would need weights that nobody could explain. GPU utilisation is no part of it: a
 * decode loop keeps a GPU busy with one request as with sixty.
 *
 * Unknown is not idle, and not full: whoever acts on it would shed on a guess.
 *
 * @param endpoints in the order of the beliefs
 */
export function saturationOf(load: ServiceLoad, endpoints: readonly Endpoint[]): Saturation {
  if (load.loadReports === 'Silent') return { kind: 'Unknown', words: 'no sidecar reports what it has in flight' };
  const taking = load.endpoints.filter(
    ({ bad, gpuFault }, i) => endpoints[i]?.lifecycle !== 'Draining' && !bad && gpuFault?.drained !== true,
  );
  // One that has completed nothing yet carries no load; where all are such, they are all there is.
  const proven = taking.filter(({ waiting1st }) => !waiting1st);
  const counted = proven.length > 0 ? proven : taking;
  if (counted.length === 0) return { kind: 'Unknown', words: 'no server takes requests' };
  let [known, inFlight, slots, waiting, kvUsage] = [0, 0, 0, 0, 0];
  for (const one of counted) {
    waiting += one.waiting ?? 0;
    kvUsage = Math.max(kvUsage, one.kvUsageRatio ?? 0);
    const own = slotsOf(one);
    if (own === undefined) continue;
    known += 1;
    inFlight += one.inFlight;
    slots += own;
  }
  if (2 * known < counted.length || slots <= 0) {
    const words = `the batch limit of ${counted.length - known} of ${counted.length} servers is neither told (maxRunningRequests) nor learned, and no queue stands there`;
    return { kind: 'Unknown', words };
  }
  const queue = waiting > 0 ? `, ${Math.round(waiting)} of them queued in engines` : '';
  const kv = kvUsage >= KV_FULL ? `, a KV cache ${Math.round(100 * kvUsage)} % full` : '';
  const rest = known < counted.length ? ` (${counted.length - known} more without a known limit)` : '';
  return {
    kind: 'Known',
    ratio: Math.min(MAX_RATIO, Math.max(0, inFlight / slots)),
    slots: (slots * counted.length) / known,
    words: `${Math.round(inFlight)} in flight for ${Math.round(slots)} slots of ${known} ${known === 1 ? 'server' : 'servers'}${rest}${queue}${kv}`,
  };
}

function slotsOf({ slotsKnown, slots, waiting, running }: EndpointLoad): number | undefined {
  if (slotsKnown) return slots;
  return (waiting ?? 0) >= QUEUE_MIN && running !== undefined && running > 0 ? running : undefined;
}
