import { destination } from 'pino';
import type { Snapshot } from '../../src/core/snapshot/index.ts';
import { createLog, type EventLoopLagMeter, Metrics } from '../../src/edge/observe/index.ts';
import { XdsServer, type XdsServerOptions } from '../../src/edge/xds/index.ts';

/**
 * The product's XdsServer over the snapshot of one group, with the product's metrics and log, whose cost is part of what is
 * measured; the log is written as `serve` writes it, and thrown away.
 */
export async function measuredServer(
  snapshot: () => Snapshot | undefined,
  eventLoopLag: EventLoopLagMeter,
  options: Partial<XdsServerOptions> = {},
): Promise<XdsServer> {
  const log = await createLog({
    level: 'info',
    destination: destination({ dest: '/dev/null', sync: true }),
    pretty: false,
  });
  const metrics = new Metrics({ version: 'bench', view: () => undefined, eventLoopLag });
  return new XdsServer({
    address: '127.0.0.1:0',
    snapshots: { groups: () => ['lab'], groupsOf: () => ['lab'], servicesOf: () => new Set(), snapshot },
    inbox: { presence: () => {}, report: () => {}, delivery: () => {} },
    meter: {
      pushed: (type, group, resources) => metrics.pushed(type, group, resources),
      answered: (type, latencyMs, nacked) =>
        nacked ? metrics.nacked(type, latencyMs) : metrics.acked(type, latencyMs),
      streams: (kind, open) => metrics.streams(kind, open),
      reported: () => metrics.loadReport(),
    },
    log: {
      info: (fields, message) => log.info({ ...fields }, message),
      warn: (fields, message) => log.warn({ ...fields }, message),
      debug: (fields, message) => log.debug({ ...fields }, message),
    },
    now: () => Date.now(),
    loadReportIntervalMs: 1000,
    ...options,
  });
}
