import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalsFromTrace, readShippedTrace, type TraceRow } from '../../../src/lab/traffic/index.ts';

const trace = readShippedTrace();
const target = {
  seed: 11,
  durationMs: 60_000,
  ratePerSec: 25,
  meanPromptTokens: 200,
  meanOutputTokens: 60,
  maxPromptTokens: 2000,
  maxOutputTokens: 240,
};

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('arrivals made from a trace', () => {
  it('have the rate, the duration and the mean lengths of the target', () => {
    const arrivals = arrivalsFromTrace(trace, target);
    expect(arrivals).toHaveLength(1500);
    expect(arrivals[0]!.atMs).toBe(0);
    expect(arrivals.at(-1)!.atMs).toBeLessThan(60_000);
    expect(arrivals.at(-1)!.atMs).toBeGreaterThan(57_000);
    expect(mean(arrivals.map((arrival) => arrival.promptTokens))).toBeCloseTo(200, 0);
    expect(mean(arrivals.map((arrival) => arrival.outputTokens))).toBeCloseTo(60, 0);
  });

  it('keep the order and the relative gaps of the trace, for every seed, also around its end', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 400 }), (seed, seconds) => {
        const arrivals = arrivalsFromTrace(trace, { ...target, seed, durationMs: seconds * 1000 });
        expect(arrivals).toHaveLength(seconds * 25);
        for (let at = 1; at < arrivals.length; at += 1) {
          if (arrivals[at]!.atMs < arrivals[at - 1]!.atMs) throw new Error(`arrival ${at} is before its predecessor`);
        }
        for (const { promptTokens, outputTokens } of arrivals) {
          if (promptTokens < 1 || promptTokens > 2000 || outputTokens < 1 || outputTokens > 240) {
            throw new Error(`lengths ${promptTokens}/${outputTokens} are out of their bounds`);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('scale every gap by the same factor', () => {
    const rows: TraceRow[] = [0, 10, 40, 50, 90].map((atMs) => ({ atMs, promptTokens: 10, outputTokens: 10 }));
    const at = (seed: number): number[] =>
      arrivalsFromTrace(rows, { ...target, seed, ratePerSec: 4, durationMs: 1000 }).map(({ atMs }) => atMs);
    // Four gaps in a row out of the ring 10, 30, 10, 40, 22.5 (the seam has the mean gap), stretched to one second.
    const ring = [10, 30, 10, 40, 22.5];
    const possible = ring.map((_, start) => {
      const gaps = [0, 1, 2, 3].map((step) => ring[(start + step) % 5]!);
      const total = gaps.reduce((sum, gap) => sum + gap, 0);
      return [0, 1, 2].map((step) => (gaps[step]! / total) * 1000);
    });
    for (let seed = 0; seed < 20; seed += 1) {
      const times = at(seed);
      const gaps = [0, 1, 2].map((step) => times[step + 1]! - times[step]!);
      expect(possible.some((known) => known.every((gap, step) => Math.abs(gap - gaps[step]!) < 1e-6))).toBe(true);
    }
  });

  it('are the same for the same seed and others for another', () => {
    expect(arrivalsFromTrace(trace, target)).toEqual(arrivalsFromTrace(trace, target));
    expect(arrivalsFromTrace(trace, target)).not.toEqual(arrivalsFromTrace(trace, { ...target, seed: 12 }));
  });

  it('reach the mean under a tight cap, and the cap where the mean cannot be had', () => {
    const tight = arrivalsFromTrace(trace, { ...target, maxOutputTokens: 80 });
    expect(mean(tight.map(({ outputTokens }) => outputTokens))).toBeCloseTo(60, 0);
    expect(Math.max(...tight.map(({ outputTokens }) => outputTokens))).toBe(80);
    const flat = arrivalsFromTrace(trace, { ...target, maxOutputTokens: 50 });
    expect(mean(flat.map(({ outputTokens }) => outputTokens))).toBeGreaterThan(49);
  });
});
