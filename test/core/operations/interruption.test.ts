import { describe, expect, it } from 'vitest';
import { interruptionAt, type Operation, planOperation, takenOut } from '../../../src/core/operations/index.ts';
import { aFleet, asked, factsOf } from './two-pools.ts';

const NOW = 1_800_000_000_000;

describe('an interruption', () => {
  it.each([
    [120_000, 90_000],
    [60_000, 30_000],
    [20_000, 10_000],
    [0, 0],
    [-60_000, 0],
  ])('in %i ms has its last call in %i ms, and is remembered for half an hour', (inMs, lastCallInMs) => {
    const { interruption, endsAtMs } = interruptionAt(NOW + inMs, NOW);
    expect(interruption).toEqual({ atMs: NOW + inMs, lastCallMs: NOW + lastCallInMs });
    expect(endsAtMs).toBe(NOW + Math.max(0, inMs) + 1_800_000);
  });

  const interrupted = (endpoint: string, id: string, startedAtMs = NOW): Operation => ({
    id,
    service: 'chat',
    kind: 'Drain',
    pool: 'gpu',
    endpoint,
    reason: 'r',
    author: 'a',
    startedAtMs,
    forced: false,
    ...interruptionAt(NOW + 120_000, NOW),
  });

  it('that comes in the same moment as others leaves the order in which they came: nobody changes places', () => {
    const [first, second] = [interrupted('10.0.0.2:8000', 'drain-z'), interrupted('10.0.0.1:8000', 'drain-a')];
    const all = aFleet(2, 1).state.plan?.endpoints.chat ?? [];
    const endpoints = all.filter(({ pool }) => pool === 'gpu');
    const { by, suspended } = takenOut([first, second], { name: 'chat', pools: [{ name: 'gpu' }] } as never, endpoints);
    expect([...by.keys()]).toEqual(['chat/gpu/10.0.0.2:8000']);
    expect(suspended).toEqual([second]);
  });

  it('takes no place of what people do, and there are bounds for both', () => {
    const fleet = aFleet();
    const plan = (running: readonly Operation[], over: Parameters<typeof asked>[1]) =>
      planOperation({ ...factsOf(fleet), running }, asked(fleet, over), { id: 'x', author: 'a' });
    const machines = (count: number) => Array.from({ length: count }, (_, i) => interrupted(`10.9.0.${i}:1`, `d${i}`));
    const shed = { kind: 'Shed', percent: 10 } as const;
    const { interruption } = interruptionAt(fleet.nowMs + 120_000, fleet.nowMs);
    const goes = { kind: 'Drain', pool: 'gpu', endpoint: '10.0.0.1:8000', interruption } as const;
    expect(plan(machines(999), shed).ok).toBe(true);
    expect(plan(machines(999), goes).ok).toBe(true);
    expect(plan(machines(1000), goes)).toMatchObject({
      ok: false,
      issues: [{ code: 'Refused', message: '1000 operations run already' }],
    });
    const byHand = machines(200).map((one): Operation => ({ ...one, kind: 'Shed', percent: 1 }));
    expect(plan(byHand, shed).ok).toBe(false);
    expect(plan(byHand, goes).ok).toBe(true);
  });
});
