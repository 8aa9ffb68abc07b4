import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadPolicy } from '../../../src/core/policy/index.ts';
import { composeBounded } from '../../../src/core/policy/text/compose-bounded.ts';
import { refused, service, textOf } from './load.ts';

const CHAT = textOf('test/core/policy/good/chat.yaml');

/** Whatever the text is, the answer is a value whose places lie in the text. */
function answers(text: string): void {
  const result = loadPolicy([{ name: 'p.yaml', text }]);
  const lines = text.split('\n');
  for (const { code, position, message } of result.ok ? result.warnings : result.issues) {
    expect(code).toMatch(/^POLICY_[A-Z_]+$/);
    expect(message.length).toBeLessThan(1000);
    expect(position?.line).toBeLessThanOrEqual(lines.length);
    expect(position?.column).toBeLessThanOrEqual((lines[(position?.line ?? 1) - 1]?.length ?? 0) + 1);
  }
  if (!result.ok) expect(result.issues.length).toBeGreaterThan(0);
}

const limit = (text: string) => refused(text).map(({ code, message }) => `${code} ${message}`);

/** The bounds are counted in steps: what is refused here is refused after a bounded part of the text was looked at. */
describe('a text that wants to hurt', () => {
  it('may not be long: 10 MB are refused unread', () => {
    expect(limit(`${service()}#${'x'.repeat(10_000_000)}`)).toEqual([
      'POLICY_LIMIT expected at most 1048576 characters in a file, got 10000189',
    ]);
  });

  it.each([
    ['brackets', '['.repeat(1_000_000)],
    ['braces', '{a: '.repeat(200_000)],
    ['dashes', '- '.repeat(500_000)],
    ['question marks', '? '.repeat(500_000)],
    ['indentation', Array.from({ length: 1200 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('may not be deep: nested %s', (_name, text) => {
    expect(limit(text)).toEqual(['POLICY_LIMIT expected at most 64 levels of nesting']);
  });

  it('may not expand: a bomb of aliases stops at its 64th expansion', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [name, other] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'].map((pair) => [...pair])) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${other}`).join(', ')}]`);
    }
    expect(limit(bomb.join('\n'))).toEqual(['POLICY_LIMIT expected at most 64 expansions of aliases in a document']);
  });

  it('may not share a large block many times', () => {
    const text = `a: &a [${Array.from({ length: 20_000 }, () => 'x').join(', ')}]\n${Array.from({ length: 60 }, (_, i) => `k${i}: *a\n`).join('')}`;
    expect(limit(text)).toContain('POLICY_LIMIT expected at most 500000 values in a document');
  });

  it('may not contain itself', () => {
    expect(limit(service(['timeouts: &t { connect: *t }']))).toContain('POLICY_LIMIT expected no alias of itself');
  });

  it('may share a block a few times: aliases are part of YAML', () => {
    const pools = `pools:
    - { name: a, signals: &s { engine: { interval: 2s } }, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }
    - { name: b, signals: *s, endpoints: { static: [{ address: 10.0.0.2, port: 8000 }] } }`;
    expect(loadPolicy([{ name: 'p.yaml', text: service([], 'chat', pools) }])).toMatchObject({ ok: true });
    const issues = refused(service([], 'chat', pools.replace('2s', '2')));
    expect(issues.map(({ path, position }) => `${path} ${position?.line}:${position?.column}`)).toEqual([
      'spec.pools[0].signals.engine.interval 7:52',
      'spec.pools[1].signals.engine.interval 7:52',
    ]);
  });

  it('may not have documents, tokens or escapes without end', () => {
    expect(limit('--- a\n'.repeat(1500))).toContain('POLICY_LIMIT expected at most 1000 documents in a file');
    expect(limit('- \n'.repeat(300_000))).toEqual(['POLICY_LIMIT expected at most 400000 YAML tokens in a file']);
    expect(limit(`a: "${'\\x'.repeat(100_000)}"`)).toEqual([
      'POLICY_LIMIT expected at most 10000 escape sequences in a file',
    ]);
    expect(refused(']'.repeat(100_000)).map(({ code }) => code)).toEqual(['POLICY_SYNTAX']);
  });

  it('may not fill the log: 30,000 unknown keys are at most 200 issues, and the last says so', () => {
    const text = service(Array.from({ length: 30_000 }, (_, index) => `k${index}: 1`));
    const issues = refused(text);
    expect(issues).toHaveLength(200);
    expect(issues.at(-1)).toMatchObject({ code: 'POLICY_LIMIT' });
  });

  it('cannot write to a terminal through a message, nor show a password', () => {
    const issues = refused(
      service([
        'timeouts: { connect: "\\e[2J" }',
        '"\\e[31m": 1',
        'signals: { gpu: { prometheus: { url: "http://me:secret@p/" } } }',
      ]),
    );
    expect(issues).toHaveLength(3);
    const text = JSON.stringify(issues);
    expect(text).not.toContain('\\u001b"');
    expect(issues.flatMap(({ message, path }) => [...message, ...path]).filter((char) => char < ' ')).toEqual([]);
    expect(text).not.toContain('secret');
  });

  it('finds no prototype to pollute', () => {
    const issues = refused(service(['__proto__: { polluted: true }', 'constructor: { prototype: {} }', 'toString: 1']));
    expect(issues.map(({ path }) => path)).toEqual(['spec.__proto__', 'spec.constructor', 'spec.toString']);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('any text at all', () => {
  it('is answered with a value', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), answers), { numRuns: 200 });
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '\n',
      '  ',
      '\t',
      '&x ',
      '*x',
      '#',
      '|',
      '---\n',
      '!!str ',
      ', ',
      '? ',
      '%',
      '\u0000',
      '\r\n',
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
        answers,
      ),
      { numRuns: 500 },
    );
  });

  it('that was a good policy before someone cut, doubled or scribbled in it', () => {
    const edit = fc.record({
      at: fc.nat(CHAT.length - 1),
      length: fc.nat(40),
      text: fc.oneof(
        fc.constant(''),
        fc.string({ maxLength: 8 }),
        fc.constantFrom('\n', '\t', '[', '{', '"', ': ', '- ', '*a', '&a ', '-1', 'null', '---\n'),
      ),
    });
    const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, (changes) => {
        answers(
          changes.reduce((text, { at, length, text: put }) => text.slice(0, at) + put + text.slice(at + length), CHAT),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('that is well-formed YAML with a wrong value somewhere', () => {
    const result = loadPolicy([{ name: 'p.yaml', text: CHAT }]);
    expect(result.ok).toBe(true);
    const hostile = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        1e300,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        '',
        '0s',
        '%',
        '*',
        [],
        {},
        [[]],
        [null],
      ),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const spec = {
      hostnames: ['*'],
      pools: [{ name: 'a', endpoints: { static: [{ address: '10.0.0.1', port: 1 }] } }],
    };
    const keys =
      'hostnames match upstream timeouts signals healthCheck drain pools split loadBalancer outlierDetection retry circuitBreakers rateLimits overload admissionQueue'.split(
        ' ',
      );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), hostile), (wrong) => {
        const document = {
          apiVersion: 'loadline.dev/v1alpha1',
          kind: 'ModelService',
          metadata: { name: 'a' },
          spec: { ...spec, ...wrong },
        };
        answers(stringify(document));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a text of nothing but mistakes', () => {
  const start = 'a:\n  b: { c: d }   ';
  // Each of these cost the library an error object for each token: a minute for a file of the largest size.
  it.each([
    '[',
    '>\n',
    '&a ',
    'a: [\n',
    '| x\n',
    '\n  a',
    '[a]: b\n',
  ])('of %j is refused at its first, and not after the last', (unit) => {
    const text = start + unit.repeat(Math.floor(90_000 / unit.length));
    const loaded = loadPolicy([{ name: 'bad.yaml', text }]);
    if (loaded.ok) return expect.fail('it was taken');
    expect(loaded.issues.length).toBeLessThanOrEqual(200);
    expect(loaded.issues[0]).toMatchObject({ code: expect.stringMatching(/^POLICY_(SYNTAX|LIMIT|TYPE)$/) });
    expect(loaded.issues[0]?.position?.line).toBeLessThanOrEqual(3);
    expect(loaded.issues[0]?.message).not.toContain('too many errors');
  });

  it('makes at most so many errors, whatever it holds', () => {
    const { documents, refusal } = composeBounded(`${start}${'&a '.repeat(30_000)}`);
    expect(documents.flatMap(({ errors }) => errors).length).toBeLessThanOrEqual(200);
    expect(refusal).toMatchObject({ code: 'POLICY_SYNTAX', offset: expect.any(Number) });
  });
});
