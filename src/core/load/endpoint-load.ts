import type { EndpointId } from '../topology/index.ts';

/** Where an endpoint's capacity estimate comes from: the engine's work rate, Envoy's load reports, or nothing yet. */
export type CapacitySource = 'Engine' | 'LoadReports' | 'None';

/** Age of what is known: `Fresh` moves beliefs, `Stale` holds them, `Absent` was never there. Never "idle". */
export type Freshness = 'Fresh' | 'Stale' | 'Absent';

/**
 * What is believed about one endpoint after one tick. Symbols in brackets are those of the law
 * (`docs/design/control-law.md`).
 */
export type EndpointLoad = {
  readonly id: EndpointId;
  /** [N] requests in flight over all sidecars plus foreign ones. */
  readonly inFlight: number;
  /** [aL] in flight per sidecar, smoothed. */
  readonly inFlightPerSidecar: number;
  /** Requests that the sidecars started there since the last tick. */
  readonly issued: number;
  /** [foreign] requests at the engine that did not come through the sidecars; 0 when not significant. */
  readonly foreign: number;
  /** [B] effective slots of the engine. */
  readonly slots: number;
  readonly slotsKnown: boolean;
  /** Told by the policy or the engine, not learned. */
  readonly slotsTold: boolean;
  /** [lc] natural log of learned relative capacity, mean 0 over the service. */
  readonly logCapacity: number;
  readonly capacitySource: CapacitySource;
  /** Engine queue, KV usage 0..1 and running requests as last reported; undefined when absent or stale. */
  readonly waiting?: number | undefined;
  readonly kvUsageRatio?: number | undefined;
  readonly running?: number | undefined;
  /** GPU utilisation 0..1 as last reported, and whether the signal gate lets it count. */
  readonly gpuUtilRatio?: number | undefined;
  readonly gpuGate: 'Open' | 'Closed' | 'Absent';
  /** [err3] smoothed over 3 s. */
  readonly errorsPerSec: number;
  /** [r] of the requests issued lately, 0..1; 0 while there are too few errors to tell. */
  readonly errorRatio: number;
  readonly bad: boolean;
  /** [WAIT] no completion seen yet since it joined or came back. */
  readonly waiting1st: boolean;
  /** Seconds since the first completion after joining or recovering; undefined = ran before the ramp began to matter. */
  readonly rampAgeSec?: number | undefined;
  /** [p] (N+1)/B, raised by KV pressure above 0.8. */
  readonly pressure: number;
  /** What its GPU reported after which it can do no more work, and whether the endpoint gets nothing new for that. */
  readonly gpuFault?: { readonly words: string; readonly drained: boolean };
  readonly engine: Freshness;
  /** Milliseconds since the newest sample or report about it. */
  readonly ageMs: number;
};

/** Beliefs about one model service after one tick. Endpoints stand in the order of the input. */
export type ServiceLoad = {
  readonly service: string;
  readonly endpoints: readonly EndpointLoad[];
  /** [M] sidecars that report. */
  readonly sidecars: number;
  readonly loadReports: 'Fresh' | 'Silent';
  /** [S] mean time of a request in seconds, clamped to 1..60. */
  readonly requestTimeSec: number;
  /** [aN] mean in-flight per endpoint and sidecar. */
  readonly meanInFlightPerSidecar: number;
  /** [pgood] pressure of the healthy part; decides how much of a sick endpoint's traffic the rest can take. */
  readonly goodPressure: number;
  /** [D] Mean age of the engine readings at the tick, in seconds: the delay of the loop where there are no load reports. */
  readonly engineDelaySec: number;
  /** Median age of the newest load reports at the tick, in seconds; undefined while they are silent. */
  readonly reportDelaySec?: number | undefined;
  /** Seconds since this service was first ticked; the law is careful in its first 20 s. */
  readonly ageSec: number;
};
