import { instanceAddress } from './engine-names.ts';
import type { Series } from './exposition-line.ts';
import { type GpuLabels, gpuLabels } from './gpu-labels.ts';
import { gpuReadings } from './gpu-readings.ts';
import type { Readings } from './reading.ts';
import type { PrometheusTarget } from './target.ts';

/** How a pool says which series are its own. */
export type JoinRules = Pick<PrometheusTarget, 'joinBy' | 'namespace'>;

type Labelled = { readonly series: Series; readonly labels: GpuLabels };
/** Nodes and addresses of which some GPU belongs to a pod. */
type WithPods = { readonly nodes: ReadonlySet<string>; readonly addresses: ReadonlySet<string> };

/** The GPUs of a fleet as each set of rules joins them; worked out once for all pools with the same rules. */
export function readingsByRules(all: readonly Series[]): (rules: JoinRules) => Readings {
  // A job that has `exported_pod` is scraped without `honor_labels`: plain `pod` is then the exporter's.
  const renaming = new Set(all.filter(({ labels }) => labels.has('exported_pod')).map(jobOf));
  const labelled = all.flatMap((series): Labelled[] => {
    const labels = gpuLabels(series, renaming.has(jobOf(series)));
    if (labels === undefined) return [];
    const address = instanceAddress(series.labels.get('exported_instance') ?? series.labels.get('instance') ?? '');
    return [{ series, labels: address === undefined ? labels : { ...labels, address } }];
  });
  const nodes = new Set<string>();
  const addresses = new Set<string>();
  for (const { labels } of labelled) {
    if (labels.pod === undefined) continue;
    if (labels.node !== undefined) nodes.add(labels.node);
    if (labels.address !== undefined) addresses.add(labels.address);
  }
  const known = new Map<string, Readings>();
  return (rules) => {
    const key = rulesKey(rules);
    const before = known.get(key);
    if (before !== undefined) return before;
    const mine = new Map<Series, GpuLabels>();
    for (const { series, labels } of labelled) {
      if (!isJoinable(labels, rules, { nodes, addresses })) continue;
      const { address: _, ...rest } = labels;
      // Whoever is not joined by it is the same device whichever exporter speaks of it.
      mine.set(series, rules.joinBy.includes('Address') ? labels : rest);
    }
    const readings = gpuReadings([...mine.keys()], (series) => mine.get(series));
    known.set(key, readings);
    return readings;
  };
}

/** Where any GPU of a node belongs to a pod, those without one are idle and speak for nobody. */
function isJoinable(
  { pod, node, address, namespace }: GpuLabels,
  { joinBy, namespace: wanted }: JoinRules,
  withPods: WithPods,
): boolean {
  const byPod = joinBy.includes('Pod');
  if (byPod && pod !== undefined) return wanted === undefined || namespace === undefined || namespace === wanted;
  if (joinBy.includes('Node') && node !== undefined) return !(byPod && withPods.nodes.has(node));
  if (joinBy.includes('Address') && address !== undefined) return !(byPod && withPods.addresses.has(address));
  return joinBy.includes('Uuid');
}

function jobOf({ labels }: Series): string {
  return labels.get('job') ?? '';
}

export function rulesKey({ joinBy, namespace }: JoinRules): string {
  return JSON.stringify([joinBy, namespace]);
}
