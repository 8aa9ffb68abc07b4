import type { EndpointReport, LoadReport, OpenRequests } from '../../core/topology/index.ts';

/**
 * A report of an Envoy that leaves out who only has open streams, completed by what its admin interface says is open. What the
 * report does name in a cluster stays as it is there: its counts belong together. Who is in neither has nothing open.
 */
export function completeReport(report: LoadReport, open: OpenRequests): LoadReport {
  const clusters = new Map<string, EndpointReport[]>();
  // A name may come several times.
  for (const { cluster, endpoints } of report.clusters)
    clusters.set(cluster, [...(clusters.get(cluster) ?? []), ...endpoints]);
  for (const { cluster, endpoints } of open) {
    const known = clusters.get(cluster);
    const left = endpoints.filter(({ requests }) => requests > 0);
    const missing = left.filter(({ address, port }) => known?.some(isAt(address, port)) !== true);
    if (missing.length > 0) clusters.set(cluster, [...(known ?? []), ...missing.map(asReport)]);
  }
  return {
    ...report,
    absentMeansIdle: true,
    clusters: [...clusters].map(([cluster, endpoints]) => ({ cluster, endpoints })),
  };
}

function isAt(address: string, port: number): (endpoint: EndpointReport) => boolean {
  return (endpoint) => endpoint.address === address && endpoint.port === port;
}

function asReport({ address, port, requests }: OpenRequests[number]['endpoints'][number]): EndpointReport {
  return { address, port, inProgress: requests, issued: 0, succeeded: 0, errors: 0 };
}
