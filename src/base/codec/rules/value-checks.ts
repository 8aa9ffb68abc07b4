import { isIP, isIPv4, isIPv6 } from 'node:net';
import { LoadlineError } from '../../errors.ts';
import { compileRe2 } from './re2.ts';
import { type RuleTree, type RuleValue, seconds } from './rule-tree.ts';

/** One condition on one value; the message is worded as Envoy's own. */
export type Check<T> = { readonly rule: string; readonly message: string; readonly holds: (value: T) => boolean };

/** What a set of rules of one kind is made of. */
export type Kind<T> = Readonly<
  Record<string, (limit: RuleValue, all: RuleTree, where: string) => Check<T> | undefined>
>;

/** Rules of one kind, as a list of checks. Throws LOADLINE_CODEC_UNKNOWN_RULE for a rule outside the table. */
export function checksOf<T>(kind: Kind<T>, name: string, rules: RuleTree, where: string): readonly Check<T>[] {
  const checks: Check<T>[] = [];
  for (const [rule, limit] of Object.entries(rules)) {
    const make = Object.hasOwn(kind, rule) ? kind[rule] : undefined;
    if (make === undefined) throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${where}: ${name}.${rule}`);
    const check = make(limit, rules, where);
    if (check !== undefined) checks.push({ ...check, rule: `${name}.${rule}` });
  }
  return checks;
}

/** A rule that another one reads, or that the caller of the checks obeys. */
export const elsewhere = (): undefined => undefined;

function check<T>(message: string, holds: (value: T) => boolean): Check<T> {
  return { rule: '', message, holds };
}

type Show = (value: number) => string;

// A lower bound that lies above the upper one excludes what is between them, as protoc-gen-validate defines it.
function bound(side: 'lower' | 'upper', strict: boolean, show: Show): Kind<number>[string] {
  return (limit, all) => {
    const lower = (all.gt ?? all.gte) as number | undefined;
    const upper = (all.lt ?? all.lte) as number | undefined;
    if (lower !== undefined && upper !== undefined) {
      const [open, close] = [all.gt === undefined ? '[' : '(', all.lt === undefined ? ']' : ')'];
      const above = (value: number): boolean => (all.gt === undefined ? value >= lower : value > lower);
      const below = (value: number): boolean => (all.lt === undefined ? value <= upper : value < upper);
      const inside = upper >= lower;
      const range = `${open}${show(lower)}, ${show(upper)}${close}`;
      if (side === 'upper') return undefined;
      return inside
        ? check(`value must be inside range ${range}`, (value) => above(value) && below(value))
        : check(`value must be outside range ${range}`, (value) => above(value) || below(value));
    }
    const edge = limit as number;
    if (side === 'lower') {
      return strict
        ? check(`value must be greater than ${show(edge)}`, (value) => value > edge)
        : check(`value must be greater than or equal to ${show(edge)}`, (value) => value >= edge);
    }
    return strict
      ? check(`value must be less than ${show(edge)}`, (value) => value < edge)
      : check(`value must be less than or equal to ${show(edge)}`, (value) => value <= edge);
  };
}

function ordered(show: Show): Kind<number> {
  return {
    gt: bound('lower', true, show),
    gte: bound('lower', false, show),
    lt: bound('upper', true, show),
    lte: bound('upper', false, show),
    const: (limit) => check(`value must equal ${show(limit as number)}`, (value) => value === limit),
    ...listed<number>(),
  };
}

function listed<T extends number | string>(): Pick<Kind<T>, 'in' | 'not_in'> {
  return {
    in: (limit) => {
      const list = limit as readonly T[];
      return check(`value must be in list [${list.join(' ')}]`, (value) => list.includes(value));
    },
    not_in: (limit) => {
      const list = limit as readonly T[];
      return check(`value must not be in list [${list.join(' ')}]`, (value) => !list.includes(value));
    },
  };
}

export const NUMBER: Kind<number> = { ...ordered(String), ignore_empty: elsewhere };

const duration = ordered(goDuration);

/** On decoded Durations. `required` is the caller's, who knows whether there is one. */
export const DURATION: Kind<object> = {
  ...Object.fromEntries(
    Object.entries(duration).map(([rule, make]) => [
      rule,
      (limit: RuleValue, all: RuleTree, where: string): Check<object> | undefined => {
        const inner = make(limit, all, where);
        return inner && check(inner.message, (value) => inner.holds(seconds(value)));
      },
    ]),
  ),
  required: elsewhere,
};

export const TIMESTAMP: Kind<object> = { required: elsewhere };
export const MESSAGE: Kind<object> = { required: elsewhere, skip: elsewhere };

/** `defined_only` needs the enum: the caller adds it to the table. */
export const ENUM: Kind<number> = {
  const: (limit) => check(`value must equal ${limit}`, (value) => value === limit),
  ...listed<number>(),
};

export const BOOL: Kind<boolean> = { const: (limit) => check(`value must equal ${limit}`, (value) => value === limit) };

export const STRING: Kind<string> = {
  const: (limit) => check(`value must equal ${limit}`, (value) => value === limit),
  len: (limit) => check(`value length must be ${limit} characters`, (value) => codePoints(value) === limit),
  min_len: (limit) =>
    check(`value length must be at least ${limit} characters`, (value) => codePoints(value) >= (limit as number)),
  max_len: (limit) =>
    check(`value length must be at most ${limit} characters`, (value) => codePoints(value) <= (limit as number)),
  len_bytes: (limit) => check(`value length must be ${limit} bytes`, (value) => Buffer.byteLength(value) === limit),
  min_bytes: (limit) =>
    check(`value length must be at least ${limit} bytes`, (value) => Buffer.byteLength(value) >= (limit as number)),
  max_bytes: (limit) =>
    check(`value length must be at most ${limit} bytes`, (value) => Buffer.byteLength(value) <= (limit as number)),
  pattern: (limit, _, where) => {
    const expression = compileRe2(limit as string, where);
    return check(`value does not match regex pattern "${limit}"`, (value) => expression.test(value));
  },
  prefix: (limit) => check(`value does not have prefix ${limit}`, (value) => value.startsWith(limit as string)),
  suffix: (limit) => check(`value does not have suffix ${limit}`, (value) => value.endsWith(limit as string)),
  contains: (limit) => check(`value does not contain substring ${limit}`, (value) => value.includes(limit as string)),
  not_contains: (limit) => check(`value contains substring ${limit}`, (value) => !value.includes(limit as string)),
  ...listed<string>(),
  ip: () => check('value must be a valid IP address', (value) => isIP(value) !== 0),
  ipv4: () => check('value must be a valid IPv4 address', (value) => isIPv4(value)),
  ipv6: () => check('value must be a valid IPv6 address', (value) => isIPv6(value)),
  well_known_regex: (limit, all, where) => {
    const expression = headerExpression(limit as number, all.strict !== false, where);
    return check(`value does not match regex pattern "${expression.source}"`, (value) => expression.test(value));
  },
  strict: elsewhere,
  ignore_empty: elsewhere,
};

export const BYTES: Kind<Uint8Array> = {
  len: (limit) => check(`value length must be ${limit} bytes`, (value) => value.length === limit),
  min_len: (limit) =>
    check(`value length must be at least ${limit} bytes`, (value) => value.length >= (limit as number)),
  max_len: (limit) =>
    check(`value length must be at most ${limit} bytes`, (value) => value.length <= (limit as number)),
  ignore_empty: elsewhere,
};

// The expressions that protoc-gen-validate gives its KnownRegex values. Without `strict` only the characters that
// would split a header are refused.
function headerExpression(known: number, strict: boolean, where: string): RegExp {
  const expression = HEADER[`${known} ${strict}`];
  if (expression !== undefined) return expression;
  throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${where}: string.well_known_regex ${known}`);
}

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: these expressions are about control characters
const HEADER: Readonly<Record<string, RegExp>> = {
  // HTTP_HEADER_NAME
  '1 true': /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/u,
  '1 false': /^[^\x00\n\r]*$/u,
  // HTTP_HEADER_VALUE
  '2 true': /^[^\x00-\x08\n-\x1f\x7f]*$/u,
  '2 false': /^[^\x00\n\r]*$/u,
};
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: these expressions are about control characters

/** Seconds as Go prints a duration and Envoy its rules: `1ms`, `0s`, `5m0s`. */
function goDuration(seconds: number): string {
  if (seconds !== 0 && Math.abs(seconds) < 1) {
    const [unit, size] = (
      [
        ['ms', 1e-3],
        ['µs', 1e-6],
        ['ns', 1e-9],
      ] as const
    ).find(([, s]) => Math.abs(seconds) >= s) ?? ['ns', 1e-9];
    return `${Number((seconds / size).toPrecision(12))}${unit}`;
  }
  const hours = Math.trunc(seconds / 3600);
  const minutes = Math.trunc((seconds % 3600) / 60);
  const rest = `${seconds % 60}s`;
  if (hours !== 0) return `${hours}h${minutes}m${rest}`;
  return minutes === 0 ? rest : `${minutes}m${rest}`;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
