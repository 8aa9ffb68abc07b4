import type { ConfigResourceView, ConfigTypeView, ProxyConfigTarget, ProxyConfigView } from '../observe/index.ts';
import { fromSyncStatus, toSyncStatus } from './sync-status.ts';
import { flag, fromSeconds, list, optional, text, toSeconds, type Wire } from './wire-values.ts';

/** ProxyConfigTarget as loadline.admin.v1.ProxyConfigRequest. */
export function encodeProxyTarget(target: ProxyConfigTarget): Wire {
  return { node: target.node, type: target.type ?? '' };
}

/** loadline.admin.v1.ProxyConfigRequest as ProxyConfigTarget. */
export function decodeProxyTarget(wire: Wire): ProxyConfigTarget {
  const type = text(wire.type);
  return { node: text(wire.node), ...(type === '' ? {} : { type }) };
}

/** ProxyConfigView as loadline.admin.v1.ProxyConfigResponse. */
export function encodeProxyConfig(view: ProxyConfigView): Wire {
  const { connectedAtMs, nowMs, types, ...same } = view;
  return {
    ...same,
    connectTime: toSeconds(connectedAtMs),
    now: toSeconds(nowMs),
    types: types.map(({ sentAtMs, ackedAtMs, resources, ...type }) => ({
      ...type,
      sendTime: toSeconds(sentAtMs),
      ackTime: toSeconds(ackedAtMs),
      resources: resources.map(encodeResource),
    })),
  };
}

/** loadline.admin.v1.ProxyConfigResponse as ProxyConfigView. */
export function decodeProxyConfig(wire: Wire): ProxyConfigView {
  return {
    id: text(wire.id),
    group: text(wire.group),
    envoyVersion: text(wire.envoyVersion),
    connectedAtMs: timeOf(wire.connectTime),
    nowMs: timeOf(wire.now),
    policyRevision: text(wire.policyRevision),
    types: list(wire.types, decodeType),
  };
}

function encodeResource(resource: ConfigResourceView): Wire {
  const { status, waiting, refusal, ...same } = resource;
  return {
    ...same,
    status: toSyncStatus(status),
    waiting: waiting && { reason: waiting.reason, since: toSeconds(waiting.sinceMs), gaveUp: waiting.gaveUp },
    refusal: refusal && { message: refusal.message, time: toSeconds(refusal.atMs) },
  };
}

function decodeType(wire: Wire): ConfigTypeView {
  return {
    type: text(wire.type),
    peer: text(wire.peer),
    ...optional('sentAtMs', wire.sendTime, timeOf),
    ...optional('ackedAtMs', wire.ackTime, timeOf),
    resources: list(wire.resources, decodeResource),
  };
}

function decodeResource(wire: Wire): ConfigResourceView {
  return {
    name: text(wire.name),
    status: fromSyncStatus(wire.status),
    ...optional('wantedVersion', wire.wantedVersion, text),
    ...optional('sentVersion', wire.sentVersion, text),
    ...optional('ackedVersion', wire.ackedVersion, text),
    ...optional('origin', wire.origin, text),
    ...optional('revision', wire.revision, text),
    ...optional('waiting', wire.waiting, (value) => {
      const { reason, since, gaveUp } = value as Wire;
      return { reason: text(reason), sinceMs: timeOf(since), gaveUp: flag(gaveUp) };
    }),
    ...optional('refusal', wire.refusal, (value) => {
      const { message, time } = value as Wire;
      return { message: text(message), atMs: timeOf(time) };
    }),
  };
}

function timeOf(value: unknown): number {
  return fromSeconds(value) ?? 0;
}
