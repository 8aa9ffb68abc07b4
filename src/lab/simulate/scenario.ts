import type { EngineCondition, EngineProfile } from '../modelserver/index.ts';

/** A change of a server from outside. */
export type Event = { readonly atMs: number; readonly server: number } & (
  | { readonly kind: 'Condition'; readonly change: Partial<EngineCondition> }
  /** This share of its requests is answered with an error at once: fast, and so attractive. */
  | { readonly kind: 'Sinkhole'; readonly ratio: number }
  /** The process ends: every request on it fails, and it is back, cold, at the time. */
  | { readonly kind: 'Crash'; readonly backAtMs: number }
  /** The pages of its exporter stand still from now on. */
  | { readonly kind: 'FreezeMetrics' }
);

/** Lengths in tokens. */
export type Lengths =
  | { readonly kind: 'Suite'; readonly outputFactor: number }
  /** Two kinds of answers, short and long, each ±50 %. */
  | { readonly kind: 'Live' };

export type GpuSignal = 'None' | 'Honest' | 'Noisy' | 'Concave' | 'Pinned' | 'Slow';

/** When a server sends the headers of its response. */
export type Headers = 'FirstToken' | 'Immediate' | 'AtEnd';

export type Server = {
  readonly profile: EngineProfile;
  /** Whether the policy says its batch limit. */
  readonly slotsKnown: boolean;
};

export type Scenario = {
  readonly name: string;
  readonly servers: readonly Server[];
  readonly sidecars: number;
  readonly workers: number;
  /** The part of all requests that the first sidecar gets, when it is not an even share. */
  readonly firstSidecarRatio?: number;
  /** Requests per second of all sidecars together at a time. */
  readonly ratePerSec: (atMs: number) => number;
  readonly maxRatePerSec: number;
  readonly lengths: Lengths;
  readonly events: readonly Event[];
  readonly durationMs: number;
  /** Requests that arrive earlier are not counted. */
  readonly warmUpMs: number;
  readonly slo: { readonly ttftMs: number; readonly tpotMs: number };
  readonly signals: {
    readonly engine: boolean;
    readonly engineDelayMs: number;
    readonly gpu: GpuSignal;
    readonly headers: Headers;
    readonly loadReports: boolean;
  };
};

/**
 * Who chooses: Envoy's round robin or least request alone with equal weights, Loadline's law, or somebody who knows speed and
 * width of every server from the start and never changes his mind (a reference, no upper bound).
 */
export const ARMS = ['RoundRobin', 'LeastRequest', 'Oracle', 'Loadline'] as const;
export type Arm = (typeof ARMS)[number];
