import type { Position } from '../../base/units/index.ts';
import type { RequestMatch } from './request-match.ts';
import type { Upstream, UpstreamTls } from './upstream.ts';

/**
 * The normalised policy: every default filled in, every duration in milliseconds, every percentage 0..100, every rate
 * per second. Other rooms see only this, never YAML. `origin` is where the document (or the part) starts.
 */
export type Policy = {
  /** Content hash of the normalised documents, in a fixed order: same meaning, same revision. */
  readonly revision: string;
  readonly groups: readonly SidecarGroup[];
  readonly services: readonly ModelService[];
  readonly trafficClasses: readonly TrafficClasses[];
};

export type SidecarGroup = {
  readonly name: string;
  readonly origin: Position;
  readonly identities: readonly string[];
  readonly listeners: readonly Listener[];
  /** Names of ModelServices, in the order of the document. */
  readonly modelServices: readonly string[];
  /** Where Loadline may ask sidecars what they have open; `port` for those whose bootstrap names none. */
  readonly envoyAdmin?: { readonly port?: number };
  readonly trafficClasses?: { readonly use: string; readonly allow: readonly string[]; readonly default: string };
  /** Absent: a change reaches all of the group at once. */
  readonly rollout?: RolloutStrategy;
};

/** How a change spreads over a group: to its canaries first, and to everybody when they have held it for a while. */
export type RolloutStrategy = {
  /** Of the group's sidecars, 0..100, rounded up to whole ones. */
  readonly canaryPercent: number;
  readonly minNodes: number;
  /** `node.id`s that are canaries while they are connected, instead of a share. */
  readonly nodes: readonly string[];
  readonly holdMs: number;
  readonly haltOn: readonly HaltEvent[];
};

/** What ends a rollout: an Envoy refuses a resource, requests fail where they did not, a canary goes away. */
export type HaltEvent = 'Nack' | 'ErrorBurn' | 'CanaryLost';

export type Listener = {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly origin: Position;
};

export type TrafficClasses = {
  readonly name: string;
  readonly origin: Position;
  /** In lower case. Clients choose with it among the classes that their group allows; any other value is the group's default. */
  readonly header: string;
  /** In the order of the document. */
  readonly classes: readonly TrafficClass[];
};

export type TrafficClass = {
  readonly name: string;
  /** Of the limits of a sidecar and service, 0..100, what only this class may use; 0: nothing. */
  readonly reservePercent: number;
  /** `Never`: not by a shed of the whole service, and by no ladder; `First`: before others; `Default`: when it is asked for. */
  readonly shed: 'Never' | 'First' | 'Default';
  /** When it is welcome; absent: always. */
  readonly window?: DailyWindow;
};

/** From one time of day to another, past midnight where `to` is before `from`; never the same. Minutes since midnight, 0..1439. */
export type DailyWindow = { readonly fromMinute: number; readonly toMinute: number; readonly timeZone: string };

export type ModelService = {
  readonly name: string;
  readonly origin: Position;
  readonly hostnames: readonly string[];
  readonly match: RequestMatch;
  readonly upstream: Upstream;
  readonly timeouts: Timeouts;
  readonly pools: readonly Pool[];
  /** Absent: requests go to all pools freely, by the weights of their endpoints. */
  readonly split?: Split;
  /** Copies of its requests go to another service too, and nobody waits for the answers. */
  readonly mirror?: Mirror;
  readonly loadBalancer: LoadBalancer;
  readonly outlierDetection: OutlierDetection;
  /** Absent: nobody asks the servers how they are. */
  readonly healthCheck?: HealthCheck;
  /** Absent: an endpoint that leaves its pool is gone at once. */
  readonly drain?: DrainPolicy;
  readonly retry: Retry;
  /** Of classes that differ from the service. */
  readonly classes?: readonly ClassSettings[];
  readonly circuitBreakers: CircuitBreakers;
  readonly rateLimits: readonly RateLimit[];
  /** Absent: what `shed: First` and windows of its classes say, between saturation 0.8 and 1. */
  readonly overload?: Overload;
  /** `signals.orca`: of the service and not of a pool, because they are one cluster. */
  readonly orca?: Orca;
};

/** `percent`: of the requests, a whole number 0..100. */
export type Mirror = { readonly toService: string; readonly percent: number };

/** What is given up while the service is saturated. Saturation 1 is the knee: every batch slot in use. */
export type Overload = {
  /** Saturation at which giving up begins, and below which it ends; `leaveAt` is less. */
  readonly enterAt: number;
  readonly leaveAt: number;
  /** One after the other; the next begins where the one before it is used up. */
  readonly actions: readonly OverloadAction[];
};

export type OverloadAction =
  /** Up to so many of a hundred new requests of a class are refused. */
  | { readonly kind: 'Shed'; readonly class: string; readonly upToPercent: number }
  /** Up to so many of a hundred that are not shed go to one pool. There is one for a class at most, and never to every pool. */
  | { readonly kind: 'Degrade'; readonly class: string; readonly toPool: string; readonly upToPercent: number };

/** What the servers' answers say of their load, read by Envoy and reported with its load reports. */
export type Orca = {
  /** What Envoy asks for in each request; `None`: nothing is asked, for servers that say it anyway. */
  readonly requestFormat: 'Json' | 'Text' | 'None';
};

/** 0 means none. */
export type Timeouts = {
  readonly connectMs: number;
  readonly responseHeadersMs: number;
  readonly perTryIdleMs: number;
  readonly streamIdleMs: number;
  readonly requestMs: number;
};

export type Pool = {
  readonly name: string;
  readonly origin: Position;
  readonly capacityType: 'Reserved' | 'OnDemand' | 'Spot';
  readonly maxRunningRequests?: number;
  readonly modelRevision?: string;
  /** In place of the service's. */
  readonly upstream?: { readonly tls: UpstreamTls };
  /** Absent: servers that have no requests are left alone. */
  readonly keepWarm?: KeepWarm;
  readonly endpoints: PoolEndpoints;
  /** The pool's own signals where it has them, else those of the service. */
  readonly signals: Signals;
};

/** Loadline's own prompt for each server of a pool that had no request for `intervalMs`: a POST in plaintext. */
export type KeepWarm = {
  readonly path: string;
  /** A JSON object as text. */
  readonly body: string;
  /** In place of the endpoint's. */
  readonly port?: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** A first byte that takes longer is none of a warm server; absent: `firstTokenP95AboveMs` of the tiers, or the timeout alone. */
  readonly slowAboveMs?: number;
};

/** How the requests of a service are divided between its pools. */
export type Split =
  /** Whole-number weights of all pools, in their order; 0 takes no requests. Their sum is above 0. */
  | { readonly kind: 'Fixed'; readonly weights: Readonly<Record<string, number>> }
  /** Each pool is in one tier; the next one has requests only as far as those before it have nobody healthy to take them. */
  | { readonly kind: 'Tiers'; readonly tiers: readonly (readonly string[])[]; readonly failover: Failover };

export type Failover = {
  /** Gateway failures (502, 503, 504) in a row after which an endpoint is ejected; absent: as `outlierDetection` says. */
  readonly consecutiveGatewayFailure?: number;
  /** 95th percentile of the time to the first token above which a tier is given up; absent: slowness alone gives up none. */
  readonly firstTokenP95AboveMs?: number;
  /** How long a tier that was given up must be well before it has its requests back. */
  readonly returnAfterMs: number;
};

export type PoolEndpoints =
  | { readonly kind: 'Static'; readonly endpoints: readonly StaticEndpoint[] }
  | { readonly kind: 'Dns'; readonly name: string; readonly port: number }
  | { readonly kind: 'Kubernetes'; readonly namespace: string; readonly service: string; readonly port: number };

export type StaticEndpoint = {
  readonly address: string;
  readonly port: number;
  readonly capacity: number;
  readonly zone?: string;
  /** What its cloud calls the machine, by which interruption notices name it. */
  readonly instance?: string;
  readonly maxRunningRequests?: number;
};

export type Signals = {
  readonly engine?: {
    readonly intervalMs: number;
    /** Whose metric names to read; absent: told by the names on each page. */
    readonly format?: EngineFormatName;
    readonly source: /** The endpoint's own page; `port` only where it differs from the endpoint's. */
      | { readonly kind: 'Endpoint'; readonly path: string; readonly port?: number }
      /** `port`: that of the endpoint's page, where Prometheus scrapes it on another than the endpoint's. */
      | { readonly kind: 'Prometheus'; readonly url: string; readonly port?: number }
      /** A file of this machine; `{address}` and `{port}` in its path are those of the endpoint. */
      | { readonly kind: 'File'; readonly path: string; readonly maxAgeMs: number };
  };
  readonly gpu?: {
    readonly intervalMs: number;
    readonly source:
      | { readonly kind: 'Exporter'; readonly portOffset?: number; readonly port?: number; readonly path: string }
      | { readonly kind: 'Prometheus'; readonly url: string }
      /** A file of this machine; `{address}` and `{port}` in its path are those of the endpoint. */
      | { readonly kind: 'File'; readonly path: string; readonly maxAgeMs: number };
    /** `Address`: the host of the `instance` label, for a Prometheus that scrapes the exporters on the endpoints' addresses. */
    readonly joinBy: readonly ('Pod' | 'Node' | 'Address' | 'Uuid' | 'Port')[];
    /** What becomes of an endpoint whose GPU reports an XID after which it can do no more work. */
    readonly fatalXid: 'Drain' | 'Ignore';
  };
  /** Agents may speak for the endpoints; silence longer than the lease makes unknown what they said. */
  readonly push?: { readonly leaseMs: number };
};

/** The engines whose metrics Loadline reads; `TensorRtLlm` is trtllm-serve as well as its backend in Triton. */
export type EngineFormatName = 'Vllm' | 'Sglang' | 'Tgi' | 'Triton' | 'TensorRtLlm' | 'LlamaCpp' | 'LmDeploy' | 'Nim';

export type LoadBalancer = {
  /** The last two pick by a hash of the request: `weights` is `Disabled` then. */
  readonly type: 'LeastRequest' | 'RoundRobin' | 'Maglev' | 'RingHash';
  /** Sidecars send to servers of their own zone as far as these have room. Absent: wherever the weights say. */
  readonly trafficDistribution?: 'PreferSameZone';
  /** What requests must have in common to go to the same endpoint; there exactly with a type that hashes. */
  readonly hash?: { readonly header: string };
  /** `Shadow` computes and reports without sending; `Disabled` sends equal weights. */
  readonly weights: 'Active' | 'Shadow' | 'Disabled';
  /** Part of the computed weights that `Active` sends: 0 equal weights, 1 all; their logs are scaled in between. */
  readonly blendRatio: number;
  /** Bound of learned capacity, heaviest to lightest. */
  readonly maxWeightRatio: number;
  readonly warmupMs: number;
};

export type OutlierDetection = {
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectOneHost: boolean;
};

/** What each sidecar asks every server of a service, whether there are requests or not. */
export type HealthCheck = {
  readonly path: string;
  readonly intervalMs: number;
  /** While the sidecar has never had a request for the service. */
  readonly noTrafficIntervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row of any kind (a status other than 200, a time-out, a broken connection) until it is out. */
  readonly unhealthyThreshold: number;
  /** Answers of 200 in a row until it is back; for a server that was never asked one is enough. */
  readonly healthyThreshold: number;
};

/** What becomes of an endpoint that leaves its pool. */
export type DrainPolicy = {
  /** So long it may finish what it has; it goes before that when nothing is left. */
  readonly deadlineMs: number;
};

export type Retry = {
  /** Beyond the first try; 0 switches retries off. */
  readonly numRetries: number;
  readonly retryOn: readonly string[];
  readonly retriableStatusCodes: readonly number[];
  readonly backOff: { readonly baseIntervalMs: number; readonly maxIntervalMs: number };
  readonly retryAfter: { readonly maxIntervalMs: number };
  readonly budget: { readonly percent: number; readonly minRetryConcurrency: number };
};

/** What holds for the requests of a class in place of what the service says. */
export type ClassSettings = {
  readonly class: string;
  readonly timeouts: Omit<Timeouts, 'connectMs'>;
  readonly retry: Omit<Retry, 'budget'>;
};

/** Per sidecar and service, as Envoy counts them. */
export type CircuitBreakers = {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
};

export type RateLimit = {
  readonly name: string;
  readonly origin: Position;
  /** Of the requests of this class alone. */
  readonly class?: string;
  readonly key?: { readonly header: string };
  /** Tokens that a request takes: what the header says, and `defaultTokens` (at most `burst`) where it says nothing. Absent: one. */
  readonly cost?: { readonly header: string; readonly defaultTokens: number };
  readonly ratePerSec: number;
  readonly burst: number;
  /** `Group`: one limit, shared evenly by the sidecars of the group. */
  readonly scope: 'Sidecar' | 'Group';
  readonly maxKeys: number;
};
