import {
  decodeLoadStatsRequest,
  type EndpointStats,
  encodeLoadStatsResponse,
  type LoadMetricStats,
  type LoadStatsRequest,
  type Node,
} from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { orcaMetric } from '../../core/resources/index.ts';
import { releaseBand } from '../../core/snapshot/index.ts';
import type { EndpointReport, LoadReport, OrcaMean } from '../../core/topology/index.ts';
import type { ClientCertificate } from '../tls/index.ts';
import { completeReport } from './complete-report.ts';
import type { Standing } from './gate-keeper.ts';
import { adminPort, type Peer } from './node-identity.ts';
import type { Inbox, OpenRequestsSource, XdsLog, XdsMeter } from './seams.ts';
import { frame, type Rpc, type RpcListener, STATUS } from './transport/rpc.ts';

/**
 * From this release on an endpoint that a report leaves out is idle; before, it may have long streams (measured on 1.36.4,
 * 1.37.0, 1.38.3, 1.39.0 and 1.40.0; the runtime guard `report_load_when_rq_active_is_non_zero` is on by default).
 */
const ABSENT_MEANS_IDLE_SINCE = '1.37';
/** A client without it (gRPC) must be told each cluster by name. */
const SENDS_ALL = 'envoy.lrs.supports_send_all_clusters';

export const LOAD_REPORTS_PATH = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats';

export interface LoadReportHost {
  readonly inbox: Inbox;
  readonly log: XdsLog;
  readonly meter: XdsMeter;
  readonly loadReportIntervalMs: number;
  readonly openRequests?: OpenRequestsSource | undefined;
  now(): number;
  /** Decides on a client by its first message. One that is let in is `left` once. */
  admit(node: Node, stream: LoadReportStream): Standing;
  /** Clusters that the node should report on. */
  clustersOf(peer: Peer): readonly string[];
  /** Services that the node may speak of; undefined: of all. */
  servicesOf?(peer: Peer): ReadonlySet<string> | undefined;
  left(stream: LoadReportStream): void;
}

/**
 * Envoy's load reporting: asks for every cluster with endpoint granularity, turns each message into a `LoadReport` and
 * puts it into the inbox. The first message of a stream only introduces the node.
 */
export class LoadReportStream implements RpcListener {
  /** Whose connection it comes over; undefined in plaintext. */
  readonly client: ClientCertificate | undefined;
  readonly #rpc: Rpc;
  readonly #host: LoadReportHost;
  #node: Node | undefined;
  #peer: Peer | undefined;
  /** What it was asked for by name; undefined where it sends all. */
  #asked: readonly string[] | undefined;
  /** For an Envoy whose reports are not complete. */
  #open: ReturnType<OpenRequestsSource['of']> | undefined;
  /** The last report that waits to be completed; reports go into the inbox in their order. */
  #waiting: Promise<void> | undefined;

  constructor(rpc: Rpc, host: LoadReportHost) {
    this.client = rpc.client;
    this.#rpc = rpc;
    this.#host = host;
  }

  /** Who it is; undefined until it is let in. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  get address(): string {
    return this.#rpc.peer;
  }

  end(status: number, message: string): void {
    this.#rpc.end(status, message);
  }

  message(bytes: Buffer): void {
    const { log, meter, now, loadReportIntervalMs } = this.#host;
    let request: LoadStatsRequest;
    try {
      request = decodeLoadStatsRequest(bytes);
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      log.warn({ node: this.#node?.id, peer: this.#rpc.peer, reason: error.message }, 'load report not understood');
      if (this.#node === undefined) this.#rpc.end(STATUS.INVALID_ARGUMENT, error.message);
      return;
    }
    if (this.#node === undefined && !this.#introduce(request.node)) return;
    const node = this.#node as Node;
    if (request.clusterStats.length === 0) return;
    meter.reported();
    this.#deliver({
      nodeId: node.id,
      receivedAtMs: now.call(this.#host),
      intervalMs: request.clusterStats[0]?.loadReportIntervalMs ?? loadReportIntervalMs,
      absentMeansIdle: reportsOpenStreams(node),
      clusters: request.clusterStats.map(({ clusterName, clusterServiceName, endpoints }) => ({
        cluster: clusterServiceName === '' ? clusterName : clusterServiceName,
        endpoints: endpoints.map(withMeans),
      })),
    });
  }

  #deliver(report: LoadReport): void {
    const asked = this.#open?.ask();
    if (asked === undefined && this.#waiting === undefined) {
      this.#report(report);
      return;
    }
    const waiting = Promise.all([asked, this.#waiting]).then(([open]) => {
      this.#report(open === undefined ? report : completeReport(report, open));
      if (this.#waiting === waiting) this.#waiting = undefined;
    });
    this.#waiting = waiting;
  }

  /** Clusters by the service that they are of, and only now: an endpoint may have something in several of them. */
  #report(of: LoadReport): void {
    const { inbox, servicesOf } = this.#host;
    const allowed = this.#peer === undefined ? undefined : servicesOf?.(this.#peer);
    const clusters = of.clusters.map((one) => ({ ...one, cluster: serviceOf(one.cluster) }));
    inbox.report({
      ...of,
      clusters: allowed === undefined ? clusters : clusters.filter(({ cluster }) => allowed.has(cluster)),
    });
  }

  halfClosed(): void {
    this.#rpc.end(STATUS.OK);
  }

  closed(): void {
    this.#host.left(this);
  }

  /** Asks anew where the clusters of the node have changed and it has to be told them. */
  refresh(): void {
    if (this.#peer === undefined || this.#asked === undefined) return;
    const clusters = this.#host.clustersOf(this.#peer);
    if (clusters.join('\n') !== this.#asked.join('\n')) this.#ask(clusters);
  }

  #introduce(node: Node | undefined): boolean {
    if (node === undefined || node.id === '') {
      this.#rpc.end(STATUS.INVALID_ARGUMENT, 'the first message must carry node.id');
      return false;
    }
    const standing = this.#host.admit(node, this);
    if (!standing.ok) {
      this.#rpc.end(standing.status, standing.message);
      return false;
    }
    this.#node = node;
    this.#peer = standing.peer;
    if (node.userAgent === 'envoy' && !reportsOpenStreams(node)) {
      const { id } = node;
      const { group } = standing.peer;
      this.#open = this.#host.openRequests?.of({ id, group, host: hostOf(this.#rpc.peer), port: adminPort(node) });
    }
    if (node.userAgent === 'envoy' || node.clientFeatures.includes(SENDS_ALL)) this.#ask(undefined);
    else this.#ask(this.#host.clustersOf(standing.peer));
    return true;
  }

  #ask(clusters: readonly string[] | undefined): void {
    this.#asked = clusters;
    this.#rpc.send(
      frame(
        encodeLoadStatsResponse({
          sendAllClusters: clusters === undefined,
          clusters: clusters ?? [],
          intervalMs: this.#host.loadReportIntervalMs,
          endpointGranularity: true,
        }),
      ),
    );
  }
}

function reportsOpenStreams({ envoyVersion }: Node): boolean {
  return releaseBand(envoyVersion) >= ABSENT_MEANS_IDLE_SINCE;
}

/** A peer on a UNIX socket is on this host. */
function hostOf(peer: string): string {
  const colon = peer.lastIndexOf(':');
  return colon === -1 ? '127.0.0.1' : peer.slice(0, colon).replace(/^\[|\]$/g, '');
}

function withMeans({ metrics, ...counts }: EndpointStats): EndpointReport {
  const orca = metrics?.flatMap(meanOf) ?? [];
  return orca.length === 0 ? counts : { ...counts, orca };
}

/** Envoy gives a sum; JSON in a header can make it infinite. Whether the mean may be believed is not decided here. */
function meanOf({ name, requests, total }: LoadMetricStats): readonly OrcaMean[] {
  const metric = orcaMetric(name);
  const mean = total / requests;
  return metric !== undefined && requests >= 1 && Number.isFinite(mean) ? [{ metric, mean, answers: requests }] : [];
}

/**
 * The model service of an assignment's name, `chat` or `chat/gpu`. The cluster may be called otherwise: it is its owner's.
 */
function serviceOf(assignment: string): string {
  const slash = assignment.indexOf('/');
  return slash === -1 ? assignment : assignment.slice(0, slash);
}
