import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByZone, flowFrom, localPart } from '../../../src/core/zones/index.ts';

const ZONES = ['a', 'b', 'c', 'd', ''];

function shares(flow: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...flow].map(([zone, share]) => [zone, Number(share.toFixed(6))]));
}

/** What each zone has in all, of what all zones send. */
function received(demand: ByZone, capacity: ByZone): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [zone, part] of Object.entries(demand))
    for (const [to, share] of flowFrom(zone, demand, capacity)) sums.set(to, (sums.get(to) ?? 0) + part * share);
  return sums;
}

function normalised(parts: ByZone): ByZone {
  const sum = Object.values(parts).reduce((all, part) => all + part, 0);
  return Object.fromEntries(Object.entries(parts).map(([zone, part]) => [zone, part / sum]));
}

const parts = fc
  .dictionary(fc.constantFrom(...ZONES), fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1, noNaN: true })))
  .filter((one) => Object.values(one).some((part) => part > 0))
  .map(normalised);

describe('where the requests of a zone go', () => {
  it('is home, while there is room for all of them', () => {
    expect(shares(flowFrom('a', { a: 0.5, b: 0.5 }, { a: 0.5, b: 0.5 }))).toEqual({ a: 1, b: 0 });
    expect(shares(flowFrom('a', { a: 0.2, b: 0.8 }, { a: 0.5, b: 0.5 }))).toEqual({ a: 1, b: 0 });
  });

  it('is elsewhere for what is too many, where there is room, in proportion to it', () => {
    const [demand, capacity] = [
      { a: 0.75, b: 0.25 },
      { a: 0.45, b: 0.35, c: 0.2 },
    ];
    expect(shares(flowFrom('a', demand, capacity))).toEqual({ a: 0.6, b: 0.133333, c: 0.266667 });
    expect(shares(flowFrom('b', demand, capacity))).toEqual({ a: 0, b: 1, c: 0 });
  });

  it('is where there is room for a zone without servers, and home for one that nobody has asked from', () => {
    const capacity = { a: 0.6, b: 0.4 };
    expect(shares(flowFrom('', { a: 0.5, '': 0.5 }, capacity))).toEqual({ a: 0.2, b: 0.8 });
    expect(shares(flowFrom('b', { a: 1 }, capacity))).toEqual({ a: 0, b: 1 });
    expect(shares(flowFrom('b', {}, capacity))).toEqual({ a: 0, b: 1 });
    expect(shares(flowFrom('x', {}, capacity))).toEqual({ a: 0.6, b: 0.4 });
    expect(flowFrom('a', { a: 1 }, {}).size).toBe(0);
    expect(flowFrom('a', { a: 1 }, { a: 0 }).size).toBe(0);
  });

  it('gives every zone exactly what the law wants it to have, whoever asks', () => {
    fc.assert(
      fc.property(parts, parts, (demand, capacity) => {
        const got = received(demand, capacity);
        for (const [zone, share] of Object.entries(capacity)) expect(got.get(zone) ?? 0).toBeCloseTo(share, 9);
        for (const zone of [...Object.keys(demand), 'unheard of']) {
          const sent = [...flowFrom(zone, demand, capacity).values()];
          expect(Math.min(...sent)).toBeGreaterThanOrEqual(0);
          expect(sent.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        }
      }),
    );
  });

  it('keeps as much at home as can be kept: the smaller of what is asked and what there is, of every zone', () => {
    fc.assert(
      fc.property(parts, parts, (demand, capacity) => {
        let home = 0;
        for (const [zone, part] of Object.entries(demand))
          home += part * (flowFrom(zone, demand, capacity).get(zone) ?? 0);
        const most = ZONES.reduce((sum, zone) => sum + Math.min(demand[zone] ?? 0, capacity[zone] ?? 0), 0);
        expect(home).toBeCloseTo(most, 9);
        expect(localPart(demand, capacity)).toBeCloseTo(most, 9);
      }),
    );
  });
});
