import { encodeDeltaResponse, encodeSotwResponse } from '../../base/codec/index.ts';
import type { Outgoing, Variant } from '../../core/subscriptions/index.ts';
import { frame } from './transport/rpc.ts';

/** A response as it goes over the wire. Nobody writes to it. */
export type Encoded = { readonly framed: Buffer; readonly nonce: string };

type Entry = Encoded & {
  readonly out: Outgoing;
  readonly variant: Variant;
  readonly wrapTtl: boolean;
  readonly serial: number;
};

/** Few different responses are alive at a time: those of the last pushes, for each set of names that is in use. */
const MAX_ENTRIES = 48;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Encodes each response once, however many streams get it: the nonce is a number of the server and not of the stream, so that
 * the same content is the same bytes for all. It must only be new on each stream; a stream that had this one already gets
 * the content under a new nonce.
 */
export class ResponseCache {
  #entries: Entry[] = [];
  #bytes = 0;
  #serial = 0;

  /** `lastNonce` is the newest that the stream was sent for this type, '' before the first. */
  encode(out: Outgoing, variant: Variant, wrapTtl: boolean, lastNonce: string): Encoded {
    const last = lastNonce === '' ? 0 : Number(lastNonce);
    for (let at = this.#entries.length - 1; at >= 0; at -= 1) {
      const entry = this.#entries[at] as Entry;
      if (entry.serial <= last) break;
      if (entry.variant === variant && entry.wrapTtl === wrapTtl && sameContent(entry.out, out)) return entry;
    }
    return this.#add(out, variant, wrapTtl);
  }

  #add(out: Outgoing, variant: Variant, wrapTtl: boolean): Entry {
    this.#serial += 1;
    const nonce = String(this.#serial);
    const { typeUrl, resources, heartbeats, removed, version } = out;
    const message =
      variant === 'Delta'
        ? encodeDeltaResponse({ typeUrl, resources, heartbeats, removed, nonce })
        : encodeSotwResponse({ typeUrl, resources, version, nonce, wrapTtl });
    const entry = { framed: frame(message), nonce, out, variant, wrapTtl, serial: this.#serial };
    this.#entries.push(entry);
    this.#bytes += entry.framed.length;
    while (this.#entries.length > MAX_ENTRIES || (this.#bytes > MAX_BYTES && this.#entries.length > 1)) {
      this.#bytes -= (this.#entries.shift() as Entry).framed.length;
    }
    return entry;
  }
}

/** Resources are shared objects, so identity is enough. */
function sameContent(a: Outgoing, b: Outgoing): boolean {
  return (
    a.typeUrl === b.typeUrl &&
    a.version === b.version &&
    sameList(a.resources, b.resources) &&
    sameList(a.heartbeats, b.heartbeats) &&
    sameList(a.removed, b.removed)
  );
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
