import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { formatDuration } from '../../../src/base/units/index.ts';
import { documents, type PolicyDocuments } from './arbitrary-documents.ts';
import { loaded, onlyService, refused, service, textOf } from './load.ts';
import { printPolicy } from './print-policy.ts';

const CHAT = textOf('test/core/policy/good/chat.yaml');

function write(parts: PolicyDocuments, options: { collectionStyle?: 'flow' | 'block' } = {}): string {
  return parts.map((part) => stringify(part, { aliasDuplicateObjects: false, ...options })).join('---\n');
}

/** The same value with the keys of every mapping the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('the revision of a policy', () => {
  it('is the same whatever the order of keys and documents, the style, the files and the comments', () => {
    fc.assert(
      fc.property(documents, (parts) => {
        const { revision } = loaded(write(parts));
        expect(loaded(write(parts.map(reversed) as PolicyDocuments)).revision).toBe(revision);
        expect(loaded(write(parts, { collectionStyle: 'flow' })).revision).toBe(revision);
        expect(loaded(...parts.toReversed().map((part) => `# one of two\n${write([part])}`)).revision).toBe(revision);
        expect(loaded(parts.map((part) => JSON.stringify(part)).join('\n---\n')).revision).toBe(revision);
        expect(loaded(write(parts).replaceAll('\n', '\r\n')).revision).toBe(revision);
      }),
      { numRuns: 40 },
    );
  });

  it('stays when every default is written out: normalising a normalised policy changes nothing', () => {
    fc.assert(
      fc.property(documents, (parts) => {
        const policy = loaded(write(parts));
        const again = loaded(write(printPolicy(policy)));
        expect(again.revision).toBe(policy.revision);
        expect(loaded(write(printPolicy(again)))).toEqual(again);
      }),
      { numRuns: 60 },
    );
  });

  it('changes with each thing that a sidecar can see', () => {
    const changes: readonly (readonly [string, string])[] = [
      ['port: 15001', 'port: 15002'],
      ['hostnames: [llama-70b,', 'hostnames: [llama-71b,'],
      ['pathPrefix: /v1/', 'pathPrefix: /v2/'],
      ['connect: 2s', 'connect: 3s'],
      ['capacity: 0.4, zone: b }', 'capacity: 0.5, zone: b }'],
      ['maxWeightRatio: 20', 'maxWeightRatio: 10'],
      ['maxWeightRatio: 20', 'maxWeightRatio: 20\n    blendRatio: 0.5'],
      ['maxEjectionPercent: 50%', 'maxEjectionPercent: 40%'],
      ['numRetries: 2', 'numRetries: 1'],
      ['maxConnections: 512', 'maxConnections: 511'],
      ['rate: 50/s', 'rate: 51/s'],
      ['interval: 1s', 'interval: 2s'],
    ];
    const seen = new Set([loaded(CHAT).revision]);
    for (const [from, to] of changes) {
      expect(CHAT).toContain(from);
      seen.add(loaded(CHAT.replace(from, to)).revision);
    }
    expect(seen.size).toBe(changes.length + 1);
  });

  it('does not depend on how a quantity is written', () => {
    const one = service(['timeouts: { request: 90s }', 'rateLimits: [{ name: a, rate: 3000/m, burst: 9 }]']);
    const two = service(['timeouts: { request: 1.5m }', 'rateLimits: [{ name: a, rate: 50/s, burst: 9 }]']);
    expect(loaded(one).revision).toBe(loaded(two).revision);
  });
});

describe('a duration', () => {
  it('goes round: what formatDuration writes, a policy reads', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 604_800_000 }), (ms) => {
        const { timeouts } = onlyService(loaded(service([`timeouts: { request: ${formatDuration(ms)} }`])));
        expect(timeouts.requestMs).toBe(ms);
      }),
      { numRuns: 60 },
    );
  });

  it('never becomes "none" by rounding, and never without a unit', () => {
    for (const text of [
      '0.4ms',
      '0.0001s',
      '5',
      '" 5s"',
      '1e3s',
      '-1s',
      '5 s',
      '5S',
      '999999999999h',
      '0x5s',
      's',
      '.5s',
    ]) {
      expect(
        refused(service([`timeouts: { request: ${text} }`])).map(({ path }) => path),
        text,
      ).toEqual(['spec.timeouts.request']);
    }
  });
});
