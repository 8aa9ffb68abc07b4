import { existsSync, readdirSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadPolicy } from '../../../src/core/policy/index.ts';
import { run } from '../../cli/run.ts';
import { root, service, textOf } from './load.ts';

const SCHEMA = textOf('docs/reference/policy.schema.json');
const valid = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false })
  .addVocabulary(['patternErrorMessage', 'errorMessage'])
  .compile(JSON.parse(SCHEMA) as object);

/** What is wrong with a file: syntax, or the errors of each document. */
function errorsOf(text: string): readonly string[] {
  return [...parseAllDocuments(text, { version: '1.2', merge: false })].flatMap((document) => {
    if (document.errors.length > 0) return document.errors.map(({ message }) => message);
    let value: unknown;
    try {
      value = document.toJS();
    } catch (error) {
      return [String(error)]; // an alias without its anchor
    }
    return valid(value) ? [] : (valid.errors ?? []).map(words);
  });
}

function words({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath} ${message} ${JSON.stringify(params)}`;
}

function yamlBelow(folder: string): readonly string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => folder + name)
    .filter((path) => textOf(path).includes('loadline.dev/v1alpha1'));
}

const GOOD = [
  ...['docs/examples/', 'test/core/policy/good/', 'deploy/'].flatMap(yamlBelow),
  ...(existsSync(new URL('../shared/reference/', root)) ? yamlBelow('../shared/reference/') : []),
];

/** What no schema of one document can see: other documents, sums and order of values, and how YAML was written. */
const SEMANTIC: readonly string[] = [
  ...[
    'document-twice',
    'endpoint-twice',
    'group-listener-twice',
    'group-service-twice',
    'pool-twice',
    'classes-duplicate',
  ],
  ...['group-classes-unknown', 'group-classes', 'group-services-collide', 'group-unknown-service', 'rate-limit-class'],
  ...[
    'signals-engine-file-shared',
    'signals-prometheus-metadata',
    'split-tiers',
    'split-model-revisions',
    'hash',
    'classes-header-taken',
  ],
  ...['classes-reserve', 'signals-interval', 'signals-offset', 'split-weights'],
  ...['upstream-auto', 'match-twice', 'group-models-collide', 'mirror', 'mirror-near'],
  ...['empty-file', 'syntax-tag', 'syntax-yaml-1.1'],
];

describe('the JSON Schema of policies', () => {
  it('is what `loadline schema` prints', async () => {
    expect(await run('schema')).toEqual({ code: 0, out: SCHEMA, err: '' });
  });

  it.each(GOOD)('takes %s', (path) => {
    expect(errorsOf(textOf(path))).toEqual([]);
  });

  it('takes the access policy of the how-to page', () => {
    const [, text = ''] = /```yaml\n(apiVersion[\s\S]*?)```/.exec(textOf('docs/how-to/roles.md')) ?? [];
    expect(text).toContain('kind: AccessPolicy');
    expect(errorsOf(text)).toEqual([]);
    expect(errorsOf(text.replace('role: Agent', 'role: Root'))).not.toEqual([]);
  });

  it('refuses every bad policy whose fault is in one value, key or mapping', () => {
    const names = readdirSync(new URL('test/core/policy/bad/', root)).filter((name) => name.endsWith('.yaml'));
    const taken = names.filter((name) => errorsOf(textOf(`test/core/policy/bad/${name}`)).length === 0);
    expect(taken.toSorted()).toEqual(SEMANTIC.map((name) => `${name}.yaml`).toSorted());
    expect(taken.length / names.length).toBeLessThan(0.3);
  });

  it('is never stricter than the language: what is loaded is valid', () => {
    const number = fc.oneof(
      fc.nat(120).map(String),
      fc.string({ unit: fc.constantFrom(...'0123456789.'), maxLength: 5 }),
    );
    const odd = fc.string({ unit: fc.constantFrom(...'abZ019.-_*/:@#?{} \\'), maxLength: 12 });
    const endingIn = (...ends: readonly string[]) =>
      fc.tuple(number, fc.constantFrom(...ends)).map((parts) => parts.join(''));
    const startingWith = (start: string) => odd.map((rest) => start + rest);
    const written: fc.Arbitrary<string> = fc.oneof(
      endingIn('ms', 's', 'm', 'h').map((text) => `timeouts: { connect: ${JSON.stringify(text)} }`),
      endingIn('ms', 's', 'm', 'h').map((text) => `timeouts: { request: ${JSON.stringify(text)} }`),
      endingIn('%').map((text) => `outlierDetection: { maxEjectionPercent: ${JSON.stringify(text)} }`),
      endingIn('%').map((text) => `retry: { budget: { percent: ${JSON.stringify(text)} } }`),
      endingIn('/s', '/m', '/h').map((text) => `rateLimits: [{ name: a, burst: 1, rate: ${JSON.stringify(text)} }]`),
      startingWith('/').map((text) => `match: { pathPrefix: ${JSON.stringify(text)} }`),
      startingWith('http://a').map((text) => `signals: { gpu: { prometheus: { url: ${JSON.stringify(text)} } } }`),
      startingWith('/a').map((text) => `signals: { engine: { file: { path: ${JSON.stringify(text)} } } }`),
    );
    const address = fc
      .oneof(fc.ipV4(), fc.ipV6(), odd)
      .map((text) =>
        service(
          [],
          'chat',
          `pools: [{ name: a, endpoints: { static: [{ address: ${JSON.stringify(text)}, port: 1 }] } }]`,
        ),
      );
    let loaded = 0;
    const property = fc.property(
      fc.oneof({ weight: 8, arbitrary: written.map((line) => service([line])) }, address),
      (policy) => {
        if (!loadPolicy([{ name: 'a.yaml', text: policy }]).ok) return;
        loaded += 1;
        expect(errorsOf(policy), policy).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 1000, seed: 6 });
    expect(loaded).toBeGreaterThan(300);
  });

  it('speaks to a person: every key of the language has words, and enums, patterns and defaults where there are some', () => {
    const { allOf } = JSON.parse(SCHEMA) as { allOf: readonly { readonly then: Node }[] };
    const silent: string[] = [];
    let seen = 0;
    for (const { then } of allOf) {
      visit(then, '', (path, { description, type }) => {
        seen += 1;
        if (description === undefined && type !== 'object') silent.push(path);
      });
    }
    expect(silent).toEqual([]);
    expect(seen).toBeGreaterThan(150);
    const service = (allOf[1] as { then: Node }).then.properties?.spec?.properties;
    expect(service?.timeouts?.properties?.connect).toMatchObject({
      type: 'string',
      default: '2s',
      description: expect.stringContaining('at most 10m'),
      patternErrorMessage: expect.stringContaining('a duration such as 250ms'),
    });
    expect(service?.loadBalancer?.properties?.type).toMatchObject({
      enum: ['LeastRequest', 'RoundRobin', 'Maglev', 'RingHash'],
    });
  });
});

type Node = {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
};

function visit(node: Node, path: string, see: (path: string, node: Node) => void): void {
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    see(`${path}.${key}`, inner);
    visit(inner, `${path}.${key}`, see);
  }
  if (node.items !== undefined) visit(node.items, `${path}[]`, see);
}
