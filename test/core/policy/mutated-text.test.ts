import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../../src/base/units/index.ts';
import { loadAccessPolicy, loadPolicy } from '../../../src/core/policy/index.ts';
import { textOf } from './load.ts';

/** Small enough for thousands of loads, with something of every kind. */
const POLICY = textOf('docs/examples/rate-limits.yaml');
const ACCESS = textOf('docs/how-to/roles.md').match(/```yaml\n(.*?)```/s)?.[1] ?? '';

/** Of each kind; `npm run test:long` tries 10,000 in all. */
const RUNS = process.env.LOADLINE_TEST_LONG === undefined ? 200 : 5000;
const MAX_ISSUES = 200;
const MAX_MESSAGE_CHARS = 1000;

/** What breaks parsers, and what breaks what comes after them. */
const PIECES = [
  '', '\n', '\t', ' ', '  ', ':', ': ', '- ', '? ', ', ', '[', ']', '{', '}', '"', "'", '#', ' #', '|', '>', '|-\n', '%', '@', '`',
  '&a ', '*a', '<<: *a', '!!str ', '!!binary ', '!x ', '---\n', '...\n', '%YAML 1.1\n---\n', '\r', '\r\n', '\u0000', '\u0085', '\u2028',
  '\ufeff', '\ud800', '\u001b[2J', '"\\x', '"\\u12', '"\\ud800"', 'null', '~', 'true', 'NaN', '.inf', '-1', '1e309', '0x7f', '0o7', '1_000',
  '9007199254740993', '__proto__', 'constructor', 'toString', '*', '"*"', '0s', '-5s', '1e9s', '%s', '101%', '../..', 'http://u:p@h/',
  'http://169.254.169.254/', 'spiffe://', '((((((((((a+)+)+)+)+)+)+)+)+)+$', 'a'.repeat(300), '['.repeat(80), '{a: '.repeat(80),
  '- '.repeat(80), `[${'*a,'.repeat(80)}]`, '\n'.repeat(50), `"${'\\x41'.repeat(50)}"`,
] as const; // biome-ignore format: a list of pieces

const edit = fc.record({
  at: fc.nat(),
  length: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(60)),
  put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 12 })),
  /** Text of elsewhere instead, to make doubles and things in the wrong place. */
  from: fc.option(fc.record({ at: fc.nat(), length: fc.nat(120) }), { nil: undefined, freq: 3 }),
});

function mutated(text: string, edits: readonly (typeof edit extends fc.Arbitrary<infer E> ? E : never)[]): string {
  return edits.reduce((now, { at, length, put, from }) => {
    const start = at % (now.length + 1);
    const moved = from === undefined ? put : now.slice(from.at % (now.length + 1)).slice(0, from.length);
    return now.slice(0, start) + moved + now.slice(start + length);
  }, text);
}

/** Whatever comes in, what comes out is a value of bounded size whose places lie in the text. */
function answers(result: Result<unknown>, text: string): void {
  const issues = result.ok ? result.warnings : result.issues;
  if (!result.ok && issues.length === 0) expect.fail('refused without a word');
  if (issues.length > MAX_ISSUES) expect.fail(`${issues.length} issues`);
  const lines = text.split('\n').length;
  for (const { code, path, message, hint = '', position } of issues) {
    const fits =
      /^POLICY_[A-Z_]+$/.test(code) &&
      message.length <= MAX_MESSAGE_CHARS &&
      hint.length <= MAX_MESSAGE_CHARS &&
      (position === undefined || (position.line >= 1 && position.line <= lines));
    const controls = /[\p{Cc}\u2028\u2029]/u.test(message + hint + path);
    if (!fits || controls) expect.fail(JSON.stringify({ code, path, message, hint, position }).slice(0, 2000));
  }
}

describe('mutated texts', () => {
  it.each([
    ['a policy', POLICY, (text: string) => loadPolicy([{ name: 'p.yaml', text }])],
    ['an access policy', ACCESS, (text: string) => loadAccessPolicy({ name: 'a.yaml', text })],
  ] as const)(
    'of %s are each answered with a value',
    (_name, good, load) => {
      expect(load(good).ok).toBe(true);
      let texts = 0;
      let refused = 0;
      fc.assert(
        fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
          const text = mutated(good, edits);
          const result = load(text);
          answers(result, text);
          texts += 1;
          if (!result.ok) refused += 1;
        }),
        { numRuns: RUNS },
      );
      expect(texts).toBeGreaterThanOrEqual(RUNS);
      // Most edits must matter, and some must not: else it is not the loader that is tried. (Of a few hundred all may.)
      expect(refused).toBeGreaterThan(texts / 2);
      if (RUNS >= 1000) expect(refused).toBeLessThan(texts);
    },
    300_000,
  );
});

/** The language has no patterns of its own; what is matched against ours must not be able to make them slow. */
describe('a value that would make a careless pattern explode', () => {
  const service = (spec: string): string =>
    `apiVersion: loadline.dev/v1alpha1\nkind: ModelService\nmetadata: { name: a }\nspec:\n  hostnames: ["*"]\n${spec}`;
  const POOL = '  pools: [{ name: gpu, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }]\n';
  const FIELDS: Readonly<Record<string, (value: string) => string>> = {
    name: (value) => service(POOL).replace('name: a', `name: "${value}"`),
    hostname: (value) => service(POOL).replace('["*"]', `["${value}"]`),
    address: (value) => service(POOL).replace('10.0.0.1', `"${value}"`),
    timeout: (value) => service(`${POOL}  timeouts: { connect: "${value}" }\n`),
    rate: (value) => service(`${POOL}  rateLimits: [{ name: b, rate: "${value}" }]\n`),
    percent: (value) => service(`${POOL}  outlierDetection: { maxEjectionPercent: "${value}" }\n`),
    path: (value) => service(`${POOL}  signals: { engine: { path: "${value}" } }\n`),
    file: (value) => service(`${POOL}  signals: { gpu: { file: { path: "${value}" } } }\n`),
    url: (value) => service(`${POOL}  signals: { gpu: { prometheus: { url: "${value}" } } }\n`),
    identity: (value) => ACCESS.replace('spiffe://mesh.example/ns/gpu/sa/*', value),
    issuer: (value) => ACCESS.replace('issuer: https://login.example\n', `issuer: "${value}"\n`),
    claim: (value) => ACCESS.replace('value: chat-on-call', `value: "${value}"`),
  };
  const UNITS = [
    'a',
    '-',
    'a-',
    'a.',
    '1',
    '1.',
    '0',
    ':',
    '/',
    '/a',
    '{',
    '{a}',
    'spiffe://a/a',
    'http://a',
    '%',
    ' ',
    '((a+)+',
  ];

  it.each(Object.keys(FIELDS))('is refused in %s', (field) => {
    for (const unit of UNITS) {
      // Beyond what any field takes; a pattern that is quadratic in it does not come back in time.
      const value = `${field === 'identity' ? 'spiffe://' : ''}${unit.repeat(Math.ceil(300_000 / unit.length))}!`;
      const text = FIELDS[field]?.(value) ?? '';
      expect(text.includes(value), field).toBe(true);
      const access = text.includes('kind: AccessPolicy');
      const result = access ? loadAccessPolicy({ name: 'a.yaml', text }) : loadPolicy([{ name: 'p.yaml', text }]);
      expect(result.ok, `${field} ${unit}`).toBe(false);
      answers(result, text);
    }
  }, 60_000);
});
