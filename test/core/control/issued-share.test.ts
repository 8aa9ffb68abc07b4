import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IssuedRates, issuedShares } from '../../../src/core/control/index.ts';
import { stepIssued } from '../../../src/core/control/issued-share.ts';
import type { LoadReport } from '../../../src/core/topology/index.ts';
import { anEndpoint } from '../resources/build-policy.ts';

const [a, b] = [anEndpoint('chat', 9101), anEndpoint('chat', 9102)] as const;

function report(nodeId: string, issued: Readonly<Record<number, number>>, cluster = 'chat'): LoadReport {
  const endpoints = Object.entries(issued).map(([port, count]) => ({
    address: '127.0.0.1',
    port: Number(port),
    inProgress: 0,
    issued: count,
    succeeded: count,
    errors: 0,
  }));
  return { nodeId, receivedAtMs: 0, intervalMs: 1000, absentMeansIdle: true, clusters: [{ cluster, endpoints }] };
}

function settle(reports: readonly LoadReport[], seconds = 60): IssuedRates {
  let rates: IssuedRates = {};
  for (let i = 0; i < seconds; i++) rates = stepIssued(rates, 'chat', [a, b], reports, 1);
  return rates;
}

describe('issued shares', () => {
  it('settle at what the sidecars sent, summed over them', () => {
    const rates = settle([report('n1', { 9101: 6, 9102: 2 }), report('n2', { 9101: 3, 9102: 1 })]);
    expect(rates[a.id]).toBeCloseTo(9, 3);
    expect(rates[b.id]).toBeCloseTo(3, 3);
    expect(issuedShares(rates)[a.id]).toBeCloseTo(0.75, 4);
  });

  it('count only the service, and only its endpoints', () => {
    const rates = settle([report('n1', { 9101: 4, 7777: 100 }), report('n1', { 9102: 50 }, 'other')]);
    expect(Object.keys(rates)).toEqual([a.id, b.id]);
    expect(issuedShares(rates)).toEqual({ [a.id]: 1, [b.id]: 0 });
  });

  it('move with a time constant of 5 s: two thirds of a step after 5 s, whatever the tick', () => {
    for (const tickSec of [0.5, 1, 2.5]) {
      let rates: IssuedRates = {};
      for (let t = 0; t < 5; t += tickSec) {
        rates = stepIssued(rates, 'chat', [a, b], [report('n1', { 9101: 10 * tickSec })], tickSec);
      }
      expect(rates[a.id], `tick ${tickSec}`).toBeCloseTo(10 * (1 - Math.exp(-1)), 6);
    }
  });

  it('forget who left, and fade while nobody reports', () => {
    const rates = settle([report('n1', { 9101: 6, 9102: 2 })]);
    expect(Object.keys(stepIssued(rates, 'chat', [b], [], 1))).toEqual([b.id]);
    expect(stepIssued(rates, 'chat', [a, b], [], 60)[a.id]).toBeLessThan(0.001);
    expect(issuedShares(settle([]))).toEqual({ [a.id]: 0, [b.id]: 0 });
  });

  it('never move without time, or when it goes backwards', () => {
    const rates = settle([report('n1', { 9101: 6, 9102: 2 })]);
    for (const elapsedSec of [0, -5]) {
      expect(stepIssued(rates, 'chat', [a, b], [report('n1', { 9101: 99 })], elapsedSec)).toEqual(rates);
    }
  });

  it('sum to 1 or are all 0', () => {
    const rate = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), rate), (rates) => {
        const shares = Object.values(issuedShares(rates));
        const sum = shares.reduce((total, share) => total + share, 0);
        expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
        if (sum !== 0) expect(sum).toBeCloseTo(1, 9);
        else expect(Object.values(rates).every((value) => value <= 1e-6)).toBe(true);
      }),
    );
  });
});
