import { parseValue, type Series } from './exposition.ts';
import { GPU_ROWS } from './formats/gpu-formats.ts';
import type { TableMetric } from './formats/row.ts';
import type { Failure } from './signal-source.ts';

/** Marks the half of an answer that carries the time of each sample instead of its value. */
const ROLE_LABEL = 'loadline_role';

/** Metrics that one query asks for together: the total of the memory may have to be summed from its parts. */
const GROUPS: readonly (readonly TableMetric[])[] = [
  ['gpuUtilRatio'],
  ['gpuEngineActiveRatio'],
  ['smActiveRatio'],
  ['dramActiveRatio'],
  ['smClockHertz'],
  ['powerWatts'],
  ['memoryUsedBytes'],
  ['memoryTotalBytes', 'memoryFreeBytes', 'memoryReservedBytes'],
  ['xidCode'],
  ['migMode'],
];

/**
 * One instant query per group for the whole fleet. The time that Prometheus returns with a value is that of the
 * evaluation, so `timestamp()` is asked in the same query: one evaluation, hence no value with another sample's time.
 */
export const PROMETHEUS_QUERIES: readonly string[] = GROUPS.map((metrics) => {
  const names = GPU_ROWS.filter(({ metric }) => metrics.includes(metric)).map(({ name }) => name);
  const times = names.map((name) => `label_replace(timestamp(${name}), "${ROLE_LABEL}", "${name}", "", "")`);
  return [`{__name__=~"${names.join('|')}"}`, ...times].join(' or ');
});

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

const MAX_ELEMENTS = 100_000;
const MAX_WORDS = 200;

/** Reads the answer of `/api/v1/query` to one of {@link PROMETHEUS_QUERIES}. Never throws. */
export function readQueryAnswer(body: string): QueryAnswer {
  const answer = parseJson(body);
  if (!isRecord(answer)) return bad('answered something that is not a query result');
  if (answer.status === 'error') return bad(`refused the query: ${plainWords(answer.error)}`);
  const data = answer.data;
  if (!isRecord(data) || data.resultType !== 'vector' || !Array.isArray(data.result)) {
    return bad('answered something that is not an instant vector');
  }
  if (data.result.length > MAX_ELEMENTS) return bad('answered too many series');
  const values: { readonly name: string; readonly labels: Map<string, string>; readonly value: number }[] = [];
  const stamps = new Map<string, number>();
  let [badElements, evaluatedAtMs] = [0, undefined as number | undefined];
  for (const element of data.result as readonly unknown[]) {
    const read = readElement(element);
    if (read === undefined) {
      badElements++;
      continue;
    }
    const { labels, value } = read;
    evaluatedAtMs = read.atMs;
    const role = labels.get(ROLE_LABEL);
    const name = labels.get('__name__');
    labels.delete(ROLE_LABEL);
    labels.delete('__name__');
    if (role !== undefined) stamps.set(stampKey(role, labels), value * 1000);
    else if (name !== undefined) values.push({ name, labels, value });
    else badElements++;
  }
  const series = values.map(({ name, labels, value }): Series => {
    const timestampMs = stamps.get(stampKey(name, labels));
    return { name, labels, value, ...(timestampMs === undefined ? {} : { timestampMs }) };
  });
  const warnings = answer.warnings;
  const warning = Array.isArray(warnings) && warnings.length > 0 ? plainWords(warnings[0]) : undefined;
  return { ok: true, series, evaluatedAtMs, warning, badElements };
}

function readElement(
  element: unknown,
): { readonly labels: Map<string, string>; readonly value: number; readonly atMs: number } | undefined {
  if (!isRecord(element) || !isRecord(element.metric) || !Array.isArray(element.value)) return undefined;
  const [atSec, text] = element.value as readonly unknown[];
  const value = typeof text === 'string' ? parseValue(text) : undefined;
  if (typeof atSec !== 'number' || !Number.isFinite(atSec) || value === undefined) return undefined;
  const labels = new Map<string, string>();
  for (const [label, labelValue] of Object.entries(element.metric)) {
    if (typeof labelValue !== 'string') return undefined;
    labels.set(label, labelValue);
  }
  return { labels, value, atMs: atSec * 1000 };
}

function stampKey(name: string, labels: ReadonlyMap<string, string>): string {
  return JSON.stringify([name, ...[...labels].sort(([a], [b]) => (a < b ? -1 : 1))]);
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
