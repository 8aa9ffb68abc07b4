import { z } from 'zod';
import { SPELLINGS, type Spelling } from './spelling.ts';

/**
 * The bricks of the language. The message of every schema here is a noun phrase, what was expected; `schemaIssues`
 * makes the sentence. Keys are written as in the policy, outputs are in the units of `policy.ts`.
 */
export function mapping<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, { error: 'a mapping' });
}

export function list<T>(item: z.ZodType<T>, phrase: string): z.ZodArray<z.ZodType<T>> {
  return z.array(item, { error: phrase });
}

export function nonEmptyList<T>(item: z.ZodType<T>, phrase: string): z.ZodArray<z.ZodType<T>> {
  return list(item, phrase).min(1, { error: phrase });
}

export function oneOf<const V extends readonly string[]>(values: V): z.ZodType<V[number]> {
  const words: readonly V[number][] = values;
  return z.enum(words, { error: `one of ${values.join(', ')}` });
}

export function flag(): z.ZodType<boolean> {
  return z.boolean({ error: 'true or false' });
}

export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const error = `a whole number ${min}..${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function positiveNumber(max: number): z.ZodType<number> {
  const error = `a number above 0, at most ${max}`;
  return z.number({ error }).gt(0, { error }).max(max, { error });
}

export function numberBetween(min: number, max: number): z.ZodType<number> {
  const error = `a number ${min}..${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

/** Envoy's counters are uint32; 0 would mean "never" or "nothing at all", which no policy wants to say by accident. */
export function count(): z.ZodType<number> {
  return wholeNumber(1, 4_294_967_295);
}

export function port(): z.ZodType<number> {
  const error = 'a port 1..65535';
  return z.int({ error }).min(1, { error }).max(65_535, { error });
}

/** No value of the language is longer. Whatever pattern is tried on a value, this bounds what it can cost. */
const MAX_VALUE_CHARS = 4096;

/**
 * A string that `read` understands; undefined from `read` refuses it, with the hint where there is one. The spelling says
 * the same as far as a pattern can: it may let more through, never less.
 */
export function readText<T>(
  phrase: string,
  read: (text: string) => T | undefined,
  hint: (text: string) => string | undefined = () => undefined,
  spelling: Spelling = {},
): z.ZodType<T> {
  const written = z.string({ error: phrase }).register(SPELLINGS, spelling);
  return written.transform((text, context) => {
    if (text.length > MAX_VALUE_CHARS) {
      context.addIssue({ code: 'custom', message: phrase, params: { hint: `at most ${MAX_VALUE_CHARS} characters` } });
      return z.NEVER;
    }
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: phrase, params: { hint: hint(text) } });
    return z.NEVER;
  });
}

export function matching(
  pattern: RegExp,
  phrase: string,
  hint?: (text: string) => string | undefined,
): z.ZodType<string> {
  return readText(phrase, (text) => (pattern.test(text) ? text : undefined), hint, { pattern: pattern.source });
}

/** For checks over several keys of one mapping: adds an issue at one of them. */
export function refuse(
  context: z.core.$RefinementCtx,
  path: readonly (string | number)[],
  message: string,
  hint?: string,
): void {
  context.addIssue({ code: 'custom', path: [...path], message, params: { hint } });
}
