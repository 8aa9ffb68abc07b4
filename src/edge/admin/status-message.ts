import type {
  EndpointView,
  NodeView,
  OverloadView,
  PoolView,
  ServerView,
  ServiceView,
  TlsView,
  TypeView,
} from '../observe/index.ts';
import { decodeFailover, encodeFailover } from './failover-message.ts';
import { decodeOperation, encodeOperation } from './operation-message.ts';
import { decodeIssue } from './policies/policy-messages.ts';
import { fromSyncStatus, toSyncStatus } from './sync-status.ts';
import {
  fromEnum,
  fromSeconds,
  list,
  messageOrNull,
  number,
  numberOrNull,
  optional,
  text,
  texts,
  toEnum,
  toSeconds,
  type Wire,
} from './wire-values.ts';
import { decodeZones, encodeZones } from './zones-message.ts';

/** ServerView as loadline.admin.v1.StatusResponse. */
export function encodeStatus(view: ServerView): Wire {
  return {
    version: view.version,
    startTime: toSeconds(view.startedAtMs),
    now: toSeconds(view.nowMs),
    revision: view.revision,
    tick: view.tick,
    policy: {
      files: view.policy.files,
      revision: view.policy.revision,
      loadTime: toSeconds(view.policy.loadedAtMs),
      problems: view.policy.problems,
      warnings: view.policy.warnings,
    },
    services: view.services.map((service) => ({
      name: service.name,
      outcome: toEnum('OUTCOME', service.outcome),
      decisionTime: toSeconds(service.decidedAtMs),
      ...(service.overload === null ? {} : { overload: encodeOverload(service.overload) }),
      ...(service.failover === null ? {} : { failover: encodeFailover(service.failover) }),
      ...(service.zones === null ? {} : { zones: encodeZones(service.zones) }),
      pools: service.pools.map(encodePool),
    })),
    nodes: view.nodes.map((node) => ({
      ...node,
      connectTime: toSeconds(node.connectedAtMs),
      types: node.types.map((type) => ({
        ...type,
        status: toSyncStatus(type.status),
        sendTime: toSeconds(type.sentAtMs),
        ackTime: toSeconds(type.ackedAtMs),
      })),
    })),
    sources: view.sources.map((source) => ({ ...source, lastSuccessTime: toSeconds(source.lastSuccessMs) })),
    operations: view.operations.map(encodeOperation),
    ...(view.tls === null ? {} : { tls: encodeTls(view.tls) }),
  };
}

/** loadline.admin.v1.StatusResponse as ServerView. */
export function decodeStatus(wire: Wire): ServerView {
  const policy = (wire.policy ?? {}) as Wire;
  return {
    version: text(wire.version),
    startedAtMs: fromSeconds(wire.startTime) ?? 0,
    nowMs: fromSeconds(wire.now) ?? 0,
    revision: text(wire.revision),
    tick: number(wire.tick),
    policy: {
      files: texts(policy.files),
      revision: text(policy.revision),
      loadedAtMs: fromSeconds(policy.loadTime) ?? 0,
      problems: list(policy.problems, decodeIssue),
      warnings: list(policy.warnings, decodeIssue),
    },
    services: list(wire.services, decodeService),
    nodes: list(wire.nodes, decodeNode),
    sources: list(wire.sources, (source) => ({
      source: text(source.source),
      service: text(source.service),
      pool: text(source.pool),
      lastSuccessMs: fromSeconds(source.lastSuccessTime) ?? undefined,
      consecutiveFailures: number(source.consecutiveFailures),
      lastError: source.lastError === undefined ? undefined : text(source.lastError),
    })),
    operations: list(wire.operations, decodeOperation),
    tls: messageOrNull(wire.tls, decodeTls),
  };
}

function encodeTls({ certificates, problems }: TlsView): Wire {
  return {
    certificates: certificates.map(({ role, file, expiresAtMs, state }) => ({
      role,
      file,
      expireTime: toSeconds(expiresAtMs),
      state: toEnum('CERTIFICATE_STATE', state),
    })),
    problems,
  };
}

function decodeTls(wire: Wire): TlsView {
  return {
    certificates: list(wire.certificates, ({ role, file, expireTime, state }) => ({
      role: text(role),
      file: text(file),
      expiresAtMs: fromSeconds(expireTime) ?? 0,
      state: fromEnum('CERTIFICATE_STATE', state),
    })),
    problems: texts(wire.problems),
  };
}

function encodeEndpoint(endpoint: EndpointView): Wire {
  const { ageMs, signalAgesMs, signalStates, gpuFault, leavingSinceMs, state, ...same } = endpoint;
  const states = Object.entries(signalStates).map(([kind, one]) => [kind, toEnum('SIGNAL_STATE', one)]);
  return {
    ...same,
    age: toSeconds(ageMs),
    signalAges: Object.fromEntries(Object.entries(signalAgesMs).map(([kind, ms]) => [kind, toSeconds(ms)])),
    // A field that is left out costs nothing, and a large fleet has ten thousands of endpoints.
    ...(states.length === 0 ? {} : { signalStates: Object.fromEntries(states) }),
    ...(gpuFault === null ? {} : { gpuFault }),
    ...(leavingSinceMs === null ? {} : { leaveTime: toSeconds(leavingSinceMs) }),
    state: toEnum('ENDPOINT_STATE', state),
  };
}

function decodeService(wire: Wire): ServiceView {
  return {
    name: text(wire.name),
    outcome: fromEnum('OUTCOME', wire.outcome),
    decidedAtMs: fromSeconds(wire.decisionTime),
    overload: messageOrNull(wire.overload, decodeOverload),
    failover: messageOrNull(wire.failover, decodeFailover),
    zones: messageOrNull(wire.zones, decodeZones),
    pools: list(wire.pools, decodePool),
  };
}

function encodeOverload({ saturation, withoutSpot, ...same }: OverloadView): Wire {
  return {
    ...same,
    ...(saturation === null ? {} : { saturation }),
    ...(withoutSpot === null ? {} : { withoutSpot: encodeReserve(withoutSpot) }),
  };
}

function encodeReserve({ saturation, reason }: NonNullable<OverloadView['withoutSpot']>): Wire {
  return { reason, ...(saturation === null ? {} : { saturation }) };
}

function decodeOverload(wire: Wire): OverloadView {
  return {
    saturation: numberOrNull(wire.saturation),
    reason: text(wire.reason),
    level: number(wire.level),
    levels: number(wire.levels),
    sheds: list(wire.sheds, (shed) => ({ class: text(shed.class), percent: number(shed.percent) })),
    degrades: list(wire.degrades, (one) => ({
      class: text(one.class),
      pool: text(one.pool),
      percent: number(one.percent),
    })),
    withoutSpot: messageOrNull(wire.withoutSpot, decodeReserve),
  };
}

function decodeReserve(wire: Wire): NonNullable<OverloadView['withoutSpot']> {
  return { saturation: numberOrNull(wire.saturation), reason: text(wire.reason) };
}

function encodePool({ warmth, endpoints, ...same }: PoolView): Wire {
  return { ...same, ...(warmth === null ? {} : { warmth }), endpoints: endpoints.map(encodeEndpoint) };
}

function decodePool(wire: Wire): PoolView {
  return {
    name: text(wire.name),
    split: number(wire.split),
    ...optional('note', wire.note, text),
    warmth: messageOrNull(wire.warmth, ({ warm, cold, unknown, reason }) => ({
      warm: number(warm),
      cold: number(cold),
      unknown: number(unknown),
      reason: text(reason),
    })),
    endpoints: list(wire.endpoints, decodeEndpoint),
  };
}

function decodeEndpoint(wire: Wire): EndpointView {
  return {
    id: text(wire.id),
    address: text(wire.address),
    port: number(wire.port),
    weight: number(wire.weight),
    share: number(wire.share),
    issuedShare: numberOrNull(wire.issuedShare),
    pressure: numberOrNull(wire.pressure),
    inFlight: numberOrNull(wire.inFlight),
    ageMs: fromSeconds(wire.age),
    signalAgesMs: Object.fromEntries(
      Object.entries((wire.signalAges ?? {}) as Wire).map(([kind, age]) => [kind, fromSeconds(age) ?? 0]),
    ),
    signalStates: Object.fromEntries(
      Object.entries((wire.signalStates ?? {}) as Wire).map(([kind, one]) => [kind, fromEnum('SIGNAL_STATE', one)]),
    ),
    gpuFault: wire.gpuFault === undefined || wire.gpuFault === null ? null : text(wire.gpuFault),
    leavingSinceMs: fromSeconds(wire.leaveTime),
    state: fromEnum('ENDPOINT_STATE', wire.state),
    reason: text(wire.reason),
  };
}

function decodeNode(wire: Wire): NodeView {
  return {
    id: text(wire.id),
    group: text(wire.group),
    envoyVersion: text(wire.envoyVersion),
    peer: text(wire.peer),
    connectedAtMs: fromSeconds(wire.connectTime) ?? 0,
    types: list(wire.types, decodeType),
  };
}

function decodeType(wire: Wire): TypeView {
  return {
    type: text(wire.type),
    status: fromSyncStatus(wire.status),
    resources: number(wire.resources),
    ...optional('version', wire.version, text),
    ...optional('sentAtMs', wire.sendTime, (time) => fromSeconds(time) ?? 0),
    ...optional('ackedAtMs', wire.ackTime, (time) => fromSeconds(time) ?? 0),
    ...optional('message', wire.message, text),
    ...optional('origin', wire.origin, text),
    ...optional('revision', wire.revision, text),
  };
}
