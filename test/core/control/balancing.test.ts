import { describe, expect, it } from 'vitest';
import { type Plan, undivided } from '../../../src/core/control/index.ts';
import { reasonsOf } from '../../../src/core/weights/index.ts';
import { loaded, service } from '../policy/load.ts';
import { Fleet } from './fleet.ts';

const POOLS = `pools:
    - name: a
      endpoints: { static: [{ address: 10.0.0.1, port: 8000 }, { address: 10.0.0.2, port: 8000 }] }
    - name: b
      endpoints: { static: [{ address: 10.0.0.3, port: 8000 }, { address: 10.0.0.4, port: 8000 }] }`;

function fleet(split: string, speeds: readonly number[]): Fleet {
  const group = `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec: { listeners: [{ name: models, address: 127.0.0.1, port: 15001 }], modelServices: [chat] }
---
`;
  return new Fleet(loaded(group + service([split], 'chat', POOLS)), speeds);
}

/** Weight and share by the last number of the address. */
function decided(plan: Plan): Readonly<Record<string, { readonly weight: number; readonly share: number }>> {
  return Object.fromEntries(
    (plan.decisions.chat?.endpoints ?? []).map(({ id, weight, share }) => [id.slice(-6, -5), { weight, share }]),
  );
}

function sum(plan: Plan, ...endpoints: readonly string[]): number {
  const all = decided(plan);
  return endpoints.reduce((total, one) => total + (all[one]?.share ?? Number.NaN), 0);
}

describe('a service that is split', () => {
  it('balances each pool of a fixed split by itself, and leaves the pools their shares', () => {
    const plan = fleet('split: { mode: Fixed, weights: { a: 70, b: 30 } }', [30, 2, 30, 30]).run(60);
    const { 1: fast, 2: slow, 3: one, 4: other } = decided(plan);
    expect(sum(plan, '1', '2')).toBeCloseTo(0.7, 9);
    expect(sum(plan, '3', '4')).toBeCloseTo(0.3, 9);
    expect(slow!.weight).toBeLessThan(0.7 * fast!.weight);
    // That another pool has a slow server is nothing to these.
    expect([one!.weight, other!.weight]).toEqual([1000, 1000]);
    expect(plan.decisions.chat?.equal).toBe(false);
  });

  it('gives the share of a pool that nobody is left in to the others', () => {
    const one = fleet('split: { mode: Fixed, weights: { a: 70, b: 30 } }', [30, 30, 30, 30]);
    one.run(3);
    const drain = { id: 'op', service: 'chat', kind: 'Drain', pool: 'a', reason: 'r', by: 'x' } as const;
    one.operations = [{ ...drain, startedAtMs: one.nowMs, endsAtMs: one.nowMs + 60_000, forced: false } as never];
    const plan = one.run(2);
    expect(sum(plan, '1', '2')).toBe(0);
    expect(sum(plan, '3', '4')).toBeCloseTo(1, 9);
  });

  it('gives the first tier all, and keeps the weights of the others ready', () => {
    const one = fleet('split: { mode: Failover, tiers: [[b], [a]] }', [30, 30, 30, 2]);
    const plan = one.run(60);
    expect(sum(plan, '3', '4')).toBeCloseTo(1, 9);
    expect(sum(plan, '1', '2')).toBe(0);
    expect(decided(plan)['4']!.weight).toBeLessThan(700);
    expect(decided(plan)['1']!.weight).toBe(1000);
  });

  it('is as it was without a split: one balance, under the name of the service', () => {
    const one = fleet('split: { mode: Adaptive }', [30, 30, 30, 4]);
    one.run(5);
    expect(Object.keys(one.state.weights)).toEqual(['chat']);
    const two = fleet('split: { mode: Fixed, weights: { a: 1, b: 1 } }', [30, 30, 30, 4]);
    two.run(5);
    expect(Object.keys(two.state.weights)).toEqual(['chat/a', 'chat/b']);
  });

  it('says how each endpoint stands among those that it is balanced with, a tier that waits included', () => {
    for (const split of ['{ tiers: [[b], [a]] }', '{ mode: Fixed, weights: { a: 90, b: 10 } }']) {
      const plan = fleet(`split: ${split}`, [30, 30, 30, 30]).run(3);
      const inside = undivided(plan.policy.services[0]!, plan.endpoints.chat!, plan.decisions.chat!);
      expect([...reasonsOf(inside, undefined).values()], split).toEqual(Array(4).fill('aims at an even share'));
    }
    const plan = fleet('split: { mode: Fixed, weights: { a: 70, b: 30 } }', [30, 2, 30, 30]).run(60);
    const inside = undivided(plan.policy.services[0]!, plan.endpoints.chat!, plan.decisions.chat!);
    expect([...reasonsOf(inside, undefined).values()]).toEqual([
      expect.stringMatching(/^aims at \d+ % more than an even share/),
      expect.stringMatching(/^aims at \d+ % less than an even share/),
      expect.stringMatching(/^aims at an even share/),
      expect.stringMatching(/^aims at an even share/),
    ]);
  });
});
