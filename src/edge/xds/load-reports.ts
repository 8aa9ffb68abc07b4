import type { ServerDuplexStream } from '@grpc/grpc-js';
import { decodeLoadStatsRequest, encodeLoadStatsResponse } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { releaseBand } from '../../core/snapshot/index.ts';
import type { Inbox, XdsLog, XdsMeter } from './seams.ts';

type Duplex = ServerDuplexStream<Buffer, Buffer>;

/**
 * From this release on an endpoint that a report leaves out is idle; before, it may have long streams
 * (measured on 1.36 and 1.40; in between the careful reading holds).
 */
const ABSENT_MEANS_IDLE_SINCE = '1.40';

/**
 * Envoy's load reporting: asks for every cluster with endpoint granularity, turns each message into a `LoadReport` and
 * puts it into the inbox. The first message of a stream only introduces the node.
 */
export function serveLoadReports(
  call: Duplex,
  options: {
    readonly inbox: Inbox;
    readonly log: XdsLog;
    readonly meter: XdsMeter;
    readonly now: () => number;
    readonly loadReportIntervalMs: number;
  },
  closed: () => void,
): void {
  const { inbox, log, meter, now, loadReportIntervalMs } = options;
  let node: { readonly id: string; readonly absentMeansIdle: boolean } | undefined;
  let open = true;
  const leave = (): void => {
    if (!open) return;
    open = false;
    closed();
  };
  call.on('data', (bytes: Buffer) => {
    let request: ReturnType<typeof decodeLoadStatsRequest>;
    try {
      request = decodeLoadStatsRequest(bytes);
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      log.warn({ node: node?.id, reason: error.message }, 'load report not understood');
      return;
    }
    if (node === undefined) {
      if (request.node === undefined) return;
      node = {
        id: request.node.id,
        absentMeansIdle: releaseBand(request.node.envoyVersion) >= ABSENT_MEANS_IDLE_SINCE,
      };
      call.write(
        encodeLoadStatsResponse({
          sendAllClusters: true,
          clusters: [],
          intervalMs: loadReportIntervalMs,
          endpointGranularity: true,
        }),
      );
    }
    if (request.clusterStats.length === 0) return;
    meter.reported();
    inbox.report({
      nodeId: node.id,
      receivedAtMs: now(),
      intervalMs: request.clusterStats[0]?.loadReportIntervalMs ?? loadReportIntervalMs,
      absentMeansIdle: node.absentMeansIdle,
      clusters: request.clusterStats.map(({ clusterName, endpoints }) => ({ cluster: clusterName, endpoints })),
    });
  });
  call.on('end', () => {
    leave();
    call.end();
  });
  call.on('cancelled', leave);
  call.on('error', leave);
  call.on('close', leave);
}
