import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { diffPolicies, type PolicyVersion } from '../../../../src/core/policy/index.ts';
import { documents, type PolicyDocuments } from '../arbitrary-documents.ts';
import { group, loaded, service, textOf } from '../load.ts';
import { printPolicy } from '../print-policy.ts';

const CHAT = textOf('test/core/policy/good/chat.yaml');

function version(...texts: readonly string[]): PolicyVersion {
  const files = texts.map((text, index) => ({ name: `${index}.yaml`, text }));
  return { policy: loaded(...texts), files };
}

function write(parts: PolicyDocuments): string {
  return parts.map((part) => stringify(part, { aliasDuplicateObjects: false })).join('---\n');
}

/** `path: before -> after @line:column`, with a dash for nothing. */
function words(before: PolicyVersion | undefined, after: PolicyVersion): readonly string[] {
  return diffPolicies(before, after).map(
    ({ change, kind, name, path, before: old, after: now, position }) =>
      `${change} ${kind}/${name} ${path} ${old ?? '-'} -> ${now ?? '-'} @${position?.line}:${position?.column}`,
  );
}

describe('the difference of two policies', () => {
  it('names a field with its value before and after and where it stands in the new text', () => {
    const before = version(service(['timeouts: { connect: 2s }']));
    const after = version(service(['# a comment moves the line', 'timeouts: { streamIdle: 600s, connect: 0.25s }']));
    expect(words(before, after)).toEqual([
      'Changed ModelService/chat spec.timeouts.connect 2s -> 250ms @7:42',
      'Changed ModelService/chat spec.timeouts.streamIdle 5m -> 10m @7:27',
    ]);
  });

  it('tells health checks and the drain of leavers in the words of the language', () => {
    const before = version(service(['healthCheck: {}']));
    const after = version(service(['healthCheck: { path: /health, interval: 1s, timeout: 2s }', 'drain: {}']));
    expect(words(before, after)).toEqual([
      'Changed ModelService/chat spec.healthCheck.interval 5s -> 1s @6:43',
      'Added ModelService/chat spec.drain - -> { deadline: 2m } @7:10',
    ]);
  });

  it('tells elements of lists by what they are called, wherever they stand in the list', () => {
    const pools = (lines: readonly string[]) => service([], 'chat', `pools: [${lines.join(', ')}]`);
    const pool = (name: string, endpoints: readonly string[]) =>
      `{ name: ${name}, endpoints: { static: [${endpoints.join(', ')}] } }`;
    const a = '{ address: 10.0.0.1, port: 8000 }';
    const b = '{ address: "2001:DB8::1", port: 8000 }';
    const heavy = '{ address: 10.0.0.1, port: 8000, capacity: 2 }';
    const before = version(pools([pool('one', [a, b]), pool('two', ['{ address: 10.0.0.9, port: 1 }'])]));
    const after = version(pools([pool('three', ['{ address: 10.0.0.8, port: 1 }']), pool('one', [heavy])]));
    expect(words(before, after)).toEqual([
      'Added ModelService/chat spec.pools[three] - -> { name: three, capacityType: OnDemand, endpoints: { static: [{ address: 10.0.0.8, port: 1, capacity: 1 }] } } @6:11',
      'Changed ModelService/chat spec.pools[one].endpoints.static[10.0.0.1:8000].capacity 1 -> 2 @6:163',
      'Removed ModelService/chat spec.pools[one].endpoints.static[[2001:db8::1]:8000] { address: 2001:db8::1, port: 8000, capacity: 1 } -> - @6:81',
      'Removed ModelService/chat spec.pools[two] { name: two, capacityType: OnDemand, endpoints: { static: [{ address: 10.0.0.9, port: 1, capacity: 1 }] } } -> - @6:126',
    ]);
  });

  it('tells a new document, a removed one and a first policy as one change each', () => {
    const before = version(group('[chat]'), service());
    const after = version(group('[embed]', 'edge'), service([], 'embed'));
    expect(words(before, after)).toEqual(
      [
        'Added ModelService/embed  - -> - @1:1',
        'Removed ModelService/chat  - -> - @1:1',
        'Added SidecarGroup/edge  - -> - @1:1',
        'Removed SidecarGroup/lab  - -> - @1:1',
      ].sort((x, y) => (x.slice(x.indexOf(' ')) < y.slice(y.indexOf(' ')) ? -1 : 1)),
    );
    expect(words(undefined, before)).toEqual([
      'Added ModelService/chat  - -> - @1:1',
      'Added SidecarGroup/lab  - -> - @1:1',
    ]);
  });

  it('tells a default that is left out where it could be written', () => {
    const before = version(service(['timeouts: { connect: 5s }']));
    const after = version(service(['timeouts: { streamIdle: 5m }']));
    expect(words(before, after)).toEqual(['Changed ModelService/chat spec.timeouts.connect 5s -> 2s @6:13']);
  });

  it('tells signals of a service once, not once for each pool', () => {
    const before = version(CHAT);
    const after = version(
      CHAT.replace('engine: { path: /metrics, interval: 1s }', 'engine: { path: /stats, interval: 1s }'),
    );
    expect(words(before, after)).toEqual([
      'Changed ModelService/llama-70b spec.signals.engine.path /metrics -> /stats @35:21',
    ]);
  });

  it('tells splits, ladders and classes in the words of the language, and no default as a change', () => {
    const changed = (from: string, to: string) => words(version(CHAT), version(CHAT.replace(from, to)));
    expect(changed('returnAfter: 60s', 'returnAfter: 30s')).toEqual([
      'Changed ModelService/llama-70b spec.split.failover.returnAfter 1m -> 30s @61:84',
    ]);
    expect(changed('mode: Adaptive ', 'mode: Failover ')).toEqual([]);
    expect(changed('class: P2, upTo: 50%', 'class: P2, upTo: 40%')[0]).toContain('{ shed: { class: P2, upTo: 40% } }');
    expect(changed('toPool: standby', 'toPool: spot-h100')[0]).toContain(
      'degrade: { class: P1, toPool: spot-h100, upTo: 100% }',
    );
    expect(changed('{ name: P1 }', '{ name: P1, reserve: 0% }')).toEqual([]);
    expect(changed('from: "22:00"', 'from: "23:00"')).toEqual([
      'Changed TrafficClasses/standard spec.classes[P3].window.from 22:00 -> 23:00 @24:48',
    ]);
  });

  it('tells what is not enforced yet too, though the revision stays', () => {
    const before = version(CHAT);
    const after = version(CHAT.replace('maxWait: { P1: 500ms }', 'maxWait: { P1: 250ms }'));
    expect(after.policy.revision).toBe(before.policy.revision);
    expect(words(before, after)).toEqual([
      'Changed ModelService/llama-70b spec.admissionQueue.maxWait.P1 500ms -> 250ms @87:52',
    ]);
  });

  it('is empty for the same policy with every default written out, and for any order of keys and documents', () => {
    fc.assert(
      fc.property(documents, (parts) => {
        const plain = version(write(parts));
        const full = version(
          ...printPolicy(plain.policy)
            .toReversed()
            .map((part) => write([part])),
        );
        expect(words(plain, full)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('is never empty for policies that mean different things, and each value of it stands at its place', () => {
    fc.assert(
      fc.property(documents, documents, ([group, one], [, other]) => {
        const before = version(write([group, one] as PolicyDocuments));
        const after = version(write([group, { ...other, metadata: one?.metadata }] as PolicyDocuments));
        const changes = diffPolicies(before, after);
        expect(changes.length === 0).toBe(before.policy.revision === after.policy.revision);
        for (const { change, position } of changes) {
          const lines = (change === 'Removed' ? before : after).files[0]?.text.split('\n') ?? [];
          expect(lines[(position?.line ?? 0) - 1]).toBeDefined();
        }
      }),
      { numRuns: 60 },
    );
  });
});
