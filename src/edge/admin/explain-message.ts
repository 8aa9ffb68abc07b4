import type { BeliefView, EndpointExplanation, ExplainTarget, ExplainView, LoopView } from '../observe/index.ts';
import { decodeFailover, encodeFailover } from './failover-message.ts';
import { decodeOperation, encodeOperation } from './operation-message.ts';
import {
  flag,
  fromEnum,
  fromSeconds,
  list,
  messageOrNull,
  number,
  numberOrNull,
  text,
  texts,
  toEnum,
  toSeconds,
  type Wire,
} from './wire-values.ts';
import { decodeZones, encodeZones } from './zones-message.ts';

/** ExplainTarget as loadline.admin.v1.ExplainRequest. */
export function encodeTarget(target: ExplainTarget): Wire {
  return { service: target.service, pool: target.pool ?? '', endpoint: target.endpoint ?? '' };
}

/** loadline.admin.v1.ExplainRequest as ExplainTarget. */
export function decodeTarget(wire: Wire): ExplainTarget {
  const pool = text(wire.pool);
  const endpoint = text(wire.endpoint);
  return {
    service: text(wire.service),
    ...(pool === '' ? {} : { pool }),
    ...(endpoint === '' ? {} : { endpoint }),
  };
}

/** ExplainView as loadline.admin.v1.ExplainResponse. */
export function encodeExplain(view: ExplainView): Wire {
  return {
    service: view.service,
    outcome: toEnum('OUTCOME', view.outcome),
    equal: view.equal,
    now: toSeconds(view.nowMs),
    decisionTime: toSeconds(view.decidedAtMs),
    sidecars: view.sidecars,
    loadReports: toEnum('REPORT_STATE', view.loadReports),
    requestTime: toSeconds(view.requestTimeSec === null ? null : view.requestTimeSec * 1000),
    meanInFlightPerSidecar: view.meanInFlightPerSidecar,
    goodPressure: view.goodPressure,
    imbalance: view.imbalance,
    counterfactual: view.counterfactual ?? undefined,
    loop: view.loop === null ? undefined : encodeLoop(view.loop),
    operations: view.operations.map(encodeOperation),
    failover: view.failover === null ? undefined : encodeFailover(view.failover),
    zones: view.zones === null ? undefined : encodeZones(view.zones),
    probe: view.probe === null ? undefined : { ...view.probe, endTime: toSeconds(view.probe.endAtMs) },
    endpoints: view.endpoints.map((endpoint) => ({
      ...endpoint,
      state: toEnum('ENDPOINT_STATE', endpoint.state),
      belief: endpoint.belief === null ? undefined : encodeBelief(endpoint.belief),
    })),
  };
}

/** loadline.admin.v1.ExplainResponse as ExplainView. */
export function decodeExplain(wire: Wire): ExplainView {
  return {
    service: text(wire.service),
    outcome: fromEnum('OUTCOME', wire.outcome),
    equal: flag(wire.equal),
    nowMs: fromSeconds(wire.now) ?? 0,
    decidedAtMs: fromSeconds(wire.decisionTime),
    sidecars: number(wire.sidecars),
    loadReports: fromEnum('REPORT_STATE', wire.loadReports),
    requestTimeSec: inSeconds(wire.requestTime),
    meanInFlightPerSidecar: numberOrNull(wire.meanInFlightPerSidecar),
    goodPressure: numberOrNull(wire.goodPressure),
    imbalance: numberOrNull(wire.imbalance),
    counterfactual: decodeCounterfactual(wire.counterfactual),
    loop: decodeLoop(wire.loop),
    operations: list(wire.operations, decodeOperation),
    failover: messageOrNull(wire.failover, decodeFailover),
    zones: messageOrNull(wire.zones, decodeZones),
    probe: decodeProbe(wire.probe),
    endpoints: list(wire.endpoints, decodeEndpoint),
  };
}

function encodeLoop({ herdAtMs, delaySec, reportsSec, ackSec, picksSec, ...rest }: LoopView): Wire {
  return {
    ...rest,
    herdTime: toSeconds(herdAtMs),
    delay: delaySec,
    reports: reportsSec ?? undefined,
    ack: ackSec ?? undefined,
    picks: picksSec ?? undefined,
  };
}

function decodeLoop(value: unknown): LoopView | null {
  if (typeof value !== 'object' || value === null) return null;
  const wire = value as Wire;
  return {
    gain: number(wire.gain),
    damping: number(wire.damping),
    herdAtMs: fromSeconds(wire.herdTime),
    delaySec: number(wire.delay),
    reportsSec: numberOrNull(wire.reports),
    ackSec: numberOrNull(wire.ack),
    picksSec: numberOrNull(wire.picks),
  };
}

function decodeProbe(value: unknown): ExplainView['probe'] {
  if (typeof value !== 'object' || value === null) return null;
  const { endpoint, factor, endTime, reason } = value as Wire;
  return {
    endpoint: text(endpoint),
    factor: number(factor),
    endAtMs: fromSeconds(endTime) ?? 0,
    reason: text(reason),
  };
}

function decodeEndpoint(wire: Wire): EndpointExplanation {
  return {
    id: text(wire.id),
    pool: text(wire.pool),
    address: text(wire.address),
    port: number(wire.port),
    state: fromEnum('ENDPOINT_STATE', wire.state),
    previousWeight: number(wire.previousWeight),
    weight: number(wire.weight),
    shadowWeight: numberOrNull(wire.shadowWeight),
    share: number(wire.share),
    issuedShare: numberOrNull(wire.issuedShare),
    reason: text(wire.reason),
    terms: decodeTerms(wire.terms),
    clamps: texts(wire.clamps),
    belief: decodeBelief(wire.belief),
  };
}

function decodeCounterfactual(value: unknown): ExplainView['counterfactual'] {
  if (typeof value !== 'object' || value === null) return null;
  const wire = value as Wire;
  const moves = list(wire.moves, ({ id, now, estimated }) => ({
    id: text(id),
    now: number(now),
    estimated: number(estimated),
  }));
  return { imbalance: number(wire.imbalance), moves };
}

function decodeTerms(value: unknown): EndpointExplanation['terms'] {
  if (typeof value !== 'object' || value === null) return null;
  const wire = value as Wire;
  return {
    capacity: number(wire.capacity),
    speed: number(wire.speed),
    inFlight: number(wire.inFlight),
    foreign: number(wire.foreign),
    health: number(wire.health),
    ramp: number(wire.ramp),
    feedForward: number(wire.feedForward),
  };
}

function encodeBelief(belief: BeliefView): Wire {
  const { rampAgeSec, ageMs, ...same } = belief;
  return {
    ...same,
    capacitySource: toEnum('CAPACITY_SOURCE', belief.capacitySource),
    freshness: toEnum('FRESHNESS', belief.freshness),
    gate: toEnum('GATE', belief.gate),
    rampAge: toSeconds(rampAgeSec === null ? null : rampAgeSec * 1000),
    age: toSeconds(ageMs),
    signals: belief.signals.map((one) => ({ ...one, state: toEnum('SIGNAL_STATE', one.state) })),
  };
}

function decodeBelief(value: unknown): BeliefView | null {
  if (typeof value !== 'object' || value === null) return null;
  const wire = value as Wire;
  return {
    inFlight: number(wire.inFlight),
    inFlightPerSidecar: number(wire.inFlightPerSidecar),
    foreign: number(wire.foreign),
    slots: number(wire.slots),
    slotsKnown: flag(wire.slotsKnown),
    logCapacity: number(wire.logCapacity),
    capacitySource: fromEnum('CAPACITY_SOURCE', wire.capacitySource),
    freshness: fromEnum('FRESHNESS', wire.freshness),
    gate: fromEnum('GATE', wire.gate),
    gpuUtilRatio: numberOrNull(wire.gpuUtilRatio),
    kvUsageRatio: numberOrNull(wire.kvUsageRatio),
    running: numberOrNull(wire.running),
    waiting: numberOrNull(wire.waiting),
    pressure: number(wire.pressure),
    errorsPerSec: number(wire.errorsPerSec),
    errorRatio: number(wire.errorRatio),
    bad: flag(wire.bad),
    waitingForFirst: flag(wire.waitingForFirst),
    rampAgeSec: inSeconds(wire.rampAge),
    ageMs: fromSeconds(wire.age),
    notes: texts(wire.notes),
    signals: list(wire.signals, ({ signal, state, why }) => ({
      signal: text(signal),
      state: fromEnum('SIGNAL_STATE', state),
      why: text(why),
    })),
  };
}

function inSeconds(value: unknown): number | null {
  const ms = fromSeconds(value);
  return ms === null ? null : ms / 1000;
}
