/** What goes wrong, with the words of `loadline modelserver` where it has them. */
export type Effect =
  /** Factor on its speed; the clock of its GPU follows. */
  | { readonly kind: 'speed'; readonly value: number }
  /** Part of its capacity that other tenants take. */
  | { readonly kind: 'foreignLoad'; readonly value: number }
  /** Part of its requests that is answered with an error at once. */
  | { readonly kind: 'failRatio'; readonly value: number }
  /** Dead: what is on it fails, and what comes. */
  | { readonly kind: 'crash' }
  /** Wedged: no progress, and its metrics stand still. */
  | { readonly kind: 'freeze' }
  /** Takes requests and makes nothing of them for so long. */
  | { readonly kind: 'coldStart'; readonly forMs: number }
  /** Its pages stand still, and it goes on. */
  | { readonly kind: 'staleMetrics' }
  /** Its GPU tells a clock that is this part of the real one. */
  | { readonly kind: 'clock'; readonly value: number }
  /** Not in the fleet; it comes back cold for so long. */
  | { readonly kind: 'absent'; readonly coldMs: number };

export type Fault = {
  /** As it was written. */
  readonly text: string;
  readonly atMs: number;
  /** When it heals; undefined: not in this run. */
  readonly untilMs: number | undefined;
  readonly what:
    | { readonly kind: 'Servers'; readonly of: ServerChoice; readonly effect: Effect }
    /** The sidecar goes, and another comes in its place. */
    | { readonly kind: 'Sidecar'; readonly sidecar: number };
};

/** By number (from 0, in the order of the policy), by `address:port` or `pool/address:port`, or all of a pool. */
export type ServerChoice =
  | { readonly kind: 'Number'; readonly number: number }
  | { readonly kind: 'Named'; readonly name: string }
  | { readonly kind: 'Pool'; readonly pool: string };
