import type { z } from 'zod';
import { formatDuration, parseDurationMs } from '../../../base/units/index.ts';
import { readText } from './shape.ts';

export const DURATION = 'a duration such as 250ms, 5s or 2m';
export const PERCENT = 'a percentage such as 50%';
export const RATE = 'a rate such as 50/s, 3000/m or 10/h';

const DAY_MS = 86_400_000;
const NOT_ZERO = '(?!0+(?:\\.0+)?[a-z])';
const PER_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const MIN_RATE_PER_SEC = 1 / 86_400;
const MAX_RATE_PER_SEC = 1_000_000;

/** `250ms`, `5s`, `1.5m`, `2h` to milliseconds. A fraction of a millisecond is refused: rounded to 0 it would mean "none". */
export function duration(minMs: number, maxMs: number = 7 * DAY_MS): z.ZodType<number> {
  const phrase =
    minMs === 0 && maxMs === 7 * DAY_MS ? DURATION : `${DURATION}, ${formatDuration(minMs)}..${formatDuration(maxMs)}`;
  return readText(
    phrase,
    (text) => {
      const ms = wholeMs(text);
      return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined;
    },
    (text) => {
      if (/^\d+(\.\d+)?$/.test(text)) return `add a unit: ${text}s or ${text}ms`;
      if (/^0(\.0+)?(ms|s|m|h)$/.test(text)) return 'it cannot be switched off with 0s';
      if (/^\d+(\.\d+)? ?(d|days?)$/.test(text)) return 'the units are ms, s, m and h';
      if (/^\d+[smh]+\d/.test(text)) return 'use one unit: 90s instead of 1m30s';
      return undefined;
    },
    { pattern: `^${minMs === 0 ? '' : NOT_ZERO}\\d+(?:\\.\\d+)?(?:ms|s|m|h)$`, examples: ['250ms', '5s', '2m'] },
  );
}

/** For what 0s switches off or leaves unlimited. */
export function durationOrNone(maxMs?: number): z.ZodType<number> {
  return duration(0, maxMs);
}

function wholeMs(text: string): number | undefined {
  const ms = parseDurationMs(text);
  if (ms === undefined || text !== text.trim()) return undefined;
  const unit = text.endsWith('ms') ? 1 : text.endsWith('s') ? 1000 : text.endsWith('m') ? 60_000 : 3_600_000;
  return Math.abs(Number.parseFloat(text) * unit - ms) < 1e-6 ? ms : undefined;
}

/** `50%` to 50. Whole ones for fields that Envoy keeps as integers. */
export function percent(kind: 'Whole' | 'Fraction' = 'Fraction'): z.ZodType<number> {
  const phrase = kind === 'Whole' ? `${PERCENT}, whole, 0%..100%` : `${PERCENT}, 0%..100%`;
  return readText(
    phrase,
    (text) => {
      const match = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text);
      const value = match === null ? Number.NaN : Number(match[1]);
      return value <= 100 && (kind === 'Fraction' || Number.isInteger(value)) ? value : undefined;
    },
    (text) => (/^\d+(\.\d+)?$/.test(text) ? `write the sign: ${text}%` : undefined),
    {
      pattern: `^(?:100(?:\\.0{1,4})?|0?\\d{1,2}(?:\\.${kind === 'Whole' ? '0' : '\\d'}{1,4})?)%$`,
      examples: ['5%', '50%'],
    },
  );
}

/** `50/s`, `3000/m`, `10/h` to a number per second. */
export function rate(): z.ZodType<number> {
  return readText(
    `${RATE}, between 1 a day and ${MAX_RATE_PER_SEC}/s`,
    (text) => {
      const match = /^(\d{1,9}(?:\.\d{1,6})?)\/(s|m|h)$/.exec(text);
      if (match === null) return undefined;
      const perSec = Number(match[1]) / (PER_SECONDS[match[2] as string] as number);
      return perSec >= MIN_RATE_PER_SEC && perSec <= MAX_RATE_PER_SEC ? perSec : undefined;
    },
    (text) => {
      if (/^\d+(\.\d+)?$/.test(text)) return `say per what: ${text}/s, ${text}/m or ${text}/h`;
      const word = /^(\d+(?:\.\d+)?) ?(?:\/|per) ?(sec|second|min|minute|hour|hr)s?$/.exec(text);
      return word === null ? undefined : `write ${word[1]}/${(word[2] as string)[0]}`;
    },
    { pattern: '^\\d{1,9}(?:\\.\\d{1,6})?/[smh]$', examples: ['50/s', '3000/m', '10/h'] },
  );
}
