import type { NodeStyle } from './delta-stream.ts';

/** Certificates as files (PEM). */
export type TlsFiles = { readonly ca: string; readonly cert: string; readonly key: string };

export type FleetOptions = {
  readonly port: number;
  readonly streams: number;
  readonly node: NodeStyle;
  readonly tls?: TlsFiles;
};

/** What the bench asks of the client process. Each gets one answer, in order. */
export type Command =
  /** Opens all streams at once; answered when the last is in sync. */
  | ({ readonly kind: 'open' } & FleetOptions)
  /** Answered when all streams that read have the change. */
  | { readonly kind: 'await'; readonly change: number }
  | { readonly kind: 'receipts'; readonly from: number; readonly to: number }
  /** Closes and opens all streams at once; answered when the last has the answer to its marker. */
  | { readonly kind: 'reconnect' }
  | { readonly kind: 'stall'; readonly streams: number }
  | { readonly kind: 'close' };

/** How long streams took until they were in sync, the median one and the last one. */
export type Sync = {
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Connections that broke on the way there and were made again. */
  readonly retries: number;
};

/** When one change came to the streams, on the machine's monotonic clock. */
export type Receipts = {
  readonly change: number;
  readonly count: number;
  readonly bytes: number;
  readonly firstAtMs: number;
  readonly medianAtMs: number;
  readonly p99AtMs: number;
  readonly lastAtMs: number;
};

export type Answer =
  | ({ readonly kind: 'open' } & Sync)
  | { readonly kind: 'await' }
  /** `clientCpuMs` since the answer before of this kind. */
  | { readonly kind: 'receipts'; readonly list: readonly Receipts[]; readonly clientCpuMs: number }
  | ({ readonly kind: 'reconnect'; readonly resourcesAgain: number; readonly bytesAgain: number } & Sync)
  | { readonly kind: 'stall' }
  | { readonly kind: 'close' }
  /** A stream broke; may come at any time. */
  | { readonly kind: 'failed'; readonly reason: string };

export type AnswerTo<K extends Command['kind']> = Extract<Answer, { kind: K }>;
