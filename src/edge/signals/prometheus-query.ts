import { parseValue, type Series } from './exposition-line.ts';
import type { Failure } from './signal-source.ts';

/** Marks the half of an answer that carries the time of each sample instead of its value. */
const ROLE_LABEL = 'loadline_role';
/** Marks values of common names: without it `or` would drop one that differs from its left side only by its name. */
const COMMON_LABEL = 'loadline_common';
const NAME_LABEL = '__name__';

/** What is asked for: all series of the fleet of these names. */
export type Wanted = {
  readonly names: Iterable<string>;
  /** Names that stand on the pages of everything: only those of pages that have one of `besides` as well. */
  readonly common?: { readonly names: readonly string[]; readonly besides: readonly string[] };
};

/**
 * One instant query. The time that Prometheus returns with a value is that of the evaluation, so `timestamp()` is asked
 * beside it: one evaluation, hence no value with another sample's time. It forgets the name, so each name has a branch of
 * its own. The branches are a tree: in a chain of `or` every step hashes everything that came before it (`npm run bench`
 * has the numbers).
 */
export function instantQuery({ names, common }: Wanted): string {
  const each = [...names];
  const besides = ` and on (job, instance) ${anyOf(common?.besides ?? [])}`;
  const shared = (common?.names ?? []).flatMap((name) => [
    `(label_replace(${name},"${COMMON_LABEL}","${name}","","")${besides})`,
    `(${timeOf(name)}${besides})`,
  ]);
  return `${anyOf(each)} or ${tree([...each.map(timeOf), ...shared])}`;
}

function anyOf(names: readonly string[]): string {
  return `{__name__=~"${names.join('|')}"}`;
}

function timeOf(name: string): string {
  return `label_replace(timestamp(${name}),"${ROLE_LABEL}","${name}","","")`;
}

function tree(branches: readonly string[]): string {
  if (branches.length <= 1) return branches[0] ?? '';
  const middle = Math.ceil(branches.length / 2);
  return `(${tree(branches.slice(0, middle))} or ${tree(branches.slice(middle))})`;
}

export type QueryAnswer =
  | {
      readonly ok: true;
      /** Time stamps on Prometheus's clock. */
      readonly series: readonly Series[];
      /** When Prometheus evaluated, on its own clock; undefined when the answer is empty. */
      readonly evaluatedAtMs: number | undefined;
      readonly warning: string | undefined;
      /** Elements of the answer that could not be read. */
      readonly badElements: number;
    }
  | { readonly ok: false; readonly failure: Failure };

/** Of 4,000 GPUs and their engines; two for each value. */
const MAX_ELEMENTS = 200_000;
const MAX_WORDS = 200;

/** Reads the answer of `/api/v1/query` to an {@link instantQuery}. Never throws. */
export function readQueryAnswer(body: string): QueryAnswer {
  const answer = parseJson(body);
  if (!isRecord(answer)) return bad('answered something that is not a query result');
  if (answer.status === 'error') return bad(`refused the query: ${plainWords(answer.error)}`);
  const data = answer.data;
  if (!isRecord(data) || data.resultType !== 'vector' || !Array.isArray(data.result)) {
    return bad('answered something that is not an instant vector');
  }
  if (data.result.length > MAX_ELEMENTS) return bad('answered too many series');
  const values: Element[] = [];
  const stamps = new Map<string, number>();
  let [badElements, evaluatedAtMs] = [0, undefined as number | undefined];
  for (const raw of data.result as readonly unknown[]) {
    const element = readElement(raw);
    if (element === undefined) {
      badElements++;
      continue;
    }
    evaluatedAtMs = element.atMs;
    const role = element.metric[ROLE_LABEL];
    if (role !== undefined) stamps.set(seriesKey(role, element.metric), element.value * 1000);
    else if (element.metric[NAME_LABEL] !== undefined) values.push(element);
    else badElements++;
  }
  const series: Series[] = [];
  for (const { metric, value } of values) {
    const { [NAME_LABEL]: name, [COMMON_LABEL]: _, ...labels } = metric as Metric & { readonly [NAME_LABEL]: string };
    const timestampMs = stamps.get(seriesKey(name, metric));
    // Of unknown age is as good as unknown; the same evaluation always has both.
    if (timestampMs === undefined || !Number.isFinite(timestampMs)) badElements++;
    else series.push({ name, labels: new Map(Object.entries(labels)), value, timestampMs });
  }
  const warnings = answer.warnings;
  const warning = Array.isArray(warnings) && warnings.length > 0 ? plainWords(warnings[0]) : undefined;
  return { ok: true, series, evaluatedAtMs, warning, badElements };
}

type Metric = Readonly<Record<string, string>>;
type Element = { readonly metric: Metric; readonly value: number; readonly atMs: number };

function readElement(element: unknown): Element | undefined {
  if (!isRecord(element) || !isRecord(element.metric) || !Array.isArray(element.value)) return undefined;
  const [atSec, text] = element.value as readonly unknown[];
  const value = typeof text === 'string' ? parseValue(text) : undefined;
  if (typeof atSec !== 'number' || !Number.isFinite(atSec) || value === undefined) return undefined;
  for (const label in element.metric) if (typeof element.metric[label] !== 'string') return undefined;
  return { metric: element.metric as Metric, value, atMs: atSec * 1000 };
}

const OURS: ReadonlySet<string> = new Set([NAME_LABEL, ROLE_LABEL, COMMON_LABEL]);

/** Labels come sorted from Prometheus, but nothing promises it; a sort that finds nothing to do is cheap. */
function seriesKey(name: string, metric: Metric): string {
  let key = name;
  for (const label of Object.keys(metric).sort()) {
    if (!OURS.has(label)) key += `\u0000${label}\u0000${metric[label]}`;
  }
  return key;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the caller says so, with the words for a person.
    return undefined;
  }
}

/** Someone else's text as one short line. */
function plainWords(text: unknown): string {
  if (typeof text !== 'string') return 'no reason given';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a log
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, MAX_WORDS);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(message: string): QueryAnswer {
  return { ok: false, failure: { reason: 'Query', message } };
}
