import { protoDuration } from '../units/index.ts';
import { encodeMessage } from './encode-message.ts';
import { decodeNode, type Node } from './node.ts';
import { messageType } from './schema.ts';
import { asBuffer, LENGTH, readFields, safeInteger } from './wire.ts';

/** Counts of one endpoint in one report interval. */
export type EndpointStats = {
  /** IP address, or the path of a UNIX socket. */
  readonly address: string;
  /** 0 for a UNIX socket. */
  readonly port: number;
  readonly inProgress: number;
  readonly issued: number;
  readonly succeeded: number;
  readonly errors: number;
  /** What its answers said of its load (ORCA); absent when none did. By name, each once. */
  readonly metrics?: readonly LoadMetricStats[];
};

/** One ORCA metric over the answers that carried it. Any numbers: a server may say anything. */
export type LoadMetricStats = {
  /** As Envoy calls it: `named_metrics.kv_cache_usage_perc`, `cpu_utilization`. */
  readonly name: string;
  readonly requests: number;
  /** Sum over these requests. */
  readonly total: number;
};

export type ClusterStats = {
  readonly clusterName: string;
  /** EDS service name, '' when the cluster has none. */
  readonly clusterServiceName: string;
  readonly loadReportIntervalMs: number;
  readonly droppedRequests: number;
  /** Summed over localities and priorities: an endpoint comes once. */
  readonly endpoints: readonly EndpointStats[];
};

/** `envoy.service.load_stats.v3.LoadStatsRequest`; `node` comes with the first message of a stream. */
export type LoadStatsRequest = { readonly node?: Node; readonly clusterStats: readonly ClusterStats[] };

export type LoadStatsResponse = {
  readonly sendAllClusters: boolean;
  /** Ignored by Envoy when all clusters are asked for. */
  readonly clusters: readonly string[];
  readonly intervalMs: number;
  readonly endpointGranularity: boolean;
};

type Count = number | { toNumber(): number };

type DecodedClusterStats = {
  clusterName: string;
  clusterServiceName: string;
  totalDroppedRequests: Count;
  loadReportInterval?: { seconds: Count; nanos: number } | null;
  upstreamLocalityStats: { upstreamEndpointStats: DecodedEndpointStats[] }[];
};

type DecodedEndpointStats = {
  address?: {
    socketAddress?: { address: string; portValue: number } | null;
    pipe?: { path: string } | null;
  } | null;
  totalSuccessfulRequests: Count;
  totalRequestsInProgress: Count;
  totalErrorRequests: Count;
  totalIssuedRequests: Count;
  loadMetricStats: { metricName: string; numRequestsFinishedWithMetric: Count; totalMetricValue: number }[];
};

/** Throws LOADLINE_CODEC_UNREADABLE, also for a counter beyond 2^53. */
export function decodeLoadStatsRequest(bytes: Uint8Array): LoadStatsRequest {
  const type = messageType('envoy.config.endpoint.v3.ClusterStats');
  const clusterStats: ClusterStats[] = [];
  let node: Node | undefined;
  readFields(bytes, 'LoadStatsRequest', (field, wireType, reader) => {
    if (wireType !== LENGTH) return false;
    if (field === 1) node = decodeNode(asBuffer(reader.bytes()));
    else if (field === 2) clusterStats.push(sumUp(type.decode(reader.bytes()) as unknown as DecodedClusterStats));
    else return false;
    return true;
  });
  return { ...(node === undefined ? {} : { node }), clusterStats };
}

function sumUp(stats: DecodedClusterStats): ClusterStats {
  const endpoints = new Map<string, EndpointStats>();
  for (const locality of stats.upstreamLocalityStats) {
    for (const endpoint of locality.upstreamEndpointStats) {
      const read = readEndpoint(endpoint);
      const key = `${read.port} ${read.address}`;
      const before = endpoints.get(key);
      endpoints.set(key, before === undefined ? read : plus(before, read));
    }
  }
  return {
    clusterName: stats.clusterName,
    clusterServiceName: stats.clusterServiceName,
    loadReportIntervalMs: durationMs(stats.loadReportInterval),
    droppedRequests: safeInteger(stats.totalDroppedRequests, 'total_dropped_requests'),
    endpoints: [...endpoints.values()],
  };
}

function readEndpoint(stats: DecodedEndpointStats): EndpointStats {
  const { socketAddress, pipe } = stats.address ?? {};
  const metrics = stats.loadMetricStats.map((metric) => ({
    name: metric.metricName,
    // Not checked as the counters are: a sum that no server could have meant must not cost the rest of the report.
    requests: Number(metric.numRequestsFinishedWithMetric),
    total: metric.totalMetricValue,
  }));
  return {
    address: socketAddress?.address ?? pipe?.path ?? '',
    port: socketAddress?.portValue ?? 0,
    inProgress: safeInteger(stats.totalRequestsInProgress, 'total_requests_in_progress'),
    issued: safeInteger(stats.totalIssuedRequests, 'total_issued_requests'),
    succeeded: safeInteger(stats.totalSuccessfulRequests, 'total_successful_requests'),
    errors: safeInteger(stats.totalErrorRequests, 'total_error_requests'),
    ...(metrics.length === 0 ? {} : { metrics: byName(metrics) }),
  };
}

function plus(a: EndpointStats, b: EndpointStats): EndpointStats {
  return {
    address: a.address,
    port: a.port,
    inProgress: a.inProgress + b.inProgress,
    issued: a.issued + b.issued,
    succeeded: a.succeeded + b.succeeded,
    errors: a.errors + b.errors,
    ...(a.metrics === undefined && b.metrics === undefined
      ? {}
      : { metrics: byName([...(a.metrics ?? []), ...(b.metrics ?? [])]) }),
  };
}

function byName(metrics: readonly LoadMetricStats[]): readonly LoadMetricStats[] {
  const sums = new Map<string, LoadMetricStats>();
  for (const { name, requests, total } of metrics) {
    const sum = sums.get(name) ?? { name, requests: 0, total: 0 };
    sums.set(name, { name, requests: sum.requests + requests, total: sum.total + total });
  }
  return [...sums.values()];
}

function durationMs(duration: DecodedClusterStats['loadReportInterval']): number {
  if (!duration) return 0;
  return safeInteger(duration.seconds, 'load_report_interval') * 1000 + duration.nanos / 1e6;
}

/** `envoy.service.load_stats.v3.LoadStatsResponse`. */
export function encodeLoadStatsResponse(input: LoadStatsResponse): Buffer {
  return asBuffer(
    encodeMessage('envoy.service.load_stats.v3.LoadStatsResponse', {
      send_all_clusters: input.sendAllClusters,
      clusters: input.clusters,
      load_reporting_interval: protoDuration(input.intervalMs),
      report_endpoint_granularity: input.endpointGranularity,
    }),
  );
}
