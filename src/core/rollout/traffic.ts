import type { LoadReport } from '../topology/index.ts';

export type Counts = { readonly requests: number; readonly errors: number };

/** What one node did of late: sums that fade with time, over `seconds` of fading time, so that a quotient is a rate. */
export type NodeTraffic = Counts & { readonly seconds: number; readonly atMs: number };

/** By node id. A map, because a node chooses its own id. */
export type Traffic = ReadonlyMap<string, NodeTraffic>;

export const NO_COUNTS: Counts = { requests: 0, errors: 0 };

/** After so long a request counts for 1/e. */
const FADE_SEC = 60;

/**
 * What reports say of these services alone. An Envoy reports every cluster that it has, and that of Loadline is one of them: while
 * the server starts anew its streams fail there, and no change of a policy is to blame for that. Nor where copies go: a version that
 * fails all of them is what copies are to find out, and no client sees it.
 */
export function aboutServices(
  reports: readonly LoadReport[],
  services: readonly { readonly name: string; readonly mirror?: { readonly toService: string } }[],
): readonly LoadReport[] {
  const names = new Set(services.map(({ name }) => name));
  for (const { mirror } of services) if (mirror !== undefined) names.delete(mirror.toService);
  return reports.map((report) => ({
    ...report,
    clusters: report.clusters.filter(({ cluster }) => names.has(cluster)),
  }));
}

/** Takes the reports since the last tick in, and forgets the nodes that are members no more. */
export function stepTraffic(
  before: Traffic,
  reports: readonly LoadReport[],
  nowMs: number,
  isMember: (nodeId: string) => boolean,
): Traffic {
  const after = new Map(before);
  for (const nodeId of before.keys()) if (!isMember(nodeId)) after.delete(nodeId);
  for (const report of reports) {
    const { nodeId } = report;
    const last = fadedTo(after.get(nodeId), nowMs);
    after.set(nodeId, { ...last, ...plus(last, countsOf(report)) });
  }
  return after;
}

/** As it is to be read now. A node that sends no reports has no requests: Envoy leaves empty ones out. */
export function fadedTo(traffic: NodeTraffic | undefined, nowMs: number): NodeTraffic {
  if (traffic === undefined) return { ...NO_COUNTS, seconds: 0, atMs: nowMs };
  const keep = Math.exp(-Math.max(0, nowMs - traffic.atMs) / 1000 / FADE_SEC);
  return {
    requests: traffic.requests * keep,
    errors: traffic.errors * keep,
    seconds: traffic.seconds * keep + FADE_SEC * (1 - keep),
    atMs: nowMs,
  };
}

/** Started requests, and answers that were errors. */
export function countsOf({ clusters }: LoadReport): Counts {
  let requests = 0;
  let errors = 0;
  for (const { endpoints } of clusters) {
    for (const endpoint of endpoints) {
      requests += endpoint.issued;
      errors += endpoint.errors;
    }
  }
  return { requests, errors };
}

export function plus(a: Counts, b: Counts): Counts {
  return { requests: a.requests + b.requests, errors: a.errors + b.errors };
}
