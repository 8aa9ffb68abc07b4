import type { Endpoint, LoadReport, Sample } from '../topology/index.ts';

/** What came in since the last tick, as far as it can concern one service. */
export type Heard = { readonly samples: readonly Sample[]; readonly reports: readonly LoadReport[] };

/**
 * Hands out what came in, service by service, in one walk: were each to look through all of it, fifty services would read
 * everything fifty times. A sample goes to each service that knows its address, its pod or its node; whether it means one of
 * the endpoints is found out there. A report goes to all, with what it says of each: that it does not name a service counts.
 */
export function byService(
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
  { samples, reports }: Heard,
): (service: string) => Heard {
  if (endpoints.size <= 1) return () => ({ samples, reports });
  const sorted = samplesByService(endpoints, samples);
  const told = reportsByService(endpoints, reports);
  return (service) => ({ samples: sorted.get(service) ?? [], reports: told.get(service) ?? [] });
}

/** The piles of the services that know a word: mostly one. */
type Piles = Map<string, Sample[][]>;

function samplesByService(
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
  samples: readonly Sample[],
): ReadonlyMap<string, readonly Sample[]> {
  const piles = new Map<string, Sample[]>();
  const byAddress: Piles = new Map();
  const byPod: Piles = new Map();
  const byNode: Piles = new Map();
  for (const [service, members] of endpoints) {
    const pile: Sample[] = [];
    piles.set(service, pile);
    for (const { address, pod, node } of members) {
      addPile(byAddress, address, pile);
      addPile(byPod, pod, pile);
      addPile(byNode, node, pile);
    }
  }
  let last: string | undefined;
  let lastPiles: readonly Sample[][] | undefined;
  for (const sample of samples) {
    const { address, pod, node } = sample.subject;
    // A source tells of one server several times in a row.
    if (address !== last) {
      last = address;
      lastPiles = address === undefined ? undefined : byAddress.get(address);
    }
    putOn(lastPiles, sample);
    if (pod !== undefined) putOn(byPod.get(pod), sample);
    if (node !== undefined) putOn(byNode.get(node), sample);
  }
  return piles;
}

function addPile(piles: Piles, word: string | undefined, pile: Sample[]): void {
  if (word === undefined) return;
  const known = piles.get(word);
  if (known === undefined) piles.set(word, [pile]);
  // Services come one after the other: if this one knows the word already, it was the last to be added.
  else if (known[known.length - 1] !== pile) known.push(pile);
}

function putOn(piles: readonly Sample[][] | undefined, sample: Sample): void {
  if (piles === undefined) return;
  for (const pile of piles) if (pile[pile.length - 1] !== sample) pile.push(sample);
}

type Clusters = LoadReport['clusters'];
const NO_CLUSTERS: Clusters = [];

function reportsByService(
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
  reports: readonly LoadReport[],
): ReadonlyMap<string, readonly LoadReport[]> {
  const told = new Map<string, LoadReport[]>();
  for (const service of endpoints.keys()) told.set(service, []);
  for (const report of reports) {
    const silent = narrowed(report, NO_CLUSTERS);
    for (const list of told.values()) list.push(silent);
    for (const cluster of report.clusters) {
      const list = told.get(cluster.cluster);
      if (list === undefined) continue;
      const { clusters } = list[list.length - 1] as LoadReport;
      list[list.length - 1] = narrowed(report, clusters.length === 0 ? [cluster] : [...clusters, cluster]);
    }
  }
  return told;
}

function narrowed({ nodeId, receivedAtMs, intervalMs, absentMeansIdle }: LoadReport, clusters: Clusters): LoadReport {
  return { nodeId, receivedAtMs, intervalMs, absentMeansIdle, clusters };
}
