import type { Series } from './exposition.ts';
import { GPU_NAMES } from './formats/gpu-formats.ts';
import { type GpuLabels, gpuLabels } from './gpu-labels.ts';
import { gpuReadings } from './gpu-readings.ts';
import type { PageFetcher } from './page-fetcher.ts';
import { instantQuery, readQueryAnswer } from './prometheus-query.ts';
import type { Readings } from './reading.ts';
import { SeriesMemory } from './series-memory.ts';
import type { Failure } from './signal-source.ts';
import { SingleFlight } from './single-flight.ts';
import type { PrometheusTarget } from './targets.ts';

/** How a pool says which series are its own. */
export type JoinRules = Pick<PrometheusTarget, 'joinBy' | 'namespace'>;

export type FleetAnswer =
  | {
      readonly ok: true;
      readonly receivedAtMs: number;
      /** Added to a time on Prometheus's clock it gives one on ours. */
      readonly offsetMs: number;
      readonly seriesCount: number;
      readonly badElements: number;
      readonly warning: string | undefined;
      /** Worked out once for all pools with the same rules. */
      readonly readingsFor: (rules: JoinRules) => Readings;
    }
  | { readonly ok: false; readonly failure: Failure };

type Labelled = { readonly series: Series; readonly labels: GpuLabels };

const QUERY = instantQuery(GPU_NAMES);
/** Of 4,000 GPUs whose series have twelve labels each. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * What one Prometheus server knows of all GPUs: asked by one query whatever the number of pools that read it, parsed once,
 * and handed to each by its own rules. One query is also one evaluation: no value is older than another by the time between
 * two requests. Asked by POST, because the query is longer than what proxies take as a URL.
 */
export class PrometheusFleet {
  readonly #url: string;
  readonly #fetcher: PageFetcher;
  readonly #flight = new SingleFlight<FleetAnswer>();
  readonly #memories = new Map<string, SeriesMemory>();

  constructor(url: string, fetcher: PageFetcher) {
    this.#url = url;
    this.#fetcher = fetcher;
  }

  ask(nowMs: number, signal: AbortSignal): Promise<FleetAnswer> {
    return this.#flight.do('', () => this.#ask(nowMs, signal));
  }

  /** Pools with the same rules share it: their samples name pods and nodes, not pools, and one copy of each is enough. */
  memoryFor(rules: JoinRules, source: string): SeriesMemory {
    const key = rulesKey(rules);
    const memory = this.#memories.get(key) ?? new SeriesMemory(source);
    this.#memories.set(key, memory);
    return memory;
  }

  async #ask(nowMs: number, signal: AbortSignal): Promise<FleetAnswer> {
    const request = { url: this.#url, accept: 'application/json', gzip: true, maxBytes: MAX_ANSWER_BYTES };
    const page = await this.#fetcher.get({ ...request, form: { query: QUERY } }, signal);
    if (!page.ok) return page;
    const answer = readQueryAnswer(page.body.toString('utf8'));
    if (!answer.ok) return answer;
    const { series, evaluatedAtMs, badElements, warning } = answer;
    const receivedAtMs = nowMs + page.tookMs;
    return {
      ok: true,
      receivedAtMs,
      // It evaluates as soon as it is asked, and answers when it is done: by when it was asked nothing looks too young.
      offsetMs: evaluatedAtMs === undefined ? 0 : nowMs - evaluatedAtMs,
      seriesCount: series.length,
      badElements,
      warning,
      readingsFor: readingsByRules(series),
    };
  }
}

function readingsByRules(all: readonly Series[]): (rules: JoinRules) => Readings {
  // A job that has `exported_pod` is scraped without `honor_labels`: plain `pod` is then the exporter's.
  const renaming = new Set(all.filter(({ labels }) => labels.has('exported_pod')).map(jobOf));
  const labelled = all.flatMap((series): Labelled[] => {
    const labels = gpuLabels(series, renaming.has(jobOf(series)));
    return labels === undefined ? [] : [{ series, labels }];
  });
  const nodesWithPods = new Set<string>();
  for (const { labels } of labelled) {
    if (labels.pod !== undefined && labels.node !== undefined) nodesWithPods.add(labels.node);
  }
  const known = new Map<string, Readings>();
  return (rules) => {
    const key = rulesKey(rules);
    const before = known.get(key);
    if (before !== undefined) return before;
    const mine = labelled.filter(({ labels }) => isJoinable(labels, rules, nodesWithPods));
    const labelsOf = new Map(mine.map(({ series, labels }) => [series, labels]));
    const readings = gpuReadings([...labelsOf.keys()], (series) => labelsOf.get(series));
    known.set(key, readings);
    return readings;
  };
}

/** Where any GPU of a node belongs to a pod, those without one are idle and speak for nobody. */
function isJoinable(
  { pod, node, namespace }: GpuLabels,
  rules: JoinRules,
  nodesWithPods: ReadonlySet<string>,
): boolean {
  const byPod = rules.joinBy.includes('Pod');
  if (byPod && pod !== undefined) {
    return rules.namespace === undefined || namespace === undefined || namespace === rules.namespace;
  }
  if (rules.joinBy.includes('Node') && node !== undefined) return !(byPod && nodesWithPods.has(node));
  return rules.joinBy.includes('Uuid');
}

function jobOf({ labels }: Series): string {
  return labels.get('job') ?? '';
}

function rulesKey({ joinBy, namespace }: JoinRules): string {
  return JSON.stringify([joinBy, namespace]);
}
