import { describe, expect, it } from 'vitest';
import { type EngineContext, effectiveAtMs, engineFreshness, takeReading } from '../../../src/core/load/engine.ts';
import type { EndpointMemory, EngineReading } from '../../../src/core/load/load-state.ts';
import { START_MS } from '../weights/beliefs.ts';
import { memory, reading } from './memories.ts';

const context = (over: Partial<EngineContext> = {}): EngineContext => ({
  nowMs: START_MS + 1500,
  ringAtMs: [START_MS, START_MS + 1000],
  reportAgeSec: 0,
  comparable: true,
  ...over,
});

const first = reading(0, { generationTokens: 1000, promptTokens: 5000 });
const heard = (over: Partial<EndpointMemory> = {}) => memory({ engine: first, inFlight: 8, ring: [8, 8], ...over });
/** What two seconds of an average leave of the old value after one. */
const OLD = Math.exp(-1 / 2);

function take(next: Partial<EngineReading>, one = heard(), over: Partial<EngineContext> = {}) {
  const gapSec = takeReading(one, reading(1, { generationTokens: 1400, promptTokens: 6000, ...next }), context(over));
  return { one, gapSec };
}

describe('a reading of an engine', () => {
  it('is only kept when it is the first: a counter says nothing by itself', () => {
    const one = memory();
    expect(takeReading(one, first, context())).toBeUndefined();
    expect(one).toMatchObject({ engine: first, engineWork: 0, engineRunning: 0, foreign: 0 });
  });

  it('is work: generated tokens and a tenth of the prompts, over two seconds', () => {
    const { one, gapSec } = take({ running: 6 });
    expect(gapSec).toBe(1);
    expect(one.engineWork).toBeCloseTo((1 - OLD) * 500, 9);
    expect(one.engineRunning).toBeCloseTo((1 - OLD) * 6, 9);
    const slow = heard();
    takeReading(slow, reading(2, { generationTokens: 1400, promptTokens: 6000 }), context({ nowMs: START_MS + 2500 }));
    expect(slow.engineWork).toBeCloseTo((1 - OLD ** 2) * 250, 9);
  });

  it('is work without prompts where these are not told, and no work where the tokens are not', () => {
    expect(take({ promptTokens: null }).one.engineWork).toBeCloseTo((1 - OLD) * 400, 9);
    const untold = heard({ engine: { ...first, promptTokens: null } });
    expect(take({}, untold).one.engineWork).toBeCloseTo((1 - OLD) * 400, 9);
    expect(take({ generationTokens: null }).one).toMatchObject({ engineWork: 0, engineRunning: 0 });
    expect(take({}, heard({ engine: { ...first, generationTokens: null } })).one.engineWork).toBe(0);
  });

  it('is no work where a counter went back or jumped', () => {
    expect(take({ generationTokens: 999, promptTokens: 1e6 }).one.engineWork).toBe(0);
    expect(take({ promptTokens: 4999 }).one.engineWork).toBe(0);
    expect(take({ generationTokens: 1000 + 1e7, promptTokens: 5000 }).one.engineWork).toBeGreaterThan(1e6);
    expect(take({ generationTokens: 1001 + 1e7, promptTokens: 5000 }).one.engineWork).toBe(0);
    const idle = heard({ engineWork: 100 });
    expect(take({ generationTokens: 1000, promptTokens: 5000 }, idle).one.engineWork).toBeCloseTo(100 * OLD, 9);
  });

  it('moves nothing when it is older than the last, or of the same instant', () => {
    for (const sec of [0, -1]) {
      const one = heard();
      expect(takeReading(one, reading(sec, { generationTokens: 9999 }), context())).toBeUndefined();
      expect(one).toEqual(heard());
    }
  });

  it('counts again after a clock was set back: a stored time in the future cannot be waited for', () => {
    const one = heard({ engine: { ...first, atMs: START_MS + 3_600_000 } });
    const { gapSec } = take({}, one);
    expect(gapSec).toBeUndefined();
    expect(one.engine!.atMs).toBe(START_MS + 1000);
    expect(one.engineWork).toBe(0);
  });

  it('after more than 15 s only says where counting starts', () => {
    const at = (sec: number) => {
      const one = heard();
      const gapSec = takeReading(
        one,
        reading(sec, { generationTokens: 9000 }),
        context({ nowMs: START_MS + sec * 1000 }),
      );
      return { gapSec, work: one.engineWork, at: one.engine!.atMs };
    };
    expect(at(15)).toMatchObject({ gapSec: 15 });
    expect(at(15).work).toBeGreaterThan(0);
    expect(at(15.1)).toEqual({ gapSec: undefined, work: 0, at: START_MS + 15_100 });
  });

  it('that repeats while requests run is as old as its last change', () => {
    const frozen = reading(5, { changedAtMs: START_MS, generationTokens: 1000 });
    expect(effectiveAtMs(frozen, 8)).toBe(START_MS);
    // Without a counter that would have moved nothing tells a frozen page from a steady one.
    expect(effectiveAtMs({ ...frozen, generationTokens: null }, 8)).toBe(START_MS + 5000);
    expect(effectiveAtMs({ ...frozen, running: 0 }, 0)).toBe(START_MS + 5000);
    expect(effectiveAtMs({ ...frozen, running: 0 }, 1.9)).toBe(START_MS + 5000);
    expect(effectiveAtMs({ ...frozen, running: 0 }, 2)).toBe(START_MS);
    expect(effectiveAtMs({ ...frozen, running: 0, waiting: 1 }, 0)).toBe(START_MS);
    expect(effectiveAtMs({ ...frozen, running: 1 }, 0)).toBe(START_MS);
    // Without a count of tokens nothing has to move under a steady load.
    expect(effectiveAtMs({ ...frozen, generationTokens: null }, 8)).toBe(START_MS + 5000);
    const one = heard();
    expect(takeReading(one, frozen, context({ nowMs: START_MS + 5000 }))).toBeUndefined();
    expect(one).toEqual(heard());
  });

  it('learns how old a reading usually is when the next one comes, 30 s at most', () => {
    expect(take({}, heard({ usualAgeSec: 1 })).one.usualAgeSec).toBeCloseTo(1 + 0.3 * 0.5, 9);
    expect(take({}, heard({ usualAgeSec: 1 }), { nowMs: START_MS + 99_000 }).one.usualAgeSec).toBeCloseTo(9.7, 9);
  });
});

describe('the KV cache', () => {
  it('is followed over a minute while more than four requests fill more than a fifth of it', () => {
    expect(take({ running: 5, kvUsageRatio: 0.3 }).one).toMatchObject({ kvRunning: 5, kvUsage: 0.3 });
    expect(take({ running: 4, kvUsageRatio: 0.3 }).one).toMatchObject({ kvRunning: 0, kvUsage: 0 });
    expect(take({ running: 5, kvUsageRatio: 0.2 }).one).toMatchObject({ kvRunning: 0, kvUsage: 0 });
    expect(take({ running: 5, kvUsageRatio: null }).one).toMatchObject({ kvRunning: 0, kvUsage: 0 });
    const { one } = take({ running: 20, kvUsageRatio: 0.9 }, heard({ kvRunning: 10, kvUsage: 0.5 }));
    expect(one.kvRunning).toBeCloseTo(20 - 10 * Math.exp(-1 / 60), 9);
    expect(one.kvUsage).toBeCloseTo(0.9 - 0.4 * Math.exp(-1 / 60), 9);
  });
});

describe('a KV usage that cannot be', () => {
  const good = { ...first, kvUsageRatio: 0.6 };
  const odd = { kvUsageRatio: null, kvConflict: 42 };

  it('leaves the last good one standing for 15 s from the first of them on', () => {
    const { one } = take(odd, heard({ engine: good }));
    expect(one.engine).toMatchObject({ atMs: START_MS + 1000, kvUsageRatio: 0.6 });
    expect(one.kvConflict).toEqual({ value: 42, beganAtMs: START_MS + 1000, goodRatio: 0.6 });
    takeReading(one, reading(16, { ...odd, kvConflict: 43 }), context({ nowMs: START_MS + 16_000 }));
    expect(one.engine?.kvUsageRatio).toBe(0.6);
    expect(one.kvConflict).toEqual({ value: 43, beganAtMs: START_MS + 1000, goodRatio: 0.6 });
    takeReading(one, reading(17, odd), context({ nowMs: START_MS + 16_001 }));
    expect(one.engine?.kvUsageRatio).toBeNull();
    takeReading(one, reading(18, { kvUsageRatio: 0.2 }), context({ nowMs: START_MS + 18_000 }));
    expect(one).toMatchObject({ kvConflict: null, engine: { kvUsageRatio: 0.2 } });
  });

  it('on the first page leaves nothing', () => {
    const one = memory();
    takeReading(one, reading(0, odd), context());
    expect(one).toMatchObject({ engine: { kvUsageRatio: null }, kvConflict: { value: 42, goodRatio: null } });
  });
});

describe('foreign work', () => {
  const OLD4 = Math.exp(-1 / 4);

  it('is what the engine has more than the sidecars had at that instant, over four seconds', () => {
    const { one } = take({ running: 12, waiting: 3 }, heard({ ring: [2, 5] }));
    expect(one.foreign).toBeCloseTo((1 - OLD4) * 10, 9);
    const late = take({ running: 12, waiting: 3 }, heard({ ring: [2, 5] }), {
      ringAtMs: [START_MS + 1100, START_MS + 2100],
    });
    expect(late.one.foreign).toBeCloseTo((1 - OLD4) * 13, 9);
  });

  it('is compared with reports that are as old as they are', () => {
    const over = { ringAtMs: [START_MS, START_MS + 1000, START_MS + 2000], reportAgeSec: 0.6 };
    const { one } = take({ running: 12 }, heard({ ring: [1, 2, 5] }), over);
    expect(one.foreign).toBeCloseTo((1 - OLD4) * 7, 9);
    const early = take({ running: 12 }, heard({ ring: [1, 2, 5] }), { ...over, reportAgeSec: 0.4 });
    expect(early.one.foreign).toBeCloseTo((1 - OLD4) * 10, 9);
  });

  it('of an endpoint that joined later aligns its short memory with the end of the ring', () => {
    const over = { ringAtMs: [START_MS - 1000, START_MS, START_MS + 1000] };
    expect(take({ running: 12 }, heard({ ring: [3, 5] }), over).one.foreign).toBeCloseTo((1 - OLD4) * 7, 9);
    expect(take({ running: 12 }, heard({ ring: [], inFlight: 4 }), over).one.foreign).toBeCloseTo((1 - OLD4) * 8, 9);
  });

  it('is not known where the sidecars are silent', () => {
    expect(take({ running: 12 }, heard(), { comparable: false }).one.foreign).toBe(0);
  });
});

describe('freshness', () => {
  const one = memory({ engine: first, usualAgeSec: 2 });

  it('ends three ticks after the usual age', () => {
    expect(engineFreshness(memory(), START_MS, 1, undefined)).toBe('Absent');
    expect(engineFreshness(one, START_MS + 5000, 1, undefined)).toBe('Fresh');
    expect(engineFreshness(one, START_MS + 5001, 1, undefined)).toBe('Stale');
    expect(engineFreshness(one, START_MS + 8000, 2, undefined)).toBe('Fresh');
    expect(engineFreshness(one, START_MS + 8001, 2, undefined)).toBe('Stale');
    expect(engineFreshness(one, START_MS + 5000, 0.1, undefined)).toBe('Fresh');
  });

  it('takes the usual age from the policy where it is given', () => {
    expect(engineFreshness(one, START_MS + 13_000, 1, 10_000)).toBe('Fresh');
    expect(engineFreshness(one, START_MS + 13_001, 1, 10_000)).toBe('Stale');
  });
});
