import type { Policy } from '../../core/policy/index.ts';
import type { Endpoint } from '../../core/topology/index.ts';
import type { EngineCondition, EngineProfile } from '../modelserver/index.ts';
import type { TraceRow } from '../traffic/index.ts';

/** A change from outside. */
export type Event = { readonly atMs: number } & (
  | { readonly kind: 'Condition'; readonly server: number; readonly change: Partial<EngineCondition> }
  /** This share of its requests is answered with an error at once: fast, and so attractive. */
  | { readonly kind: 'Sinkhole'; readonly server: number; readonly ratio: number }
  /** The process ends: every request on it fails, and it is back, cold, at the time. */
  | { readonly kind: 'Crash'; readonly server: number; readonly backAtMs: number }
  /** The process starts anew and takes requests, but makes nothing of them for so long; its numbers read zero. */
  | { readonly kind: 'ColdStart'; readonly server: number; readonly forMs: number }
  /** The pages of its exporter stand still from now on, or until then. */
  | { readonly kind: 'FreezeMetrics'; readonly server: number; readonly untilMs?: number }
  /** Its GPU tells a clock that is this part of the real one. */
  | { readonly kind: 'FalseClock'; readonly server: number; readonly ratio: number }
  /** Its GPU tells that it is throttled from now on, and is not. */
  | { readonly kind: 'FalseThrottle'; readonly server: number }
  /** It comes into the fleet, where it was not before; it takes requests and makes nothing of them while it is cold. */
  | { readonly kind: 'Join'; readonly server: number; readonly coldMs: number }
  /** It gets nothing new, and ends what it has. */
  | { readonly kind: 'Leave'; readonly server: number }
  /** The sidecar goes with its client, which others stand in for, and another is there at the time. */
  | { readonly kind: 'SidecarRestart'; readonly sidecar: number; readonly backAtMs: number }
);

/** Servers come and go with the load, as with a HorizontalPodAutoscaler: those at the end of the list last and first. */
export type Autoscaler = {
  readonly least: number;
  readonly periodMs: number;
  /** Requests in flight for each slot that it aims at. */
  readonly targetRatio: number;
  /** How long a new server is cold. */
  readonly coldMs: number;
};

/** Lengths in tokens. */
export type Lengths =
  | { readonly kind: 'Suite'; readonly outputFactor: number }
  /** Two kinds of answers, short and long, each ±50 %. */
  | { readonly kind: 'Live' };

/** `HalfUnderReport`: every second device tells half of what it does, and says that it is a whole one. */
export type GpuSignal = 'None' | 'Honest' | 'Noisy' | 'Concave' | 'Pinned' | 'Slow' | 'HalfUnderReport';

/**
 * Where everybody is. What crosses zones takes longer, and a request that is longer under way makes its server look fuller. Zones
 * choose only where the policy keeps requests in them: Envoy's own zone-aware routing is refused.
 */
export type Zones = {
  readonly ofServers: readonly number[];
  readonly ofSidecars: readonly number[];
  /** One way. */
  readonly crossMs: number;
  /** Names of the zones by their number, where Loadline keeps requests in them. */
  readonly preferred?: readonly string[];
};

/** When a server sends the headers of its response. */
export type Headers = 'FirstToken' | 'Immediate' | 'AtEnd';

export type Server = {
  readonly profile: EngineProfile;
  /** Whether the policy says its batch limit. */
  readonly slotsKnown: boolean;
  /** What it can do, where that is known better than by its slots times its speed. Any unit. */
  readonly capacity?: number;
  /** What is seen of it, where that is not what the scenario says of all. */
  readonly sensing?: Sensing;
};

/** What a server can do beside others, when nothing is wrong. */
export function capacityOf({ profile, capacity }: Server): number {
  return capacity ?? profile.slots * profile.speed;
}

/** How often its pages are read (undefined: never), what its GPU says, and when it sends headers. */
export type Sensing = {
  readonly enginePeriodMs: number | undefined;
  readonly gpuPeriodMs: number | undefined;
  readonly gpu: GpuSignal;
  /** Between two collections the values of the exporter stand still. */
  readonly gpuCollectMs: number;
  readonly headers: Headers;
};

/** A policy of the product for the controller; without one it runs with defaults, and equal priors. */
export type Governance = {
  /** With the one service that is simulated. */
  readonly policy: Policy;
  readonly service: string;
  readonly group: string;
  /** In the order of the servers. */
  readonly endpoints: readonly Endpoint[];
};

/** Requests of a recorded service instead of drawn ones, their times already as they are to be. */
export type Replay = {
  /** Read as a ring when the run is longer. */
  readonly rows: readonly TraceRow[];
  /** Whether each seed begins at a row that it draws, or all at the first. */
  readonly fromAnywhere: boolean;
};

export type Scenario = {
  readonly name: string;
  readonly servers: readonly Server[];
  readonly sidecars: number;
  readonly workers: number;
  readonly zones?: Zones;
  /** The part of all requests that the first sidecar gets, when it is not an even share. */
  readonly firstSidecarRatio?: number;
  /** Requests per second of all sidecars together at a time. */
  readonly ratePerSec: (atMs: number) => number;
  readonly maxRatePerSec: number;
  readonly lengths: Lengths;
  readonly replay?: Replay;
  readonly governance?: Governance;
  readonly events: readonly Event[];
  readonly autoscaler?: Autoscaler;
  readonly durationMs: number;
  /** Requests that arrive earlier are not counted. */
  readonly warmUpMs: number;
  readonly slo: { readonly ttftMs: number; readonly tpotMs: number };
  readonly signals: {
    readonly engine: boolean;
    readonly engineDelayMs: number;
    readonly gpu: GpuSignal;
    /** `Partitioned`: the exporter says that its devices are cut or shared. */
    readonly gpuDevice: 'Whole' | 'Partitioned';
    /** Whether exporters tell the SM clock, which follows the speed at once. */
    readonly clock: boolean;
    /** Whether exporters tell that a GPU is throttled, which it is when it is slower than usual. */
    readonly throttle?: boolean;
    readonly headers: Headers;
    readonly loadReports: boolean;
    /** Load reports are late by so much, all of them, and nothing tells the controller. */
    readonly reportDelayMs: number;
    /** And by up to so much more, each for itself. */
    readonly reportJitterMs: number;
    /** Envoy up to 1.36 leaves out of its reports who has only long requests under way. */
    readonly reportsOmitBusy: boolean;
    /** From a decision to the changed picks of a sidecar: one ACK, the merge window of the cluster, and the next request. */
    readonly pushMs: number;
  };
};

/**
 * Who chooses: Envoy's round robin or least request alone with equal weights, its client-side weighted round robin on what each
 * server says of itself, Loadline's law, or somebody who knows speed and width of every server from the start and never changes
 * his mind (a reference, no upper bound).
 */
export const ARMS = ['RoundRobin', 'LeastRequest', 'ClientSideWeightedRoundRobin', 'Oracle', 'Loadline'] as const;
export type Arm = (typeof ARMS)[number];
