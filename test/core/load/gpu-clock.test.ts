import { describe, expect, it } from 'vitest';
import { applyClock } from '../../../src/core/load/gpu-clock.ts';
import { START_MS } from '../weights/beliefs.ts';
import { gpu, memory, reading } from './memories.ts';

const busy = () =>
  memory({
    inFlight: 8,
    busySec: 10,
    completions: 2,
    engineWork: 400,
    clockHertz: 2e9,
    gpus: [gpu({ clockHertz: 2e9 })],
  });

function clocked(hertz: number, over: Parameters<typeof memory>[0] = {}) {
  const one = { ...busy(), gpus: [gpu({ clockHertz: hertz })], ...over };
  applyClock(one, START_MS, 1);
  return one;
}

describe('the SM clock', () => {
  it('moves the capacity of a busy GPU at once, by 0.8 of its step, and the rates along with it', () => {
    const one = clocked(1e9);
    expect(one.logCapacity).toBeCloseTo(-0.8 * Math.LN2, 9);
    expect(one.completions).toBeCloseTo(2 * 2 ** -0.8, 9);
    expect(one.engineWork).toBeCloseTo(400 * 2 ** -0.8, 9);
    expect(one.clockHertz).toBe(1e9);
    applyClock(one, START_MS + 1000, 1);
    expect(one.logCapacity).toBeCloseTo(-0.8 * Math.LN2, 9);
  });

  it('says nothing within a tenth, which is boost, and is then not remembered', () => {
    expect(clocked(1.85e9)).toMatchObject({ logCapacity: 0, clockHertz: 2e9 });
    expect(clocked(1.8e9).logCapacity).toBeCloseTo(0.8 * Math.log(0.9), 9);
    expect(clocked(2.3e9).logCapacity).toBeCloseTo(0.8 * Math.log(1.15), 9);
  });

  it('is only remembered when it is seen for the first time', () => {
    expect(clocked(1e9, { clockHertz: null })).toMatchObject({ logCapacity: 0, clockHertz: 1e9 });
  });

  it('says nothing of a GPU that was idle: it lowers its clock by itself', () => {
    expect(clocked(1e9, { busySec: 3.5 })).toMatchObject({ logCapacity: 0, busySec: 4.5 });
    expect(clocked(1e9, { busySec: 4 }).logCapacity).toBeLessThan(-0.5);
    expect(clocked(1e9, { inFlight: 1 })).toMatchObject({ logCapacity: 0, busySec: 0 });
    const served = reading(0, { running: 2 });
    expect(clocked(1e9, { inFlight: 0, engine: served }).logCapacity).toBeLessThan(-0.5);
  });

  it('says nothing of a shared device, of an old reading, or where there is none', () => {
    expect(clocked(1e9, { gpus: [gpu({ clockHertz: 1e9, whole: false })] }).logCapacity).toBe(0);
    expect(clocked(1e9, { gpus: [gpu({ clockHertz: 1e9 }), gpu({ whole: false })] }).logCapacity).toBe(0);
    expect(clocked(1e9, { gpus: [] }).logCapacity).toBe(0);
    expect(clocked(1e9, { gpus: [gpu({ clockHertz: null })] }).logCapacity).toBe(0);
    expect(clocked(1e9, { gpus: [gpu({ clockHertz: 1e9, clockAtMs: START_MS - 5001 })] }).logCapacity).toBe(0);
    expect(clocked(1e9, { gpus: [gpu({ clockHertz: 1e9, clockAtMs: START_MS - 5000 })] }).logCapacity).toBeLessThan(0);
  });

  it('counts for as long as its lease, and no longer than five seconds', () => {
    const old = (ageMs: number, leaseMs: number) =>
      clocked(1e9, { gpus: [gpu({ clockHertz: 1e9, clockAtMs: START_MS - ageMs, leaseMs })] }).logCapacity;
    expect(old(2000, 2000)).toBeLessThan(-0.5);
    expect(old(2001, 2000)).toBe(0);
    expect(old(5000, 60_000)).toBeLessThan(-0.5);
    expect(old(5001, 60_000)).toBe(0);
  });

  it('of several devices is that of the slowest', () => {
    const two = clocked(2e9, { gpus: [gpu({ clockHertz: 2e9 }), gpu({ clockHertz: 1e9 })] });
    expect(two.logCapacity).toBeCloseTo(-0.8 * Math.LN2, 9);
  });

  it('cannot take a capacity beyond a twentieth or twenty times the mean', () => {
    expect(clocked(1e7).logCapacity).toBe(-3);
    expect(clocked(1e10, { clockHertz: 1e8 }).logCapacity).toBe(3);
  });
});
