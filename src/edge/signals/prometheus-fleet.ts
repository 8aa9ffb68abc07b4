import { type EnginePages, enginePages } from './engine-pages.ts';
import { ENGINE_FORMATS, ENGINE_NAMES, PROCESS_ROWS } from './formats/engine-formats.ts';
import { GPU_NAMES } from './formats/gpu-formats.ts';
import { type JoinRules, readingsByRules } from './gpu-joins.ts';
import type { PageFetcher } from './page-fetcher.ts';
import { instantQuery, readQueryAnswer } from './prometheus-query.ts';
import type { Readings } from './reading.ts';
import { SeriesMemory } from './series-memory.ts';
import type { Failure } from './signal-source.ts';

export type FleetAnswer =
  | {
      readonly ok: true;
      readonly receivedAtMs: number;
      /** Added to a time on Prometheus's clock it gives one on ours. */
      readonly offsetMs: number;
      readonly badElements: number;
      readonly warning: string | undefined;
      readonly gpus: { readonly seriesCount: number; readonly readingsFor: (rules: JoinRules) => Readings };
      readonly engines: EnginePages;
    }
  | { readonly ok: false; readonly failure: Failure };

export type FleetPart = 'Engines' | 'Gpus';

type Question = { readonly parts: Set<FleetPart>; readonly answer: Promise<FleetAnswer> };

const PROCESS_NAMES = PROCESS_ROWS.map(({ name }) => name);
const ENGINES_ONLY = [...ENGINE_NAMES].filter((name) => !PROCESS_NAMES.includes(name));
const ENGINES_KNOWN_BY = ENGINE_FORMATS.flatMap(({ knownBy }) => knownBy.names);
/** Of 4,000 GPUs whose series have twelve labels each, and their engines. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * What one Prometheus server knows of all engines and GPUs: asked by one query whatever the number of pools that read it,
 * parsed once, and handed to each by its own rules. One query is also one evaluation: no value is older than another by the
 * time between two requests. Asked by POST, because the query is longer than what proxies take as a URL.
 */
export class PrometheusFleet {
  readonly #url: string;
  readonly #fetcher: PageFetcher;
  readonly #memories = new Map<string, SeriesMemory>();
  #next: Question | undefined;

  constructor(url: string, fetcher: PageFetcher) {
    this.#url = url;
    this.#fetcher = fetcher;
  }

  /** Who asks in the same turn asks together, for what any of them wants. */
  ask(part: FleetPart, nowMs: number, signal: AbortSignal): Promise<FleetAnswer> {
    const parts = this.#next?.parts ?? new Set<FleetPart>();
    parts.add(part);
    this.#next ??= {
      parts,
      answer: Promise.resolve().then(() => {
        this.#next = undefined;
        return this.#ask(parts, nowMs, signal);
      }),
    };
    return this.#next.answer;
  }

  /** Those with the same key share it: their samples do not name pools, and one copy of each is enough. */
  memoryFor(key: string, source: string): SeriesMemory {
    const memory = this.#memories.get(key) ?? new SeriesMemory(source);
    this.#memories.set(key, memory);
    return memory;
  }

  async #ask(parts: ReadonlySet<FleetPart>, nowMs: number, signal: AbortSignal): Promise<FleetAnswer> {
    const request = { url: this.#url, accept: 'application/json', gzip: true, maxBytes: MAX_ANSWER_BYTES };
    const page = await this.#fetcher.get({ ...request, form: { query: fleetQuery(parts) } }, signal);
    if (!page.ok) return page;
    const answer = readQueryAnswer(page.body.toString('utf8'));
    if (!answer.ok) return answer;
    const { series, evaluatedAtMs, badElements, warning } = answer;
    const gpus = series.filter(({ name }) => GPU_NAMES.has(name));
    return {
      ok: true,
      receivedAtMs: nowMs + page.tookMs,
      // It evaluates as soon as it is asked, and answers when it is done: by when it was asked nothing looks too young.
      offsetMs: evaluatedAtMs === undefined ? 0 : nowMs - evaluatedAtMs,
      badElements,
      warning,
      gpus: { seriesCount: gpus.length, readingsFor: readingsByRules(gpus) },
      engines: enginePages(series.filter(({ name }) => ENGINE_NAMES.has(name))),
    };
  }
}

export function fleetQuery(parts: ReadonlySet<FleetPart>): string {
  const gpuNames = parts.has('Gpus') ? GPU_NAMES : [];
  if (!parts.has('Engines')) return instantQuery({ names: gpuNames });
  const common = { names: PROCESS_NAMES, besides: ENGINES_KNOWN_BY };
  return instantQuery({ names: [...ENGINES_ONLY, ...gpuNames], common });
}
