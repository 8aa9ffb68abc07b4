import type { Endpoint, EndpointId } from '../topology/index.ts';
import { clampCapacity } from './plausible.ts';

/**
 * What `stepLoad` remembers of one service. Plain data, because it is checkpointed as JSON and must continue identically
 * after a restart: numbers are finite, `null` stands for "not yet", and names that come from outside (nodes, GPUs) are
 * values in lists, never keys. Times are epoch milliseconds; rates are per second.
 */
export type LoadState = {
  readonly version: 2;
  readonly startedAtMs: number;
  readonly atMs: number;
  /**
   * Endpoints by place: those of the last tick, in their order, and behind them who left while a sidecar still had requests
   * there. Sidecars refer to them by place: a thousand names for each sidecar would be most of the state.
   */
  readonly ids: readonly EndpointId[];
  readonly endpoints: Readonly<Record<EndpointId, EndpointMemory>>;
  readonly sidecars: readonly SidecarMemory[];
  readonly cluster: ClusterMemory;
};

/** One sidecar's load reports: what it had in flight at the last one. */
export type SidecarMemory = {
  nodeId: string;
  reportedAtMs: number;
  intervalSec: number;
  /** The next report only says where counting starts: its stream is new, so its counts cover an unknown time. */
  baseline: boolean;
  /** Where it had requests in flight. */
  readonly places: readonly number[];
  /** Requests in flight there (act), above 0, and those of them without response headers yet (W). */
  readonly inFlight: readonly number[];
  readonly pending: readonly number[];
};

export type EngineReading = {
  atMs: number;
  /** When any of its values last differed from the page before; `atMs` for sources that do not tell. */
  changedAtMs: number;
  running: number;
  waiting: number;
  kvUsageRatio: number | null;
  /** The batch limit that the engine states itself; few do. */
  maxRunning: number | null;
  promptTokens: number | null;
  generationTokens: number | null;
  processStartSec: number | null;
  /** It counts as fresh no longer than this, where a lease was given. */
  leaseMs?: number;
  /** What the page said of the KV cache, where it cannot be. */
  kvConflict?: number;
};

/** Means over the answers of one tick; null where none said it. */
export type OrcaReading = {
  atMs: number;
  kvUsageRatio: number | null;
  waiting: number | null;
};

export type GpuMemory = {
  gpu: string;
  whole: boolean;
  utilRatio: number | null;
  utilAtMs: number;
  clockHertz: number | null;
  clockAtMs: number;
  leaseMs?: number;
  /** The newest utilisation cannot be: the last good one stands above, and ages. Absent while it can. */
  utilConflict?: ConflictMemory;
  /** Absent until its exporter tells of XIDs, of throttling. */
  xid?: XidMemory;
  throttle?: ThrottleMemory;
};

/** A value beyond its range, and since when there has been one. */
export type ConflictMemory = { readonly value: number; readonly beganAtMs: number };

export type XidMemory = {
  /** When it was last told. */
  atMs: number;
  /** The last code ever, as told; null where only counts are told. */
  code: number | null;
  /** `Suspect`: a fatal code of unknown age. `Dismissed`: the endpoint worked on, or was started anew, after it. */
  stage: 'Clear' | 'Suspect' | 'Fatal' | 'Dismissed';
  /** The code that the stage is about; 0 none. */
  fatalCode: number;
  stageAtMs: number;
  /** The fatal code of the exporter's window, 0 none, and when it was last there. */
  recent: number;
  recentAtMs: number;
};

export type ThrottleMemory = {
  atMs: number;
  /** As told; by a counter of seconds until `holdUntilMs`; by counts in a window. 0..1. */
  ratio: number;
  totalSec: number | null;
  totalAtMs: number;
  totalRatio: number;
  riseAtMs: number;
  holdUntilMs: number;
  recentCount: number | null;
  recentRatio: number;
};

/** `Waiting`: no completion seen since it joined or recovered. `Ramping`: seen at `firstAtMs`. `Running`: was there before. */
export type Phase = 'Running' | 'Waiting' | 'Ramping';

/** Beliefs about one endpoint; the names in brackets are the symbols of the law. A draft of it changes during a tick. */
export type EndpointMemory = {
  /** Discovery's incarnation; the engine's start time stands in `processStartSec`. */
  incarnation: string;
  processStartSec: number | null;
  /** How often it became another server; with `incarnation` it tells the weights room that memory ended. */
  lives: number;
  joinedAtMs: number;
  /** Log of the operator's capacity prior. */
  logPrior: number;
  /** [lc] */
  logCapacity: number;
  /** Seconds that the capacity sample has been far above (+) or below (-) the belief. [big] */
  farSec: number;
  /** [N] in flight over all sidecars, and [W] of these without headers. */
  inFlight: number;
  pending: number;
  /** [zE, nE] engine work and running requests, τ 2 s; [zL, nL] completions and in flight, τ 20 s; [aL] τ 3 s. */
  engineWork: number;
  engineRunning: number;
  completions: number;
  meanInFlight: number;
  inFlightPerSidecar: number;
  /** [err3] */
  errorsPerSec: number;
  /** Of a fading window: how many requests were issued, and errors came. */
  recentRequests: number;
  recentErrors: number;
  /** [badFor] 0 while it is well. */
  badSec: number;
  phase: Phase;
  firstAtMs: number;
  /** [foreign] */
  foreign: number;
  engine: EngineReading | null;
  /** What answers said last; null before one did, and while an engine page speaks for the endpoint. */
  orca: OrcaReading | null;
  /** [usual] how old a reading normally is when the next one comes. */
  usualAgeSec: number;
  /** N at the last ticks, oldest first; aligned with the tail of the cluster's `ringAtMs`. */
  ring: number[];
  /** Slots that `logCapacity` was learned with; null until it was learned. */
  capacitySlots: number | null;
  /** [rk, kk] */
  kvRunning: number;
  kvUsage: number;
  /** What the KV cache holds in requests; null until it was well filled once. */
  slotsByKv: number | null;
  /** The batch limit that the engine stated last; kept while it is silent, for it changes with a restart only. */
  slotsStated: number | null;
  /** [Bhat], who found it, and how long a queue has stood. */
  slotsByQueue: number | null;
  slotsByQueueFrom: 'Engine' | 'Headers' | 'Orca' | null;
  queueSec: number;
  /** [W10, N10] */
  pending10: number;
  inFlight10: number;
  gpus: Readonly<GpuMemory>[];
  util: UtilMemory | null;
  /** [B_U] slots by utilisation, and whether a known batch limit is being cut by it. */
  slotsByUtil: number | null;
  utilCut: boolean;
  /** [lastClk] and how long the endpoint has had work: an idle GPU lowers its clock for another reason. */
  clockHertz: number | null;
  busySec: number;
  /** [thr] How throttled its GPU is, smoothed, and how much of `logCapacity` that took; null while it is not. */
  throttled: { readonly ratio: number; readonly log: number } | null;
  /** Since when it gets nothing new because its GPU is lost. */
  drainedAtMs: number | null;
  /** The newest KV usage cannot be; and the last good one. Null while it can. */
  kvConflict: (ConflictMemory & { readonly goodRatio: number | null }) | null;
  /** How long its engine has told of less than half of what the sidecars have in flight there. */
  engineDoubtSec: number;
  /** How long it has had requests and done nothing, while a GPU of it is under suspicion. */
  stuckSec: number;
};

/** [u3 n3 u20 n20 mx my] and how long the utilisation has repeated exactly. */
export type UtilMemory = {
  readonly last: number;
  readonly repeatSec: number;
  readonly util3: number;
  readonly inFlight3: number;
  readonly util20: number;
  readonly inFlight20: number;
  readonly meanLogInFlight: number;
  readonly meanLogUtil: number;
  /** How long it has read full while the engine had nothing to do; absent while it does not. */
  readonly idleFullSec?: number;
};

export type ClusterMemory = {
  ringAtMs: number[];
  /** [Ntot, X], and completions per second with τ 10 s, which X follows. */
  totalInFlight: number;
  completions10: number;
  completionsSlow: number;
  /** [aN] */
  meanInFlightPerSidecar: number;
  /** [pgood] */
  goodPressure: number | null;
  /** [M] of the last tick with reports; kept while they are silent. */
  sidecars: number;
  /** Nodes that presence says are connected: stands in for M where nobody reports. */
  connected: string[];
  /** Since when load reports have been fresh without a break; null while silent. */
  reportsSinceMs: number | null;
  /** Mean age of the reports [Dl] and of the engine readings [D] at the tick. */
  reportAgeSec: number | null;
  engineAgeSec: number | null;
  /** [sxx sxy open offUntil] */
  gpuGate: {
    sumXX: number;
    sumXY: number;
    open: boolean;
    closedUntilMs: number;
    offUntilMs: number;
    contradictionSec: number;
  };
};

/** See `draftEndpoint`. */
export function draftCluster(memory: ClusterMemory): ClusterMemory {
  const { gpuGate } = memory;
  return {
    ringAtMs: memory.ringAtMs,
    totalInFlight: memory.totalInFlight,
    completions10: memory.completions10,
    completionsSlow: memory.completionsSlow,
    meanInFlightPerSidecar: memory.meanInFlightPerSidecar,
    goodPressure: memory.goodPressure,
    sidecars: memory.sidecars,
    connected: memory.connected,
    reportsSinceMs: memory.reportsSinceMs,
    reportAgeSec: memory.reportAgeSec,
    engineAgeSec: memory.engineAgeSec,
    gpuGate: {
      sumXX: gpuGate.sumXX,
      sumXY: gpuGate.sumXY,
      open: gpuGate.open,
      closedUntilMs: gpuGate.closedUntilMs,
      offUntilMs: gpuGate.offUntilMs,
      contradictionSec: gpuGate.contradictionSec,
    },
  };
}

export function newCluster(): ClusterMemory {
  return {
    ringAtMs: [],
    totalInFlight: 0,
    completions10: 0,
    completionsSlow: 0,
    meanInFlightPerSidecar: 0,
    goodPressure: null,
    sidecars: 0,
    connected: [],
    reportsSinceMs: null,
    reportAgeSec: null,
    engineAgeSec: null,
    gpuGate: { sumXX: 0, sumXY: 0, open: false, closedUntilMs: 0, offUntilMs: 0, contradictionSec: 0 },
  };
}

/**
 * The draft that a tick works on: one level deeper than what it changes, so that the given state stays as it was. A state that
 * was saved by an older server lacks what came later. Field by field, because V8 copies an object of so many fields by a
 * spread in steps, and a tick makes a thousand; the type tells whoever adds a field to name it here.
 */
export function draftEndpoint(memory: EndpointMemory): EndpointMemory {
  return {
    incarnation: memory.incarnation,
    processStartSec: memory.processStartSec,
    lives: memory.lives,
    joinedAtMs: memory.joinedAtMs,
    logPrior: memory.logPrior,
    logCapacity: memory.logCapacity,
    farSec: memory.farSec,
    inFlight: memory.inFlight,
    pending: memory.pending,
    engineWork: memory.engineWork,
    engineRunning: memory.engineRunning,
    completions: memory.completions,
    meanInFlight: memory.meanInFlight,
    inFlightPerSidecar: memory.inFlightPerSidecar,
    errorsPerSec: memory.errorsPerSec,
    recentRequests: memory.recentRequests ?? 0,
    recentErrors: memory.recentErrors ?? 0,
    badSec: memory.badSec,
    phase: memory.phase,
    firstAtMs: memory.firstAtMs,
    foreign: memory.foreign,
    engine: memory.engine,
    orca: memory.orca ?? null,
    usualAgeSec: memory.usualAgeSec,
    ring: memory.ring,
    capacitySlots: memory.capacitySlots ?? null,
    kvRunning: memory.kvRunning,
    kvUsage: memory.kvUsage,
    slotsByKv: memory.slotsByKv ?? null,
    slotsStated: memory.slotsStated ?? null,
    slotsByQueue: memory.slotsByQueue,
    slotsByQueueFrom: memory.slotsByQueueFrom,
    queueSec: memory.queueSec,
    pending10: memory.pending10,
    inFlight10: memory.inFlight10,
    gpus: memory.gpus.slice(),
    util: memory.util,
    slotsByUtil: memory.slotsByUtil,
    utilCut: memory.utilCut,
    clockHertz: memory.clockHertz,
    busySec: memory.busySec,
    throttled: memory.throttled ?? null,
    drainedAtMs: memory.drainedAtMs ?? null,
    kvConflict: memory.kvConflict ?? null,
    engineDoubtSec: memory.engineDoubtSec ?? 0,
    stuckSec: memory.stuckSec ?? 0,
  };
}

export function newEndpoint(endpoint: Endpoint, logCapacity: number, phase: Phase, nowMs: number): EndpointMemory {
  return {
    incarnation: endpoint.incarnation,
    processStartSec: null,
    lives: 0,
    joinedAtMs: nowMs,
    logPrior: logPrior(endpoint),
    logCapacity: clampCapacity(logCapacity),
    farSec: 0,
    inFlight: 0,
    pending: 0,
    engineWork: 0,
    engineRunning: 0,
    completions: 0,
    meanInFlight: 0,
    inFlightPerSidecar: 0,
    errorsPerSec: 0,
    recentRequests: 0,
    recentErrors: 0,
    badSec: 0,
    phase,
    firstAtMs: 0,
    foreign: 0,
    engine: null,
    orca: null,
    usualAgeSec: 1,
    ring: [],
    capacitySlots: null,
    kvRunning: 0,
    kvUsage: 0,
    slotsByKv: null,
    slotsStated: null,
    slotsByQueue: null,
    slotsByQueueFrom: null,
    queueSec: 0,
    pending10: 0,
    inFlight10: 0,
    gpus: [],
    util: null,
    slotsByUtil: null,
    utilCut: false,
    clockHertz: null,
    busySec: 0,
    throttled: null,
    drainedAtMs: null,
    kvConflict: null,
    engineDoubtSec: 0,
    stuckSec: 0,
  };
}

/** Log of the capacity prior; a prior that is not a positive number says nothing. */
export function logPrior({ capacity }: Pick<Endpoint, 'capacity'>): number {
  return capacity > 0 && capacity <= 1e6 ? Math.max(-7, Math.log(capacity)) : 0;
}
