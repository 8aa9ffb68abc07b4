import { describe, expect, it } from 'vitest';
import { type GpuReading, takeGpus } from '../../../src/core/load/gpu-memory.ts';
import type { EndpointMemory, GpuMemory } from '../../../src/core/load/load-state.ts';
import { START_MS } from '../weights/beliefs.ts';
import { gpu, memory } from './memories.ts';

/** A page of the device `GPU-0` that leaves out what is not given. */
function told(over: Partial<GpuReading>): GpuReading {
  return { gpu: 'GPU-0', whole: true, utilRatio: null, utilAtMs: 0, clockHertz: null, clockAtMs: 0, ...over };
}

/** What is remembered of an endpoint's devices after one more tick. */
function remembered(
  before: readonly GpuMemory[],
  pages: readonly GpuReading[] | undefined,
  { nowMs = START_MS + 10_000, over = {} }: { nowMs?: number; over?: Partial<EndpointMemory> } = {},
): readonly GpuMemory[] {
  const one = memory({ gpus: [...before], ...over });
  takeGpus([one], [pages && { engine: [], gpus: pages }], nowMs);
  return one.gpus;
}

const KNOWN = gpu({ utilRatio: 0.4, utilAtMs: START_MS + 5000, clockHertz: 1.9e9, clockAtMs: START_MS + 5000 });

describe('a device', () => {
  it('is taken as it is told when it is seen for the first time, beside those that are known', () => {
    const other = gpu({ gpu: 'GPU-1', utilRatio: 0.6, clockHertz: 1.2e9 });
    const { gpu: name, utilRatio, utilAtMs, clockHertz, clockAtMs } = other;
    const page = told({ gpu: name, utilRatio, utilAtMs, clockHertz, clockAtMs });
    expect(remembered([KNOWN], [page])).toEqual([KNOWN, other]);
    expect(remembered([], [told({})])).toStrictEqual([gpu({ utilAtMs: 0, clockAtMs: 0 })]);
    const atMs = START_MS + 1000;
    const faulty = told({
      xid: { code: 79, atMs },
      throttle: { ratio: 0.3, atMs },
      utilConflict: { value: 1.4, atMs },
    });
    expect(remembered([], [faulty])).toMatchObject([
      { xid: { stage: 'Suspect' }, throttle: { ratio: 0.3 }, utilConflict: { value: 1.4, beganAtMs: atMs } },
    ]);
    expect(remembered([KNOWN, gpu({ gpu: 'GPU-1' })], [page])).toEqual([KNOWN, other]);
  });

  it('stays as it was where no page speaks of it', () => {
    expect(remembered([KNOWN], undefined)).toEqual([KNOWN]);
    expect(remembered([KNOWN], [])).toEqual([KNOWN]);
  });

  it('keeps what a page leaves out, and lets it age', () => {
    const utilAtMs = START_MS + 9000;
    expect(remembered([KNOWN], [told({ utilRatio: 0.7, utilAtMs })])).toEqual([
      gpu({ ...KNOWN, utilRatio: 0.7, utilAtMs }),
    ]);
    const clockAtMs = START_MS + 9000;
    expect(remembered([KNOWN], [told({ clockHertz: 1e9, clockAtMs })])).toEqual([
      gpu({ ...KNOWN, clockHertz: 1e9, clockAtMs }),
    ]);
  });

  it('keeps the newest of each value, whoever brought it', () => {
    const late = told({ utilRatio: 0.9, utilAtMs: START_MS + 4999, clockHertz: 1e9, clockAtMs: START_MS + 4999 });
    expect(remembered([KNOWN], [late])).toEqual([KNOWN]);
    const again = told({ utilRatio: 0.9, utilAtMs: START_MS + 5000, clockHertz: 1e9, clockAtMs: START_MS + 5000 });
    expect(remembered([KNOWN], [again])).toMatchObject([{ utilRatio: 0.9, clockHertz: 1e9 }]);
    const half = told({ utilRatio: 0.9, utilAtMs: START_MS + 9000, clockHertz: 1e9, clockAtMs: START_MS + 1000 });
    expect(remembered([KNOWN], [half])).toMatchObject([{ utilRatio: 0.9, clockHertz: 1.9e9 }]);
  });

  it('takes an older page after the clock was set back: what it knows is dated ahead of now', () => {
    const page = told({ utilRatio: 0.9, utilAtMs: START_MS + 900, clockHertz: 1e9, clockAtMs: START_MS + 900 });
    expect(remembered([KNOWN], [page], { nowMs: START_MS + 1000 })).toMatchObject([
      { utilRatio: 0.9, clockHertz: 1e9 },
    ]);
    expect(remembered([KNOWN], [page], { nowMs: START_MS + 5000 })).toEqual([KNOWN]);
    // What a page leaves out is no news then either.
    expect(remembered([KNOWN], [told({})], { nowMs: START_MS + 1000 })).toEqual([KNOWN]);
  });

  it('is whole, and has the lease, of the page that brought something new', () => {
    const seen = (page: Partial<GpuReading>) => {
      const [one] = remembered([KNOWN], [told({ whole: false, leaseMs: 2000, ...page })]);
      return [one!.whole, one!.leaseMs];
    };
    const [news, old] = [START_MS + 9000, START_MS + 1000];
    expect(seen({ utilRatio: 0.5, utilAtMs: news })).toEqual([false, 2000]);
    expect(seen({ clockHertz: 1e9, clockAtMs: news })).toEqual([false, 2000]);
    expect(seen({ utilRatio: 0.5, utilAtMs: old, clockHertz: 1e9, clockAtMs: old })).toEqual([true, undefined]);
    expect(seen({})).toEqual([true, undefined]);
  });

  it('keeps its lease and its faults through pages that are silent on them', () => {
    const xid = { code: 0, atMs: START_MS + 6000 };
    const throttle = { ratio: 0.3, atMs: START_MS + 6000 };
    const leased = { ...KNOWN, leaseMs: 2000 };
    const [known] = remembered([leased], [told({ xid, throttle })]);
    expect(known).toMatchObject({ leaseMs: 2000, xid: { code: 0 }, throttle: { ratio: 0.3 } });
    expect(remembered([known!], [told({})])).toEqual([known]);
    expect(remembered([KNOWN], [told({})])[0]).not.toHaveProperty('leaseMs');
  });

  it('has a fatal code that counts, unless its server started anew just before it', () => {
    const [well] = remembered([KNOWN], [told({ xid: { code: 0, atMs: START_MS + 1000 } })]);
    const page = told({ xid: { code: 79, atMs: START_MS + 9000 } });
    const stage = (over: Partial<EndpointMemory>) => remembered([well!], [page], { over })[0]!.xid!.stage;
    // A server that was there from the start may be as old as it likes.
    expect(stage({ lives: 0, joinedAtMs: START_MS })).toBe('Fatal');
    expect(stage({ lives: 1, joinedAtMs: START_MS })).toBe('Suspect');
    expect(stage({ lives: 1, joinedAtMs: START_MS - 60_000 })).toBe('Fatal');
  });
});

describe('a utilisation that cannot be', () => {
  const bad = (value: number, sec: number, over: Partial<GpuReading> = {}) =>
    told({ utilConflict: { value, atMs: START_MS + sec * 1000 }, ...over });

  it('is a conflict from the first time it is told until a value comes that can be', () => {
    const first = remembered([KNOWN], [bad(1.4, 6)]);
    expect(first[0]).toEqual({ ...KNOWN, utilConflict: { value: 1.4, beganAtMs: START_MS + 6000 } });
    const next = remembered(first, [bad(1.5, 7)]);
    expect(next[0]!.utilConflict).toEqual({ value: 1.5, beganAtMs: START_MS + 6000 });
    expect(remembered(next, [told({})])[0]!.utilConflict).toEqual(next[0]!.utilConflict);
    const good = told({ utilRatio: 0.6, utilAtMs: START_MS + 8000 });
    expect(remembered(next, [good])[0]).not.toHaveProperty('utilConflict');
  });

  it('counts against a good value of the same page where it is not older', () => {
    const utilAtMs = START_MS + 6000;
    const conflict = (sec: number) =>
      remembered([KNOWN], [bad(1.4, sec, { utilRatio: 0.6, utilAtMs })])[0]!.utilConflict?.value;
    expect([5.9, 6, 6.1].map(conflict)).toEqual([undefined, 1.4, 1.4]);
  });
});
