import { instanceName } from './engine-names.ts';
import { recogniseEngine } from './engine-recognition.ts';
import type { Series } from './exposition-line.ts';
import type { EngineFormat } from './formats/engine-format.ts';
import type { EngineEndpoint } from './target.ts';

/** What Prometheus has of one page as it scraped it last. */
export type EnginePage = {
  /** As {@link instanceName} writes it; '' where the label is absent. */
  readonly instance: string;
  readonly pod?: string;
  readonly namespace?: string;
  readonly scrapedAtMs: number;
  readonly series: readonly Series[];
  /** By the names on it. */
  readonly format: EngineFormat | undefined;
};

export type FoundPage =
  | { readonly kind: 'Found'; readonly page: EnginePage; readonly format: EngineFormat }
  | { readonly kind: 'Unknown' }
  /** Of several pages each could be the endpoint's. */
  | { readonly kind: 'Ambiguous'; readonly instances: readonly string[] };

/** The engines that one answer of a Prometheus server names. */
export type EnginePages = {
  readonly all: readonly EnginePage[];
  /** The page of an endpoint's engine: by its instance, else by its pod. */
  readonly find: (endpoint: EngineEndpoint, expected: EngineFormat | undefined) => FoundPage;
};

/**
 * Labels that Prometheus or its copies add, so that series which differ in one of them are of different pages. Two jobs may
 * scrape one engine, and the copies of a highly available Prometheus all do: their pages must not be added up.
 */
const PAGE_LABELS = [
  'job',
  'instance',
  'exported_instance',
  'pod',
  'exported_pod',
  'namespace',
  'exported_namespace',
  'prometheus',
  'prometheus_replica',
  'replica',
];
/** The series of one scrape have one time. One that is older was not on the page any more, and its engine is gone. */
const SAME_SCRAPE_MS = 1000;

/** Puts the series of a fleet together to the pages that they were scraped from. */
export function enginePages(fleet: readonly Series[]): EnginePages {
  const byPage = new Map<string, Series[]>();
  for (const one of fleet) {
    const key = JSON.stringify(PAGE_LABELS.map((label) => one.labels.get(label)));
    const page = byPage.get(key);
    if (page === undefined) byPage.set(key, [one]);
    else page.push(one);
  }
  const all = [...byPage.values()].map(pageOf);
  const byInstance = groupBy(all, ({ instance }) => instance);
  const byPod = groupBy(all, ({ pod }) => pod);
  return {
    all,
    find({ instances, pod, namespace }, expected) {
      for (const instance of instances) {
        const found = newest(byInstance.get(instance) ?? [], expected);
        if (found !== undefined) return found;
      }
      const pages = pod === undefined ? [] : (byPod.get(pod) ?? []);
      const mine = pages.filter((page) => isOf(page, expected) && isIn(page, namespace));
      const names = [...new Set(mine.map(({ instance }) => instance))];
      if (names.length > 1) return { kind: 'Ambiguous', instances: names };
      return newest(mine, expected) ?? { kind: 'Unknown' };
    },
  };
}

function pageOf(scraped: readonly Series[]): EnginePage {
  const scrapedAtMs = scraped.reduce((latest, { timestampMs = 0 }) => Math.max(latest, timestampMs), 0);
  const series = scraped.filter(({ timestampMs = 0 }) => timestampMs >= scrapedAtMs - SAME_SCRAPE_MS);
  const { labels } = scraped[0] as Series;
  // Prometheus renames the labels of a page that has them itself, as one that passes on what others scraped.
  const own = (label: string): string | undefined => labels.get(`exported_${label}`) ?? labels.get(label);
  const [pod, namespace] = [own('pod'), own('namespace')];
  return {
    instance: instanceName(own('instance') ?? ''),
    ...(pod === undefined ? {} : { pod }),
    ...(namespace === undefined ? {} : { namespace }),
    scrapedAtMs,
    series,
    format: recogniseEngine(series),
  };
}

/** Of several scrapes of one engine the last one counts. */
function newest(pages: readonly EnginePage[], expected: EngineFormat | undefined): FoundPage | undefined {
  let latest: EnginePage | undefined;
  for (const page of pages) {
    if (isOf(page, expected) && (latest === undefined || page.scrapedAtMs > latest.scrapedAtMs)) latest = page;
  }
  const format = expected ?? latest?.format;
  return latest === undefined || format === undefined ? undefined : { kind: 'Found', page: latest, format };
}

function isOf({ series, format }: EnginePage, expected: EngineFormat | undefined): boolean {
  if (expected === undefined) return format !== undefined;
  const names = new Set([...expected.knownBy.names, ...expected.rows.map(({ name }) => name)]);
  return series.some(({ name }) => names.has(name));
}

/** A page that does not say its namespace may be of any. */
function isIn(page: EnginePage, namespace: string | undefined): boolean {
  return namespace === undefined || page.namespace === undefined || page.namespace === namespace;
}

function groupBy(
  pages: readonly EnginePage[],
  keyOf: (page: EnginePage) => string | undefined,
): ReadonlyMap<string, readonly EnginePage[]> {
  const groups = new Map<string, EnginePage[]>();
  for (const page of pages) {
    const key = keyOf(page);
    if (key === undefined || key === '') continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [page]);
    else group.push(page);
  }
  return groups;
}
