import { type EndpointId, type EndpointIndex, endpointAt, type LoadReport } from '../topology/index.ts';

/** Requests that the sidecars sent to each endpoint of a service, as their reports say. */
export function issuedRequests(
  service: string,
  index: EndpointIndex,
  reports: readonly LoadReport[],
): ReadonlyMap<EndpointId, number> {
  const counts = new Map<EndpointId, number>();
  for (const { clusters } of reports) {
    for (const { cluster, endpoints } of clusters) {
      if (cluster !== service) continue;
      for (const { address, port, issued } of endpoints) {
        const id = endpointAt(index, address, port)?.id;
        if (id !== undefined && issued > 0) counts.set(id, (counts.get(id) ?? 0) + issued);
      }
    }
  }
  return counts;
}
