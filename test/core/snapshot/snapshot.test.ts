import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource, ResourceRef } from '../../../src/core/resources/index.ts';
import { danglingRefs, makeSnapshot, type SnapshotKey, viewOf } from '../../../src/core/snapshot/index.ts';

const KEY: SnapshotKey = { group: 'lab', release: '1.40', listenerOverrides: {} };

/** The room looks at type, name, version and needs; bytes are others' matter. */
function resource(typeUrl: string, name: string, version: string, needs: readonly ResourceRef[] = []): Resource {
  return { typeUrl, name, version, needs, bytes: new Uint8Array(), delta: new Uint8Array() };
}

describe('a snapshot', () => {
  it('holds resources by type and name, and answers "nothing" for a type that it does not have', () => {
    const snapshot = makeSnapshot(KEY, [
      resource('cds', 'a', '1'),
      resource('eds', 'a', '2'),
      resource('cds', 'b', '3'),
    ]);
    expect([...snapshot.types.keys()]).toEqual(['cds', 'eds']);
    expect([...viewOf(snapshot, 'cds').values()].map(({ name, version }) => `${name}@${version}`)).toEqual([
      'a@1',
      'b@3',
    ]);
    expect(viewOf(snapshot, 'lds').size).toBe(0);
  });

  it('is the one before when every version is: a stream compares by identity', () => {
    const before = makeSnapshot(KEY, [resource('cds', 'a', '1'), resource('eds', 'a', '2')]);
    const copies = [resource('eds', 'a', '2'), resource('cds', 'a', '1')];
    expect(makeSnapshot(KEY, copies, before)).toBe(before);
  });

  it('moves only the type whose resources moved', () => {
    const before = makeSnapshot(KEY, [resource('cds', 'a', '1'), resource('eds', 'a', '2')]);
    const after = makeSnapshot(KEY, [resource('cds', 'a', '1'), resource('eds', 'a', '3')], before);
    expect(after).not.toBe(before);
    expect(viewOf(after, 'cds')).toBe(viewOf(before, 'cds'));
    expect(viewOf(after, 'eds')).not.toBe(viewOf(before, 'eds'));
    expect(viewOf(before, 'eds').get('a')?.version).toBe('2');
  });

  it('is another one when a whole type goes', () => {
    const before = makeSnapshot(KEY, [resource('cds', 'a', '1'), resource('eds', 'a', '2')]);
    const after = makeSnapshot(KEY, [resource('cds', 'a', '1')], before);
    expect(after).not.toBe(before);
    expect(viewOf(after, 'eds').size).toBe(0);
  });

  it('agrees with its plain twin: a view is kept exactly while its names and versions are', () => {
    const resources = fc.uniqueArray(
      fc.record({
        type: fc.constantFrom('cds', 'eds', 'lds'),
        name: fc.constantFrom('a', 'b', 'c'),
        version: fc.constantFrom('1', '2'),
      }),
      { selector: ({ type, name }) => `${type} ${name}` },
    );
    const textOf = (list: readonly { type: string; name: string; version: string }[], type: string): string =>
      list
        .filter((one) => one.type === type)
        .map(({ name, version }) => `${name}@${version}`)
        .sort()
        .join();
    fc.assert(
      fc.property(resources, resources, (one, two) => {
        const before = makeSnapshot(
          KEY,
          one.map(({ type, name, version }) => resource(type, name, version)),
        );
        const after = makeSnapshot(
          KEY,
          two.map(({ type, name, version }) => resource(type, name, version)),
          before,
        );
        for (const type of ['cds', 'eds', 'lds']) {
          expect(viewOf(after, type) === viewOf(before, type), type).toBe(textOf(one, type) === textOf(two, type));
        }
        const all = ['cds', 'eds', 'lds'].every((type) => textOf(one, type) === textOf(two, type));
        expect(after === before).toBe(all);
      }),
      { numRuns: 500 },
    );
  });
});

describe('references', () => {
  it('that point nowhere are found, by type and name', () => {
    const needs = [
      { typeUrl: 'cds', name: 'a' },
      { typeUrl: 'cds', name: 'b' },
      { typeUrl: 'eds', name: 'a' },
    ];
    const route = resource('rds', 'models', '1', needs);
    const snapshot = makeSnapshot(KEY, [route, resource('cds', 'a', '1')]);
    expect(danglingRefs(snapshot)).toEqual([
      { from: route, to: needs[1] },
      { from: route, to: needs[2] },
    ]);
    expect(
      danglingRefs(
        makeSnapshot(KEY, [route, resource('cds', 'a', '1'), resource('cds', 'b', '1'), resource('eds', 'a', '1')]),
      ),
    ).toEqual([]);
  });
});
