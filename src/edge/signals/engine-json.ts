import type { Series } from './exposition-line.ts';
import type { EngineFormat } from './formats/engine-format.ts';
import { ENGINE_FORMATS } from './formats/engine-formats.ts';
import { isRecord, parseJson } from './json-record.ts';
import type { Failure } from './signal-source.ts';

type JsonFormat = NonNullable<EngineFormat['json']>;

export type EngineJson =
  | { readonly ok: true; readonly format: EngineFormat; readonly json: JsonFormat; readonly series: readonly Series[] }
  | { readonly ok: false; readonly failure: Failure };

const MAX_ENGINES = 10_000;

/**
 * Reads an engine's JSON page as if it were series: one per key and data-parallel engine. What only some engines say
 * becomes NaN for the others, so that it is refused and not summed over those that spoke. Never throws.
 */
export function readEngineJson(body: string, expected: EngineFormat | undefined): EngineJson {
  const document = parseJson(body);
  if (Array.isArray(document)) {
    return bad(
      'ContentType',
      'answered a JSON list, which no engine is read by; the text page of trtllm-serve is path: /prometheus/metrics',
    );
  }
  if (!isRecord(document)) return bad('ContentType', 'answered JSON that cannot be read');
  const candidates = expected === undefined ? ENGINE_FORMATS : [expected];
  const format = candidates.find(({ json }) => json !== undefined && json.list in document);
  if (format?.json === undefined) return bad('ContentType', strangerWords(candidates));
  const { json } = format;
  const engines = document[json.list];
  if (!Array.isArray(engines) || !engines.every(isRecord) || engines.length > MAX_ENGINES) {
    return bad('ContentType', `answered JSON in which ${json.list} is not a list of engines`);
  }
  if (engines.length === 0) {
    return bad('NotReady', `${json.list} is empty: the engine is broken, not idle`);
  }
  const keys = json.rows.map(({ name }) => name).filter((name) => engines.some((engine) => name in engine));
  const series = engines.flatMap((engine, at) =>
    keys.map((name): Series => {
      const value = engine[name];
      const labels = new Map([[json.engine, String(engine[json.engine] ?? `#${at}`)]]);
      return { name, labels, value: typeof value === 'number' ? value : Number.NaN };
    }),
  );
  return { ok: true, format, json, series };
}

function strangerWords(candidates: readonly EngineFormat[]): string {
  const known = candidates.flatMap(({ title, json }) => (json === undefined ? [] : [`${json.list} (${title})`]));
  return known.length === 0
    ? `answered JSON where ${candidates[0]?.title} has text`
    : `answered JSON without its list of engines, ${known.join(' or ')}`;
}

function bad(reason: Failure['reason'], message: string): EngineJson {
  return { ok: false, failure: { reason, message } };
}
