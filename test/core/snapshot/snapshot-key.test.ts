import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { releaseBand, type SnapshotKey, snapshotKeyText } from '../../../src/core/snapshot/index.ts';

/** The releases that this build knows (design: 1.36 to 1.40). */
const OLDEST_RELEASE = '1.36';
const NEWEST_RELEASE = '1.40';

describe('the release band of an Envoy', () => {
  it.each([
    ['1.36.0', '1.36'],
    ['1.38.3', '1.38'],
    ['1.40.0-dev', '1.40'],
    ['1.41.2', NEWEST_RELEASE],
    ['1.100.0', NEWEST_RELEASE],
    ['2.0.0', NEWEST_RELEASE],
    ['1.9.1', OLDEST_RELEASE],
    ['0.40.0', OLDEST_RELEASE],
    ['', OLDEST_RELEASE],
    ['unknown', OLDEST_RELEASE],
  ])('%s → %s', (version, band) => {
    expect(releaseBand(version)).toBe(band);
  });

  it('stays inside what this build knows and never falls when the version rises', () => {
    const version = fc.tuple(fc.nat(3), fc.nat(60), fc.nat(20));
    const number = (band: string): number => Number(band.slice(2));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const [low, high] = [a, b].sort((x, y) => x[0] - y[0] || x[1] - y[1] || x[2] - y[2]) as [typeof a, typeof b];
        const bands = [OLDEST_RELEASE, releaseBand(low.join('.')), releaseBand(high.join('.')), NEWEST_RELEASE];
        expect(bands.map(number)).toEqual(bands.map(number).sort((x, y) => x - y));
      }),
    );
  });
});

describe('the text of a snapshot key', () => {
  // Few letters, and the separators that a text could be made of: collisions would be found.
  const word = fc.string({ unit: fc.constantFrom('a', '=', ',', '"', '[', ']', '\\'), maxLength: 4 });
  const key: fc.Arbitrary<SnapshotKey> = fc.record({
    group: word,
    release: fc.constantFrom('1.36', '1.40'),
    listenerOverrides: fc.dictionary(word, word, { maxKeys: 3 }),
  });

  it('has the zone where there is one, also that of nobody', () => {
    const plain = { group: 'lab', release: '1.40', listenerOverrides: {} };
    const keys = [
      plain,
      { ...plain, zone: '' },
      { ...plain, zone: 'a' },
      { ...plain, zone: 'a', track: 'Canary' as const },
    ];
    expect(new Set(keys.map(snapshotKeyText)).size).toBe(4);
    expect(snapshotKeyText(plain)).toBe('["lab","1.40",[]]');
  });

  it('is the same for equal keys, whatever the order of the overrides', () => {
    fc.assert(
      fc.property(key, (one) => {
        const turned = Object.fromEntries(Object.entries(one.listenerOverrides).reverse());
        expect(snapshotKeyText({ ...one, listenerOverrides: turned })).toBe(snapshotKeyText(one));
      }),
    );
  });

  it('differs for keys that differ: nobody gets the snapshot of another', () => {
    fc.assert(
      fc.property(key, key, (one, two) => {
        const same =
          one.group === two.group &&
          one.release === two.release &&
          JSON.stringify(Object.entries(one.listenerOverrides).sort()) ===
            JSON.stringify(Object.entries(two.listenerOverrides).sort());
        expect(snapshotKeyText(one) === snapshotKeyText(two)).toBe(same);
      }),
      { numRuns: 500 },
    );
    const base = { group: 'lab', release: '1.40' };
    expect(snapshotKeyText({ ...base, listenerOverrides: { a: 'b=c' } })).not.toBe(
      snapshotKeyText({ ...base, listenerOverrides: { 'a=b': 'c' } }),
    );
  });
});
