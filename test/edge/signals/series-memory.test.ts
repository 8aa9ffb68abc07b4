import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/core/topology/index.ts';
import type { Reading } from '../../../src/edge/signals/reading.ts';
import { SeriesMemory } from '../../../src/edge/signals/series-memory.ts';

const subject = { address: '10.0.0.1', port: 8000 };

function reading(value: number, timestampMs?: number, gpu = 'GPU-a'): Reading {
  return { metric: 'gpuUtilRatio', value, gpu, ...(timestampMs === undefined ? {} : { timestampMs }) };
}

function times(sample: Sample | undefined): [number, number] | undefined {
  return sample === undefined ? undefined : [sample.sampledAtMs, sample.changedAtMs];
}

describe('the memory of a series', () => {
  it('dates a change when the value differs, so a frozen exporter looks fresh and old at once', () => {
    const memory = new SeriesMemory('gpu x');
    expect(times(memory.sample(reading(0.5), subject, 1000))).toEqual([1000, 1000]);
    expect(times(memory.sample(reading(0.5), subject, 2000))).toEqual([2000, 1000]);
    expect(times(memory.sample(reading(0.5), subject, 30_000))).toEqual([30_000, 1000]);
    expect(times(memory.sample(reading(0.6), subject, 31_000))).toEqual([31_000, 31_000]);
  });

  it('keeps GPUs apart', () => {
    const memory = new SeriesMemory('gpu x');
    memory.sample(reading(0.5), subject, 1000);
    expect(times(memory.sample(reading(0.5, undefined, 'GPU-b'), subject, 2000))).toEqual([2000, 2000]);
    expect(times(memory.sample(reading(0.5), subject, 2000))).toEqual([2000, 1000]);
  });

  it('believes the time that a source gives, but never one in the future', () => {
    const memory = new SeriesMemory('gpu x');
    expect(times(memory.sample(reading(0.5, 400), subject, 1000))).toEqual([400, 400]);
    expect(times(memory.sample(reading(0.5, 900), subject, 2000))).toEqual([900, 400]);
    expect(times(memory.sample(reading(0.7, 99_000), subject, 3000))).toEqual([3000, 3000]);
  });

  it('gives no sample again for a value that the source has dated as before', () => {
    const memory = new SeriesMemory('gpu x');
    memory.sample(reading(0.5, 400), subject, 1000);
    expect(memory.sample(reading(0.5, 400), subject, 2000)).toBeUndefined();
    expect(times(memory.sample(reading(0.5, 500), subject, 2000))).toEqual([500, 400]);
  });

  it('reads another clock through an offset', () => {
    const memory = new SeriesMemory('prometheus x');
    expect(times(memory.sample(reading(0.5, 10_000), subject, 1_000_000, 985_000))).toEqual([995_000, 995_000]);
  });

  it('forgets series that are gone', () => {
    const memory = new SeriesMemory('gpu x');
    for (let gpu = 0; gpu < 100; gpu++) memory.sample(reading(0.5, undefined, `GPU-${gpu}`), subject, 0);
    expect(memory.size).toBe(100);
    memory.sample(reading(0.5), subject, SeriesMemory.KEEP_MS + 1);
    expect(memory.size).toBe(1);
  });
});
