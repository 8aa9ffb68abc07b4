import { describe, expect, it } from 'vitest';
import { type CapacityInput, learnCapacity } from '../../../src/core/load/capacity.ts';
import type { EndpointMemory } from '../../../src/core/load/load-state.ts';
import { memory, reading } from './memories.ts';

function heard(over: Partial<EndpointMemory>, input: Partial<CapacityInput> = {}): CapacityInput {
  return { memory: memory(over), slots: 20, engineFresh: false, reportsFresh: true, bad: false, ...input };
}

const engine = (engineWork: number, over: Partial<EndpointMemory> = {}, input: Partial<CapacityInput> = {}) =>
  heard({ engine: reading(0), engineWork, engineRunning: 8, ...over }, { engineFresh: true, ...input });
const reports = (completions: number, over: Partial<EndpointMemory> = {}, input: Partial<CapacityInput> = {}) =>
  heard({ completions, meanInFlight: 8, ...over }, input);

function ticks(inputs: readonly CapacityInput[], seconds = 1, ageSec = 100): readonly number[] {
  for (let sec = 0; sec < seconds; sec += 1) learnCapacity(inputs, ageSec, 1);
  return inputs.map(({ memory: { logCapacity } }) => logCapacity);
}

const close = (value: number) => expect.closeTo(value, 9);

describe('learned capacity', () => {
  it('drifts by 3 % of the distance to the mean a second while the samples agree within a quarter', () => {
    expect(ticks([engine(400), engine(400 * Math.exp(0.4))])).toEqual([close(-0.03 * 0.2), close(0.03 * 0.2)]);
  });

  it('jumps by half of the distance on the second far tick downwards, the third upwards, for an engine', () => {
    // 1.5 / sqrt(8 + 1) = 0.5: at ±0.6 both are far.
    const two = [engine(400), engine(400 * Math.exp(1.2))];
    expect(ticks(two)).toEqual([close(-0.018), close(0.018)]);
    const [down, up] = ticks(two) as [number, number];
    expect(down).toBeCloseTo(-0.018 - 0.5 * 0.582, 9);
    expect(up).toBeCloseTo(0.018 + 0.03 * 0.582, 9);
  });

  it('upwards is believed on the third tick', () => {
    const all = [engine(400), engine(400), engine(400 * Math.exp(3))];
    ticks(all, 2);
    const before = all[2]!.memory.logCapacity;
    expect(before).toBeLessThan(0.13);
    expect(ticks(all)[2]! - before).toBeGreaterThan(0.7);
  });

  it('of load reports jumps on the second tick both ways, beyond 2 / sqrt(40 completions/s)', () => {
    // 40 × 0.4/s: 2 / sqrt(16) = 0.5.
    const two = [reports(0.4), reports(0.4 * Math.exp(1.2))];
    ticks(two);
    const [down, up] = ticks(two) as [number, number];
    expect(down).toBeCloseTo(-0.018 - 0.5 * 0.582, 9);
    expect(up).toBeCloseTo(0.018 + 0.5 * 0.582, 9);
    const near = [reports(0.4), reports(0.4 * Math.exp(0.9))];
    ticks(near, 2);
    expect(near[0]!.memory.farSec).toBe(0);
  });

  it('of few completions is uncertain: the noise grows to 2 at most', () => {
    const few = [reports(0.01), reports(0.01 * Math.exp(3.9))];
    ticks(few);
    expect(few[0]!.memory.farSec).toBe(0);
    const far = [reports(0.01), reports(0.01 * Math.exp(4.4))];
    ticks(far);
    expect(far[0]!.memory.farSec).toBe(-1);
  });

  it('of many requests is certain down to a quarter', () => {
    const many = (distance: number) => {
      const two = [engine(400, { engineRunning: 80 }), engine(400 * Math.exp(2 * distance), { engineRunning: 80 })];
      ticks(two);
      return two[0]!.memory.farSec;
    };
    expect(many(0.24)).toBe(0);
    expect(many(0.26)).toBe(-1);
  });

  it('starts to count anew when the sample is far on the other side, or near', () => {
    const one = engine(400, { farSec: 5 });
    ticks([one, engine(400 * Math.exp(1.2))]);
    expect(one.memory.farSec).toBe(-1);
    const near = engine(400, { farSec: -5 });
    ticks([near, engine(400)]);
    expect(near.memory.farSec).toBe(0);
  });

  it('is work per request in flight times slots', () => {
    expect(ticks([engine(400, {}, { slots: 10 }), engine(400, {}, { slots: 10 * Math.exp(0.4) })])).toEqual([
      close(-0.006),
      close(0.006),
    ]);
    expect(ticks([engine(400), engine(400, { engineRunning: 8 * Math.exp(0.4) })])).toEqual([
      close(0.006),
      close(-0.006),
    ]);
    expect(ticks([reports(2), reports(2, { meanInFlight: 8 * Math.exp(0.4) })])).toEqual([close(0.006), close(-0.006)]);
  });

  it('keeps the mean of its source, and never mixes two sources: they have two units', () => {
    const all = [engine(400, { logCapacity: 0.5 }), engine(400, { logCapacity: 0.7 }), reports(2), reports(2)];
    expect(ticks(all)).toEqual([close(0.503), close(0.697), 0, 0]);
    expect(learnCapacity(all, 100, 1)).toEqual(['Engine', 'Engine', 'LoadReports', 'LoadReports']);
  });

  it('of one endpoint alone has nothing to compare with', () => {
    const one = engine(400, { logCapacity: 0.3, farSec: 2 });
    expect(ticks([one, reports(9)])).toEqual([0.3, 0]);
    expect(one.memory.farSec).toBe(0);
  });

  it('takes longer than a tick into account', () => {
    const two = [engine(400), engine(400 * Math.exp(1.2))];
    learnCapacity(two, 100, 2);
    expect(two[0]!.memory.logCapacity).toBeCloseTo(-0.6 * 0.75, 9);
    expect(two[1]!.memory.logCapacity).toBeCloseTo(0.6 * 0.06, 9);
  });

  it('is within a twentieth and twenty times the mean', () => {
    const two = [reports(1e-2), reports(1e5)];
    expect(ticks(two, 200)).toEqual([-3, 3]);
  });
});

describe('capacity that nothing measures any more', () => {
  const silent = (slots: number, over: Partial<EndpointMemory> = {}) =>
    heard({ capacitySlots: 64, logCapacity: 0.2, ...over }, { slots, reportsFresh: false });

  it('follows its slots when these turn out to be others than it was learned with', () => {
    const one = silent(32);
    expect(ticks([one])).toEqual([close(0.2 - Math.LN2)]);
    expect(ticks([one])).toEqual([close(0.2 - Math.LN2)]);
    expect(ticks([silent(64)])).toEqual([0.2]);
    expect(ticks([silent(32, { capacitySlots: null })])).toEqual([0.2]);
    expect(ticks([silent(1, { logCapacity: -2 })])).toEqual([-3]);
  });

  it('is learned with the slots of its last comparison', () => {
    const two = [engine(400, {}, { slots: 32 }), engine(400, {}, { slots: 32 })];
    ticks(two);
    expect(two.map(({ memory: { capacitySlots } }) => capacitySlots)).toEqual([32, 32]);
  });
});

describe('the source of capacity', () => {
  const source = (input: CapacityInput, ageSec = 100) => learnCapacity([input], ageSec, 1)[0];

  it('is the engine after 4 s, with work and half a request running', () => {
    expect(source(engine(400), 4)).toBe('None');
    expect(source(engine(400), 4.1)).toBe('Engine');
    expect(source(engine(400, { engineRunning: 0.5 }))).toBe('None');
    expect(source(engine(400, { engineRunning: 0.51 }))).toBe('Engine');
    expect(source(engine(0))).toBe('None');
  });

  it('falls back to load reports where a fresh engine has no work', () => {
    expect(source(engine(0, { completions: 2, meanInFlight: 8 }))).toBe('LoadReports');
    expect(source(engine(400, { completions: 2, meanInFlight: 8 }), 4)).toBe('None');
  });

  it('is none while an engine is stale: what was learned is held', () => {
    expect(source(engine(400, { completions: 2, meanInFlight: 8 }, { engineFresh: false }))).toBe('None');
  });

  it('is the load reports after 15 s, with 0.3 in flight and completions', () => {
    expect(source(reports(2), 15)).toBe('None');
    expect(source(reports(2), 15.1)).toBe('LoadReports');
    expect(source(reports(2, { meanInFlight: 0.3 }))).toBe('None');
    expect(source(reports(0.003))).toBe('None');
    expect(source(reports(0.0031))).toBe('LoadReports');
    expect(source(reports(2, {}, { reportsFresh: false }))).toBe('None');
  });

  it('is none of a bad endpoint, which forgets how long it was far', () => {
    const bad = engine(400, { farSec: 3 }, { bad: true });
    expect(source(bad)).toBe('None');
    expect(bad.memory.farSec).toBe(0);
  });
});
