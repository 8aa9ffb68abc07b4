import type { Effect, Fault, ServerChoice } from './fault.ts';
import { durationFrom, type Mistake, numberFrom, readWords, text, type Word, wholeFrom, yes } from './read-words.ts';

const MOST_SIDECARS = 10_000;

const server: Word<ServerChoice> = {
  allowed: 'the number of a server (from 0), its address:port or pool/address:port',
  read: (value) => {
    const number = wholeFrom(0, Number.MAX_SAFE_INTEGER).read(value);
    if (number !== undefined) return { kind: 'Number', number };
    const name = text.read(value);
    return name === undefined ? undefined : { kind: 'Named', name };
  },
};

const WORDS = {
  t: durationFrom(0),
  until: durationFrom(0),
  server,
  pool: text,
  sidecar: wholeFrom(0, MOST_SIDECARS),
  speed: numberFrom(0, 10),
  foreignLoad: numberFrom(0, 1),
  failRatio: numberFrom(0, 1),
  crash: yes,
  freeze: yes,
  coldStart: durationFrom(1),
  staleMetrics: yes,
  clock: numberFrom(0.01, 10),
  absent: yes,
  cold: durationFrom(0),
};

const EFFECTS = 'speed, foreignLoad, failRatio, crash, freeze, coldStart, staleMetrics, clock, absent';

export type ReadFault =
  | { readonly ok: true; readonly value: Fault }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** A fault from a mapping; `written` is how the report names it. */
export function readFault(input: Readonly<Record<string, unknown>>, written: string): ReadFault {
  const { values, mistakes } = readWords(input, WORDS);
  if (mistakes.length > 0) return { ok: false, mistakes };
  const found: Mistake[] = [];
  const refuse = (key: string | undefined, message: string): void => void found.push({ key, message });
  const { t: atMs = 0, until: untilMs, pool, sidecar } = values;
  if (values.t === undefined) refuse(undefined, 'expected t, the time at which it begins, such as t=60s');
  if (untilMs !== undefined && untilMs <= atMs) refuse('until', 'until: expected a time after t');
  const targets = [values.server, pool, sidecar].filter((one) => one !== undefined);
  if (targets.length !== 1) refuse(undefined, 'expected one of server, pool and sidecar');
  const effects = effectsOf(values);
  if (sidecar !== undefined) {
    if (effects.length > 0)
      refuse('sidecar', 'sidecar: a sidecar can only go and come back: expected nothing but t and until');
    if (untilMs === undefined) refuse(undefined, 'expected until, the time at which another sidecar is there');
  } else if (effects.length !== 1) refuse(undefined, `expected one of ${EFFECTS}`);
  const [effect] = effects;
  if (effect?.kind === 'coldStart' && untilMs !== undefined)
    refuse('until', 'until: a cold start ends by itself: expected its length in coldStart');
  if (values.cold !== undefined && effect?.kind !== 'absent') refuse('cold', 'cold: expected only with absent');
  if (found.length > 0) return { ok: false, mistakes: found };
  const fault = { text: written, atMs, untilMs };
  if (sidecar !== undefined) return { ok: true, value: { ...fault, what: { kind: 'Sidecar', sidecar } } };
  const of = pool === undefined ? (values.server as ServerChoice) : ({ kind: 'Pool', pool } as const);
  return { ok: true, value: { ...fault, what: { kind: 'Servers', of, effect: effect as Effect } } };
}

function effectsOf(values: ReturnType<typeof readWords<typeof WORDS>>['values']): readonly Effect[] {
  const { speed, foreignLoad, failRatio, crash, freeze, coldStart, staleMetrics, clock, absent, cold = 0 } = values;
  const effects: Effect[] = [];
  if (speed !== undefined) effects.push({ kind: 'speed', value: speed });
  if (foreignLoad !== undefined) effects.push({ kind: 'foreignLoad', value: foreignLoad });
  if (failRatio !== undefined) effects.push({ kind: 'failRatio', value: failRatio });
  if (crash) effects.push({ kind: 'crash' });
  if (freeze) effects.push({ kind: 'freeze' });
  if (coldStart !== undefined) effects.push({ kind: 'coldStart', forMs: coldStart });
  if (staleMetrics) effects.push({ kind: 'staleMetrics' });
  if (clock !== undefined) effects.push({ kind: 'clock', value: clock });
  if (absent) effects.push({ kind: 'absent', coldMs: cold });
  return effects;
}
