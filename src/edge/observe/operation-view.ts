import type { OperationKind } from '../../core/operations/index.ts';

/** One operation by hand as the API, the command line and the page show it. */
export type OperationView = {
  readonly id: string;
  readonly kind: OperationKind;
  readonly service: string;
  /** What it is about, as a command names it: `chat/gpu/127.0.0.1:9101`. */
  readonly target: string;
  /** What it does, in a sentence. */
  readonly effect: string;
  /** Of a failover: the pool that takes over; `null`: all others, or no failover. */
  readonly toPool: string | null;
  /** Of a shed, 1..100. */
  readonly percent: number | null;
  readonly reason: string;
  readonly author: string;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  readonly forced: boolean;
  readonly state: 'Running' | 'Lapsed' | 'Cancelled';
  /** Who has it, or had it last: the canaries of groups that have some, or everybody. */
  readonly phase: 'Canary' | 'Everywhere';
  /** Why it has no effect now although it runs; `null` where it has. */
  readonly note: string | null;
  /** `null` while it runs. */
  readonly finishedAtMs: number | null;
  readonly cancelledBy: string | null;
  readonly cancelReason: string | null;
};
