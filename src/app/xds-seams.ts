import type { Log, Metrics } from '../edge/observe/index.ts';
import type { XdsLog, XdsServerOptions } from '../edge/xds/index.ts';
import type { Certificates } from './certificates.ts';

/** What the xDS server counts, as metrics. */
export function xdsMeter(metrics: Metrics, certificates: Certificates | undefined): XdsServerOptions['meter'] {
  return {
    pushed: (type, group, resources) => metrics.pushed(type, group, resources),
    answered: (type, latencyMs, nacked) => (nacked ? metrics.nacked(type, latencyMs) : metrics.acked(type, latencyMs)),
    streams: (kind, open) => metrics.streams(kind, open),
    reported: () => metrics.loadReport(),
    refused: (reason) => metrics.refused(reason),
    gaveUp: (type) => metrics.gaveUp(type),
    handshakeFailed: (failure) => certificates?.handshakeFailed('xds', failure),
  };
}

export function xdsLog(log: Log): XdsLog {
  return {
    info: (fields, message) => log.info({ ...fields }, message),
    warn: (fields, message) => log.warn({ ...fields }, message),
    debug: (fields, message) => log.debug({ ...fields }, message),
  };
}
