import { describe, expect, it } from 'vitest';
import { compileRe2 } from '../../../../src/base/codec/rules/re2.ts';
import type { RuleTree } from '../../../../src/base/codec/rules/rule-tree.ts';
import { BYTES, checksOf, DURATION, type Kind, NUMBER, STRING } from '../../../../src/base/codec/rules/value-checks.ts';

/** What a set of rules says about a value. */
function says<T>(kind: Kind<T>, rules: RuleTree, value: T): string[] {
  return checksOf(kind, 'kind', rules, 'a.B.c')
    .filter(({ holds }) => !holds(value))
    .map(({ message }) => message);
}

describe('rules on numbers', () => {
  it.each<[RuleTree, number[], number[]]>([
    [{ gt: 1 }, [2], [1, 0]],
    [{ gte: 1 }, [1], [0.99]],
    [{ lt: 1 }, [0], [1]],
    [{ lte: 1 }, [1], [2]],
    [{ gt: 1, lt: 3 }, [2], [1, 3]],
    [{ gte: 1, lte: 3 }, [1, 3], [0, 4]],
    // The lower bound lies above the upper one: what is between is excluded.
    [{ gt: 5, lt: 3 }, [2, 6], [3, 4, 5]],
    [{ gte: 5, lte: 3 }, [3, 5], [4]],
    [{ const: 4 }, [4], [5]],
    [{ in: [1, 2] }, [1, 2], [3]],
    [{ not_in: [1, 2] }, [3], [1]],
  ])('%o', (rules, good, bad) => {
    for (const value of good) expect(says(NUMBER, rules, value)).toEqual([]);
    for (const value of bad) expect(says(NUMBER, rules, value)).toHaveLength(1);
  });

  it('refuses what is not a number where there are bounds', () => {
    expect(says(NUMBER, { gte: 0, lte: 1 }, Number.NaN)).toEqual(['value must be inside range [0, 1]']);
    expect(says(NUMBER, { gt: 0 }, Number.NaN)).toEqual(['value must be greater than 0']);
  });
});

describe('rules on texts', () => {
  it.each<[RuleTree, string[], string[]]>([
    [{ const: 'a' }, ['a'], ['b']],
    [{ len: 2 }, ['ab', '😀b'], ['a', 'abc']],
    [{ min_len: 2 }, ['😀b'], ['😀']],
    [{ max_len: 2 }, ['😀b'], ['abc']],
    [{ len_bytes: 4 }, ['😀'], ['a']],
    [{ min_bytes: 4 }, ['😀'], ['abc']],
    [{ max_bytes: 3 }, ['abc'], ['😀']],
    [{ prefix: 'a' }, ['ab'], ['ba']],
    [{ suffix: 'a' }, ['ba'], ['ab']],
    [{ contains: 'a' }, ['bab'], ['b']],
    [{ not_contains: 'a' }, ['b'], ['bab']],
    [{ in: ['a'] }, ['a'], ['b']],
    [{ not_in: ['a'] }, ['b'], ['a']],
    [{ ip: true }, ['10.0.0.1', '::1'], ['host', '10.0.0']],
    [{ ipv4: true }, ['10.0.0.1'], ['::1']],
    [{ ipv6: true }, ['::1'], ['10.0.0.1']],
    [{ pattern: 'a+' }, ['aa'], ['ab', 'a\n']],
    [{ well_known_regex: 1 }, [':path', 'x-a_b'], ['', 'a b', 'a:b', 'ä']],
    [{ well_known_regex: 1, strict: false }, ['a b'], ['a\r', 'a\n', 'a\0']],
    [{ well_known_regex: 2 }, ['', 'a b\tc', 'ä'], ['a\x01', 'a\x7f', 'a\n']],
    [{ well_known_regex: 2, strict: false }, ['a\x01'], ['a\nb']],
  ])('%o', (rules, good, bad) => {
    for (const value of good) expect(says(STRING, rules, value)).toEqual([]);
    for (const value of bad) expect(says(STRING, rules, value)).toHaveLength(1);
  });
});

describe('rules on bytes and durations', () => {
  it('counts bytes', () => {
    expect(says(BYTES, { min_len: 1, max_len: 2 }, Uint8Array.of())).toEqual(['value length must be at least 1 bytes']);
    expect(says(BYTES, { min_len: 1, max_len: 2 }, Uint8Array.of(1, 2, 3))).toEqual([
      'value length must be at most 2 bytes',
    ]);
    expect(says(BYTES, { len: 1 }, Uint8Array.of(1))).toEqual([]);
  });

  it('compares durations to the nanosecond and prints them as Envoy does', () => {
    const rules: RuleTree = { gte: 0.001, lt: 300 };
    expect(says(DURATION, rules, { seconds: 0, nanos: 1_000_000 })).toEqual([]);
    expect(says(DURATION, rules, { seconds: 299, nanos: 999_999_999 })).toEqual([]);
    expect(says(DURATION, rules, { seconds: 0, nanos: 999_999 })).toEqual(['value must be inside range [1ms, 5m0s)']);
    expect(says(DURATION, { gt: 4.5e-5, required: true }, { seconds: 0, nanos: 0 })).toEqual([
      'value must be greater than 45µs',
    ]);
    expect(says(DURATION, { lte: 3661 }, { seconds: 4000, nanos: 0 })).toEqual([
      'value must be less than or equal to 1h1m1s',
    ]);
  });
});

describe('a rule that the interpreter does not know', () => {
  const unknown = expect.objectContaining({
    code: 'LOADLINE_CODEC_UNKNOWN_RULE',
    message: expect.stringContaining('a.B.c'),
  });

  it('is refused when it is compiled', () => {
    expect(() => checksOf(STRING, 'string', { email: true }, 'a.B.c')).toThrow(unknown);
    expect(() => checksOf(STRING, 'string', { constructor: true }, 'a.B.c')).toThrow(unknown);
    expect(() => checksOf(STRING, 'string', { well_known_regex: 3 }, 'a.B.c')).toThrow(unknown);
    expect(() => checksOf(STRING, 'string', { pattern: '(?i)a' }, 'a.B.c')).toThrow(unknown);
  });
});

describe('expressions of RE2', () => {
  it.each<[string, string[], string[]]>([
    ['[[:alpha:]_]+', ['ab_'], ['a1']],
    ['\\Aa\\z', ['a'], ['aa']],
    ['(?P<name>a|b)c', ['ac', 'bc'], ['c']],
    ['(?:a)\\~\\.', ['a~.'], ['a~x']],
    ['a\\\\~', ['a\\~'], ['a~']],
    ['.', ['😀'], ['\n', 'ab']],
  ])('%s', (pattern, good, bad) => {
    const expression = compileRe2(pattern, 'a.B.c');
    for (const value of good) expect(value).toMatch(expression);
    for (const value of bad) expect(value).not.toMatch(expression);
  });

  it.each(['(?i)a', '\\pL', '\\Qa\\E', '\\s', '[[:nothing:]]', '(a', 'a{2,1}', '(?=a)'])('%s is refused', (pattern) => {
    expect(() => compileRe2(pattern, 'a.B.c')).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_UNKNOWN_RULE' }),
    );
  });
});
