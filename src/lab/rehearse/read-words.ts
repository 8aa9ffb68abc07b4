import { parseDurationMs } from '../../base/units/index.ts';

/** One thing wrong with a mapping: the key, or undefined when it is about all of it. */
export type Mistake = { readonly key: string | undefined; readonly message: string };

/** What a key may hold, and what becomes of it. */
export type Word<T> = { readonly allowed: string; readonly read: (value: unknown) => T | undefined };

export function numberFrom(least: number, most: number): Word<number> {
  return {
    allowed: most === Number.POSITIVE_INFINITY ? `a number from ${least}` : `a number from ${least} to ${most}`,
    read: (value) => (typeof value === 'number' && value >= least && value <= most ? value : undefined),
  };
}

export function wholeFrom(least: number, most: number): Word<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    read: (value) => (Number.isInteger(value) ? numberFrom(least, most).read(value) : undefined),
  };
}

export function durationFrom(leastMs: number): Word<number> {
  return {
    allowed: leastMs > 0 ? 'a duration above 0s, such as "90s"' : 'a duration such as "90s" or "2m"',
    read: (value) => {
      const ms = typeof value === 'string' ? parseDurationMs(value) : undefined;
      return ms !== undefined && ms >= leastMs ? ms : undefined;
    },
  };
}

export const yes: Word<true> = { allowed: 'true', read: (value) => (value === true ? true : undefined) };

export const text: Word<string> = {
  allowed: 'a text',
  read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
};

export type Words = Readonly<Record<string, Word<unknown>>>;

type Values<W extends Words> = { -readonly [K in keyof W]?: W[K] extends Word<infer T> ? T : never };

/** The values of a mapping whose every key must be one of the words. All mistakes at once. */
export function readWords<W extends Words>(
  input: Readonly<Record<string, unknown>>,
  words: W,
): { readonly values: Values<W>; readonly mistakes: readonly Mistake[] } {
  const values: Record<string, unknown> = {};
  const mistakes: Mistake[] = [];
  for (const [key, value] of Object.entries(input)) {
    const word = Object.hasOwn(words, key) ? words[key] : undefined;
    if (word === undefined) {
      mistakes.push({ key, message: `unknown key "${key}"; allowed are ${Object.keys(words).join(', ')}` });
      continue;
    }
    const read = word.read(value);
    if (read === undefined)
      mistakes.push({ key, message: `${key}: expected ${word.allowed}, got ${JSON.stringify(value)}` });
    else values[key] = read;
  }
  return { values: values as Values<W>, mistakes };
}

/** `t=60s server=3 crash` as a mapping: what looks like a number is one, and a word alone is true. */
export function mappingOf(line: string): Readonly<Record<string, unknown>> {
  const words = line.split(/[\s,]+/).filter((word) => word !== '');
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return at === -1 ? [word, true] : [word.slice(0, at), readWord(word.slice(at + 1))];
    }),
  );
}

function readWord(word: string): unknown {
  if (word === 'true') return true;
  return /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
}
