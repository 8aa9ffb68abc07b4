import type { EngineFormatName } from '../../core/policy/index.ts';
import { type EngineReadings, type EngineRows, engineReadings } from './engine-readings.ts';
import type { Series } from './exposition-line.ts';
import type { EngineFormat } from './formats/engine-format.ts';
import { ENGINE_FORMATS, engineFormat, PROCESS_ROWS } from './formats/engine-formats.ts';
import type { Failure } from './signal-source.ts';

/** The format that a policy names; undefined where each page tells. */
export function namedFormat(name: EngineFormatName | undefined): EngineFormat | undefined {
  return name === undefined ? undefined : engineFormat(name);
}

const ROWS_OF_ANY: EngineRows = { rows: PROCESS_ROWS, copies: [] };
const ROWS: ReadonlyMap<EngineFormat, EngineRows> = new Map(
  ENGINE_FORMATS.map((format) => [format, { rows: [...format.rows, ...PROCESS_ROWS], copies: format.copies }]),
);

/** What the series of one engine's text page say, by whatever way they came. */
export function readEnginePage(series: readonly Series[], format: EngineFormat | undefined): EngineReadings {
  return engineReadings(series, (format === undefined ? undefined : ROWS.get(format)) ?? ROWS_OF_ANY);
}

/**
 * Why a page says nothing of its engine's load. A page without engine metrics is no idle engine: vLLM answers 200 without
 * them when its statistics are off.
 */
export function engineFailure(
  { readings, refusals, notReady }: EngineReadings,
  expected: EngineFormat | undefined,
): Failure | undefined {
  if (notReady !== undefined) return { reason: 'NotReady', message: `the engine is not ready: ${notReady}` };
  if (readings.some(({ metric }) => metric !== 'processStartTimeSeconds')) return undefined;
  if (refusals.length > 0) return { reason: 'Refused', message: 'every engine metric was refused' };
  const whose = expected === undefined ? 'known engine metric' : `metric of ${expected.title}`;
  return { reason: 'NoMetrics', message: `the page has no ${whose}` };
}
