import type { Sample } from '../../core/topology/index.ts';
import type { Refusal } from './reading.ts';

/** Why a try gave nothing, or less than it should. A label of metrics, so the list is short and fixed. */
export type FailureReason =
  | 'Timeout'
  | 'Stopped'
  | 'Unreachable'
  | 'Forbidden'
  | 'Closed'
  | 'Protocol'
  | 'Status'
  | 'ContentType'
  | 'TooLarge'
  | 'Truncated'
  | 'NoMetrics'
  | 'NotReady'
  | 'Refused'
  | 'Query'
  | 'File'
  | 'Stale'
  | 'Process'
  | 'Internal';

/** `message` is a few words for a person, without credentials and without stack traces. */
export type Failure = { readonly reason: FailureReason; readonly message: string };

/** What one try brought. Samples and a failure can come together: a part of the source answered. */
export type Collected = {
  readonly samples: readonly Sample[];
  /** Values that were not believed. They give no sample: what was known before stays, with its old time. */
  readonly refusals: readonly Refusal[];
  /** What a person should know although the try went well: unreadable lines, warnings of the source. */
  readonly note?: string;
  readonly badLines: number;
  readonly failure?: Failure;
};

/**
 * One place to read signals from, as the schedule needs it.
 *
 * Contract: `collect` never rejects; it settles soon after `signal` aborts (whose reason is then `Timeout` or `Stopped`);
 * it is not called again before it has settled. `nowMs` is the time of the call on the server's clock; samples are dated
 * on that clock and never in the future. A missing value gives no sample, never a zero.
 */
export interface SignalSource {
  collect(nowMs: number, signal: AbortSignal): Promise<Collected>;
}

export function failed(reason: FailureReason, message: string): Collected {
  return { samples: [], refusals: [], badLines: 0, failure: { reason, message } };
}
