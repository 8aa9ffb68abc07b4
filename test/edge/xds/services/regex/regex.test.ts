import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex } from '../../../../../src/edge/xds/services/regex/regex.ts';

const PLENTY = 1_000_000;

function matches(pattern: string, text: string, left: number = PLENTY): boolean {
  const compiled = compileRegex(pattern);
  if (!compiled.ok) throw new Error(`${pattern}: ${compiled.message}`);
  return compiled.regex(text, { left });
}

describe('an expression', () => {
  it.each([
    // pattern, what matches, what does not
    ['abc', ['abc'], ['', 'ab', 'abcd', 'xabc']],
    ['', [''], ['a']],
    ['a|b|', ['a', 'b', ''], ['ab']],
    ['a*b+c?', ['b', 'aab', 'bbc'], ['', 'a', 'bcc']],
    ['a*?b', ['b', 'aab'], ['a']],
    ['a{2}', ['aa'], ['a', 'aaa']],
    ['a{2,}', ['aa', 'aaaaa'], ['a']],
    ['a{1,3}', ['a', 'aaa'], ['', 'aaaa']],
    ['a{0}', [''], ['a']],
    ['a{,3}', ['a{,3}'], ['a']],
    ['(?:ab)+', ['ab', 'abab'], ['aba']],
    ['(?P<x>a)(?<y>b)', ['ab'], ['a']],
    ['(a|b)*c', ['c', 'abbac'], ['ab']],
    ['(a*)*', ['', 'aaa'], ['b']],
    ['.', ['x', 'é', '😀'], ['\n', '']],
    ['(?s).', ['\n'], ['']],
    ['[a-c_]', ['a', 'c', '_'], ['d', '-']],
    ['[^a-c]', ['d', '\n', '😀'], ['a']],
    ['[]a]', [']', 'a'], ['b']],
    ['[^]a]', ['b'], [']', 'a']],
    ['[a-]', ['a', '-'], ['b']],
    ['[\\d\\]\\-]', ['7', ']', '-'], ['a', '\\']],
    ['[[:alpha:][:digit:]]', ['a', '1'], ['_']],
    ['[[:^alpha:]]', ['1'], ['a']],
    ['[\\x41-\\x{43}]', ['A', 'C'], ['D']],
    ['\\d\\D\\w\\W\\s\\S', ['1a_- x'], ['aa_- x']],
    ['\\s', [' ', '\t'], ['\u00a0', '\u000b']],
    ['\\.\\*\\n\\t', ['.*\n\t'], ['aa\n\t']],
    ['^a$', ['a'], ['aa']],
    ['\\Aa\\z', ['a'], ['ba']],
    ['a$b|a^b', [], ['ab']],
    ['a\\b-\\bb', ['a-b'], ['a--b']],
    ['a\\Bb', ['ab'], ['a b']],
    ['(?i)aBc', ['abc', 'ABC'], ['abd']],
    ['(?i)[^a]', ['b'], ['a', 'A']],
    ['(?i:a)b', ['Ab', 'ab'], ['AB']],
    ['(a(?i)b)c', ['aBc'], ['aBC', 'ABc']],
    ['(?i)a(?-i)b', ['Ab'], ['AB']],
    ['a}', ['a}'], ['a']],
  ] as const)('%s', (pattern, yes, no) => {
    for (const text of yes) expect([text, matches(pattern, text)]).toEqual([text, true]);
    for (const text of no) expect([text, matches(pattern, text)]).toEqual([text, false]);
  });

  it.each([
    ['(', 'missing )'],
    ['a)', 'unexpected )'],
    ['[a', 'missing ]'],
    ['[z-a]', 'a range runs backwards'],
    ['[a-\\d]', 'a range needs two characters'],
    ['*a', 'nothing to repeat'],
    ['a|{2}', 'nothing to repeat'],
    ['a**', 'two repetitions in a row'],
    ['a{2}{3}', 'two repetitions in a row'],
    ['a{2,1}', 'bad repetition {2,1}'],
    ['a{1001}', 'bad repetition {1001}'],
    ['\\', 'a backslash at the end'],
    ['\\pL', '\\p is not supported'],
    ['\\Qa\\E', '\\Q is not supported'],
    ['\\1', '\\1 is not supported'],
    ['(?=a)', '(?=a is not supported'],
    ['(?m)a', '(?m) is not supported'],
    ['[[:nothing:]]', '[:nothing:] is no class'],
    ['(a{100}){100}', 'too large when it is unrolled'],
    ['((((){1000}){1000}){1000}){1000}', 'too large when it is unrolled'],
    ['a'.repeat(2000), 'longer than 1024 characters'],
  ])('%s is refused', (pattern, message) => {
    expect(compileRegex(pattern)).toEqual({ ok: false, message });
  });

  it('takes no longer on what makes an engine with backtracking hang', () => {
    const text = `${'a'.repeat(2000)}!`;
    for (const pattern of ['(a+)+b', '(a|a)*b', '(a*)*b', '(.*)*x', '(a|aa)+$']) {
      expect(matches(pattern, text)).toBe(false);
    }
  });

  it('stops when its budget is spent', () => {
    const compiled = compileRegex('a*');
    const budget = { left: 500 };
    expect(compiled.ok && compiled.regex('a'.repeat(400), budget)).toBe(false);
    expect(budget.left).toBeLessThan(0);
  });

  it('bears deep nesting', () => {
    expect(matches(`${'('.repeat(500)}a${')'.repeat(500)}`, 'a')).toBe(true);
    expect(compileRegex('('.repeat(1024))).toEqual({ ok: false, message: 'missing )' });
  });
});

describe('its dumb twin', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\bc', '(?:)', '\\.');
  const pattern = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      atom,
      fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
      fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
      fc.tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}')).map(([a, q]) => `(?:${a})${q}`),
    ),
  })).node;

  it('JavaScript, agrees on short texts', () => {
    let matched = 0;
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.'), maxLength: 6 }), (source, text) => {
        const compiled = compileRegex(source);
        // What is too large is refused and not of interest here.
        fc.pre(compiled.ok);
        const expected = new RegExp(`^(?:${source})$`, 'u').test(text);
        if (expected) matched += 1;
        expect([source, text, compiled.ok && compiled.regex(text, { left: PLENTY })]).toEqual([source, text, expected]);
      }),
      { numRuns: 2000 },
    );
    expect(matched).toBeGreaterThan(50);
  });

  it('never throws, whatever the pattern', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'ab()[]{}?*+|\\^$.-:,=!<>Pisx19,'), maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(noise, fc.string({ unit: 'binary' })), (source) => {
        const compiled = compileRegex(source);
        if (compiled.ok) compiled.regex('ab-c', { left: PLENTY });
      }),
      { numRuns: 2000 },
    );
  });
});
