import type { LoadBalancer } from '../../core/policy/index.ts';
import type { Fault } from './fault.ts';

/** More arrivals than the mean for a while, again and again. */
export type Burst = { readonly factor: number; readonly everyMs: number; readonly forMs: number };

export type Autoscaling = {
  /** Of all endpoints; the others come when the load asks for them. */
  readonly least: number;
  readonly everyMs: number;
  /** Requests in flight for each slot that it aims at. */
  readonly target: number;
  readonly coldMs: number;
};

/** What a user rehearses: what flags and scenario files can say, apart from names of files. What is absent has a default. */
export type RehearsalSpec = {
  readonly service?: string;
  /** Instead of the policy's own. */
  readonly weights?: LoadBalancer['weights'];
  /** How many endpoints a pool has that does not list them. */
  readonly endpoints?: Readonly<Record<string, number>>;
  readonly sidecars?: number;
  readonly workers?: number;
  readonly crossZoneMs?: number;
  /** At most one of these three: how fast a trace is replayed, requests per second, or part of what the fleet can do. */
  readonly speed?: number;
  readonly ratePerSec?: number;
  readonly load?: number;
  readonly burst?: Burst;
  readonly durationMs?: number;
  readonly warmUpMs?: number;
  readonly ttftMs?: number;
  readonly tpotMs?: number;
  readonly faults?: readonly Fault[];
  readonly autoscaler?: Autoscaling;
};
