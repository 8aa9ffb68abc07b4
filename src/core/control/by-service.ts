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
  const clusters = reports.map(clustersByName);
  return (service) => ({
    samples: sorted.get(service) ?? [],
    reports: reports.map(({ nodeId, receivedAtMs, intervalMs, absentMeansIdle }, i) => {
      return { nodeId, receivedAtMs, intervalMs, absentMeansIdle, clusters: clusters[i]?.get(service) ?? NO_CLUSTERS };
    }),
  });
}

const NO_CLUSTERS: LoadReport['clusters'] = [];

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
  else if (known.at(-1) !== pile) known.push(pile);
}

function putOn(piles: readonly Sample[][] | undefined, sample: Sample): void {
  if (piles === undefined) return;
  for (const pile of piles) if (pile[pile.length - 1] !== sample) pile.push(sample);
}

function clustersByName({ clusters }: LoadReport): ReadonlyMap<string, LoadReport['clusters'][number][]> {
  const byName = new Map<string, LoadReport['clusters'][number][]>();
  for (const cluster of clusters) {
    const known = byName.get(cluster.cluster);
    if (known === undefined) byName.set(cluster.cluster, [cluster]);
    else known.push(cluster);
  }
  return byName;
}
