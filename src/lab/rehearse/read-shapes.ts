import { durationFrom, type Mistake, numberFrom, readWords, type Words, wholeFrom } from './read-words.ts';
import type { Autoscaling, Burst } from './rehearsal-spec.ts';

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly mistakes: readonly Mistake[] };

const MOST_FACTOR = 100;
const MOST_SERVERS = 10_000;

const BURST = { factor: numberFrom(1, MOST_FACTOR), every: durationFrom(1), for: durationFrom(1) };

const AUTOSCALER = {
  least: wholeFrom(1, MOST_SERVERS),
  every: durationFrom(1),
  target: numberFrom(0.01, 10),
  cold: durationFrom(0),
};

/** `factor=2.5 every=40s for=8s` as a mapping. */
export function readBurst(input: Readonly<Record<string, unknown>>): Read<Burst> {
  const { values, mistakes } = readWords(input, BURST);
  const missing = [...mistakes, ...missingFrom(values, BURST)];
  const { factor = 1, every: everyMs = 0, for: forMs = 0 } = values;
  if (missing.length === 0 && forMs > everyMs) missing.push({ key: 'for', message: 'for: expected at most every' });
  return missing.length > 0 ? { ok: false, mistakes: missing } : { ok: true, value: { factor, everyMs, forMs } };
}

/** `least=4 every=15s target=0.6 cold=20s` as a mapping. */
export function readAutoscaler(input: Readonly<Record<string, unknown>>): Read<Autoscaling> {
  const { values, mistakes } = readWords(input, AUTOSCALER);
  const missing = [...mistakes, ...missingFrom(values, AUTOSCALER)];
  const { least = 1, every: everyMs = 0, target = 1, cold: coldMs = 0 } = values;
  return missing.length > 0
    ? { ok: false, mistakes: missing }
    : { ok: true, value: { least, everyMs, target, coldMs } };
}

function missingFrom(values: Readonly<Record<string, unknown>>, words: Words): readonly Mistake[] {
  const missing = Object.keys(words).filter((key) => values[key] === undefined);
  return missing.map((key) => ({ key: undefined, message: `${key} is missing: expected ${words[key]?.allowed}` }));
}
