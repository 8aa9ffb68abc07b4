import type { Issue } from '../../base/units/index.ts';
import type { SignalState } from '../../core/load/index.ts';
import type { EndpointId, SourceHealth } from '../../core/topology/index.ts';
import type { Outcome } from '../../core/weights/index.ts';
import type { FailoverView } from './failover-view.ts';
import type { OperationView } from './operation-view.ts';
import type { WarmthView } from './warmth-view.ts';
import type { ZonesView } from './zones-view.ts';

/**
 * What a person needs first to know about an endpoint; the first that holds, in this order: `Draining` takes no new
 * requests, `Bad` answers with errors, `Stale` has neither fresh engine metrics nor load reports, `WarmingUp` has yet to
 * complete a first request or is within its warm-up, `Active` otherwise.
 */
export type EndpointState = 'Active' | 'Draining' | 'Bad' | 'WarmingUp' | 'Stale';

/** One endpoint as the API, the command line and the page show it. `null` means unknown, which is never the same as 0. */
export type EndpointView = {
  readonly id: EndpointId;
  readonly address: string;
  readonly port: number;
  /** Integer 1..1000 as sent to Envoy; 0 only before the first decision. */
  readonly weight: number;
  /** 0..1, target share of the new requests of the service. */
  readonly share: number;
  /** 0..1, share that the sidecars really issued, as their load reports say. */
  readonly issuedShare: number | null;
  readonly pressure: number | null;
  readonly inFlight: number | null;
  /** Age of the newest sample or report. */
  readonly ageMs: number | null;
  /** Age by kind of signal (`engine`, `gpu`, `reports`), where it is known. */
  readonly signalAgesMs: Readonly<Record<string, number>>;
  /** State by kind of signal (`engine`, `kv`, `gpu`, `clock`, `throttle`, `xid`, `reports`); empty before the first tick. */
  readonly signalStates: Readonly<Record<string, SignalState>>;
  /** What its GPU reported after which it can do no more work; it drains for that when `state` says so. */
  readonly gpuFault: string | null;
  /** Since when it is in its pool no more and finishes what it has; `null`: it is in it. */
  readonly leavingSinceMs: number | null;
  readonly state: EndpointState;
  readonly reason: string;
};

export type PoolView = {
  readonly name: string;
  /** 0..1, share of the new requests of the service that goes to this pool. */
  readonly split: number;
  /** Why the pool is not what one would expect, e.g. that it is empty. */
  readonly note?: string;
  /** `null` for a pool that is not kept warm. */
  readonly warmth: WarmthView | null;
  readonly endpoints: readonly EndpointView[];
};

/** How full a service is, and what its ladder gives up for that. */
export type OverloadView = {
  /** 1 is the knee: every batch slot in use. `null`: unknown. */
  readonly saturation: number | null;
  /** What the saturation is made of, or why it is unknown. */
  readonly reason: string;
  /** Steps of the ladder in use, of so many. */
  readonly level: number;
  readonly levels: number;
  /** What the ladder sheds, in its order; 1..100 of a hundred new requests of the class. */
  readonly sheds: readonly { readonly class: string; readonly percent: number }[];
  /** What the ladder moves to other pools; 1..100 of a hundred new requests of the class that are not shed. */
  readonly degrades: readonly { readonly class: string; readonly pool: string; readonly percent: number }[];
  /** How full the rest would be without its Spot pools, with what is in flight now; `null`: it has none. */
  readonly withoutSpot: { readonly saturation: number | null; readonly reason: string } | null;
};

export type ServiceView = {
  readonly name: string;
  /** `Undecided` until the first decision. */
  readonly outcome: Outcome | 'Undecided';
  /** When the weights that stand were decided; `null` until the first decision. */
  readonly decidedAtMs: number | null;
  /** `null` before the first tick. */
  readonly overload: OverloadView | null;
  /** `null` for a service without tiers. */
  readonly failover: FailoverView | null;
  /** `null` for a service that prefers no zone. */
  readonly zones: ZonesView | null;
  readonly pools: readonly PoolView[];
};

/** `NOT_SENT`: nothing was due yet. `STALE`: sent, not answered. */
export type SyncStatus = 'SYNCED' | 'STALE' | 'NACKED' | 'NOT_SENT';

/** What one node has of one resource type. */
export type TypeView = {
  /** `cds`, `eds`, `lds`, `rds`, `rtds`, `ecds`. */
  readonly type: string;
  readonly status: SyncStatus;
  readonly resources: number;
  readonly version?: string;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  /** Envoy's words, with NACKED; else why something is held back. */
  readonly message?: string;
  /** `file:line:column` of the policy text that asks for what is refused, and the revision that has it there. */
  readonly origin?: string;
  readonly revision?: string;
};

export type NodeView = {
  readonly id: string;
  readonly group: string;
  readonly envoyVersion: string;
  readonly peer: string;
  readonly connectedAtMs: number;
  readonly types: readonly TypeView[];
};

export type PolicyView = {
  /** Where the policy was read from, as the operator named it. */
  readonly files: readonly string[];
  readonly revision: string;
  readonly loadedAtMs: number;
  /** Of the newest bad load; empty when the newest load was good. */
  readonly problems: readonly Issue[];
  readonly warnings: readonly Issue[];
};

/** `Late`: less than 30 % of its life is left, so nobody has renewed it in time; `Urgent`: less than 10 %. */
export type CertificateState = 'Valid' | 'Late' | 'Urgent' | 'Expired';

export type CertificateView = {
  /** `server`, `client_ca`, `client_crl`. */
  readonly role: string;
  readonly file: string;
  readonly expiresAtMs: number;
  readonly state: CertificateState;
};

export type TlsView = {
  readonly certificates: readonly CertificateView[];
  /** Why the newest files are refused; empty while they are in use. */
  readonly problems: readonly string[];
};

/** Everything that `status`, `GET /api/state` and the page show: one value, so that they cannot disagree. */
export type ServerView = {
  readonly version: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly revision: string;
  readonly tick: number;
  readonly policy: PolicyView;
  readonly services: readonly ServiceView[];
  readonly nodes: readonly NodeView[];
  readonly sources: readonly SourceHealth[];
  /** What operators do by hand now. */
  readonly operations: readonly OperationView[];
  /** `null` with `--dev`, which has no TLS. */
  readonly tls: TlsView | null;
};
