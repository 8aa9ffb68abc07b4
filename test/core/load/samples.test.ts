import { describe, expect, it } from 'vitest';
import { gatherSamples } from '../../../src/core/load/samples.ts';
import { indexEndpoints, type Metric, type Sample } from '../../../src/core/topology/index.ts';
import { endpoint, endpoints, START_MS } from '../weights/beliefs.ts';

function sample(metric: Metric, value: number, over: Partial<Sample> = {}, gpu?: string): Sample {
  const { address, port } = endpoint(0);
  const sampledAtMs = over.sampledAtMs ?? START_MS;
  return {
    subject: { address, port, ...(gpu === undefined ? {} : { gpu }) },
    metric,
    value,
    sampledAtMs,
    changedAtMs: sampledAtMs,
    source: 'test',
    ...over,
  };
}

const gather = (...samples: readonly Sample[]) => gatherSamples(samples, indexEndpoints(endpoints(2)), START_MS);
/** How many endpoints are heard of. */
const heard = (...samples: readonly Sample[]) => gather(...samples).filter((one) => one !== undefined).length;
const readings = (...samples: readonly Sample[]) => gather(...samples)[0]?.engine;
const gpus = (...samples: readonly Sample[]) => gather(...samples)[0]?.gpus;

describe('an engine reading', () => {
  it('is what one page says', () => {
    expect(
      readings(
        sample('runningRequests', 8),
        sample('waitingRequests', 2),
        sample('kvUsageRatio', 0.5),
        sample('maxRunningRequests', 24),
        sample('promptTokensTotal', 100),
        sample('generationTokensTotal', 50),
        sample('processStartTimeSeconds', 1000),
      ),
    ).toEqual([
      {
        atMs: START_MS,
        changedAtMs: START_MS,
        running: 8,
        waiting: 2,
        kvUsageRatio: 0.5,
        maxRunning: 24,
        promptTokens: 100,
        generationTokens: 50,
        processStartSec: 1000,
      },
    ]);
  });

  it('without running requests is none, and does without anything else', () => {
    expect(readings(sample('waitingRequests', 2))).toEqual([]);
    expect(readings(sample('runningRequests', 0))).toEqual([
      expect.objectContaining({ running: 0, waiting: 0, kvUsageRatio: null, generationTokens: null }),
    ]);
  });

  it('holds what is at most 100 ms apart; the rest is another one, oldest first', () => {
    const at = (ms: number) => ({ sampledAtMs: START_MS + ms });
    const all = readings(
      sample('runningRequests', 3, at(-399)),
      sample('runningRequests', 1, at(-1000)),
      sample('waitingRequests', 2, at(-900)),
      sample('runningRequests', 2, at(-500)),
      sample('waitingRequests', 5, at(-301)),
    );
    expect(all!.map(({ running, waiting, atMs }) => [running, waiting, atMs - START_MS])).toEqual([
      [1, 2, -900],
      [2, 0, -500],
      [3, 5, -301],
    ]);
  });

  it('takes the later of two values, and the newest change', () => {
    const [one] = readings(
      sample('runningRequests', 8, { changedAtMs: START_MS - 9000 }),
      sample('waitingRequests', 1, { changedAtMs: START_MS - 5000 }),
      sample('runningRequests', 9, { changedAtMs: START_MS - 7000 }),
    )!;
    expect(one).toMatchObject({ running: 9, changedAtMs: START_MS - 5000 });
  });

  it('has changed when it was taken, where its change is later or no time at all', () => {
    for (const changedAtMs of [START_MS + 1, Number.NaN, -1])
      expect(readings(sample('runningRequests', 8, { changedAtMs }))![0]!.changedAtMs).toBe(START_MS);
  });

  it('leaves out what cannot be', () => {
    for (const value of [-1, Number.NaN, Infinity, 1e7]) expect(heard(sample('runningRequests', value))).toBe(0);
    const least: readonly (readonly [Metric, number, number])[] = [
      ['waitingRequests', 0, 1e6],
      ['kvUsageRatio', 0, 1],
      ['maxRunningRequests', 1, 1e6],
      ['promptTokensTotal', 0, 1e15],
      ['generationTokensTotal', 0, 1e15],
      ['processStartTimeSeconds', 1, 9e9],
    ];
    for (const [metric, min, max] of least) {
      for (const value of [min, max]) expect(heard(sample(metric, value)), `${metric} ${value}`).toBe(1);
      for (const value of [min - 0.1, max * 1e7]) expect(heard(sample(metric, value)), metric).toBe(0);
    }
  });

  it('may be five seconds ahead, and no more', () => {
    expect(readings(sample('runningRequests', 1, { sampledAtMs: START_MS + 5000 }))).toHaveLength(1);
    expect(heard(sample('runningRequests', 1, { sampledAtMs: START_MS + 5001 }))).toBe(0);
    expect(heard(sample('runningRequests', 1, { sampledAtMs: -1 }))).toBe(0);
  });

  it('of another service, and metrics that the law does not use, are passed over', () => {
    const count = heard(
      sample('runningRequests', 1, { subject: { address: '10.9.9.9', port: 1 } }),
      sample('powerWatts', 300),
      sample('timeToFirstTokenSecondsSum', 3),
    );
    expect(count).toBe(0);
  });

  it('of another service leaves no trace between two of this one', () => {
    const stranger = sample('runningRequests', 99, { subject: { address: '10.9.9.9', port: 1 } });
    const all = gather(sample('runningRequests', 1), stranger, sample('waitingRequests', 2));
    expect(Object.keys(all)).toEqual(['0', '1']);
    expect(all[0]!.engine).toMatchObject([{ running: 1, waiting: 2 }]);
  });
});

describe('a GPU', () => {
  it('has its utilisation and its clock, each with its time', () => {
    expect(
      gpus(
        sample('gpuUtilRatio', 0.4, { sampledAtMs: START_MS - 200 }, 'GPU-a'),
        sample('smClockHertz', 1.9e9, { sampledAtMs: START_MS - 100 }, 'GPU-a'),
        sample('gpuUtilRatio', 0.6, {}, 'GPU-b'),
      ),
    ).toEqual([
      {
        gpu: 'GPU-a',
        whole: true,
        utilRatio: 0.4,
        utilAtMs: START_MS - 200,
        clockHertz: 1.9e9,
        clockAtMs: START_MS - 100,
      },
      { gpu: 'GPU-b', whole: true, utilRatio: 0.6, utilAtMs: START_MS, clockHertz: null, clockAtMs: 0 },
    ]);
    expect(gpus(sample('gpuUtilRatio', 0.4))![0]!.gpu).toBe('');
    expect(gather(sample('gpuUtilRatio', 0.4))[0]!.engine).toEqual([]);
  });

  it('is not whole where its source says so', () => {
    expect(gpus(sample('gpuUtilRatio', 0.4, { device: 'Partitioned' }))![0]!.whole).toBe(false);
    expect(gpus(sample('gpuUtilRatio', 0.4, { device: 'Whole' }))![0]!.whole).toBe(true);
  });

  it('takes the newest of each, whatever their order', () => {
    const old = { sampledAtMs: START_MS - 500 };
    expect(gpus(sample('gpuUtilRatio', 0.4), sample('gpuUtilRatio', 0.9, old))![0]!.utilRatio).toBe(0.4);
    expect(gpus(sample('gpuUtilRatio', 0.9, old), sample('gpuUtilRatio', 0.4))![0]!.utilRatio).toBe(0.4);
    expect(gpus(sample('smClockHertz', 2e9), sample('smClockHertz', 1e9, old))![0]!.clockHertz).toBe(2e9);
    expect(gpus(sample('smClockHertz', 1e9, old), sample('smClockHertz', 2e9))![0]!.clockHertz).toBe(2e9);
    expect(gpus(sample('smClockHertz', 1e9), sample('smClockHertz', 2e9))![0]!.clockHertz).toBe(2e9);
  });

  it('has the classic utilisation, where both names come at one instant', () => {
    const [classic, active] = [sample('gpuUtilRatio', 0.4), sample('gpuEngineActiveRatio', 0.6)];
    expect(gpus(classic, active)![0]!.utilRatio).toBe(0.4);
    expect(gpus(active, classic)![0]!.utilRatio).toBe(0.4);
    expect(gpus(active)![0]!.utilRatio).toBe(0.6);
  });

  it('tells of its XIDs and of its throttling by several metrics of one page', () => {
    const [last, recent] = [sample('xidCode', 79), sample('recentXidCode', 48)];
    const codes = { code: 79, recentCode: 48, atMs: START_MS };
    expect(gpus(last, recent)![0]!.xid).toEqual(codes);
    expect(gpus(recent, last)![0]!.xid).toEqual(codes);
    const [share, seconds, count] = [
      sample('throttleRatio', 0.5),
      sample('throttledSecondsTotal', 12),
      sample('recentThrottleCount', 3),
    ];
    const all = { ratio: 0.5, totalSec: 12, recentCount: 3, atMs: START_MS };
    for (const page of [
      [share, seconds, count],
      [count, seconds, share],
    ])
      expect(gpus(...page)![0]!.throttle).toEqual(all);
    expect(gpus(share)![0]!.throttle).toEqual({ ratio: 0.5, atMs: START_MS });
    expect(gpus(seconds)![0]!.throttle).toEqual({ totalSec: 12, atMs: START_MS });
    expect(gpus(count)![0]!.throttle).toEqual({ recentCount: 3, atMs: START_MS });
  });

  it('is not told of its XIDs and its throttling by what is older', () => {
    const old = { sampledAtMs: START_MS - 500 };
    const pairs: readonly (readonly [Metric, 'xid' | 'throttle', string])[] = [
      ['xidCode', 'xid', 'code'],
      ['recentXidCode', 'xid', 'recentCode'],
      ['throttleRatio', 'throttle', 'ratio'],
      ['throttledSecondsTotal', 'throttle', 'totalSec'],
      ['recentThrottleCount', 'throttle', 'recentCount'],
    ];
    for (const [metric, of, field] of pairs) {
      const newest = { [field]: 1, atMs: START_MS };
      expect(gpus(sample(metric, 1), sample(metric, 0, old))![0]![of], metric).toEqual(newest);
      expect(gpus(sample(metric, 0, old), sample(metric, 1))![0]![of], metric).toEqual(newest);
    }
    const conflict = gpus(sample('gpuUtilRatio', 1.4), sample('gpuUtilRatio', 1.5, old))![0]!.utilConflict;
    expect(conflict).toEqual({ value: 1.4, atMs: START_MS });
  });

  it('has the shortest lease of what one page says of it, and an engine too', () => {
    const page = [
      sample('gpuUtilRatio', 0.4, { leaseMs: 3000 }),
      sample('smClockHertz', 1e9, { leaseMs: 2000 }),
      sample('xidCode', 0, { leaseMs: 4000 }),
    ];
    expect(gpus(...page)![0]!.leaseMs).toBe(2000);
    expect(gpus(sample('gpuUtilRatio', 0.4))![0]).not.toHaveProperty('leaseMs');
    const [read] = readings(
      sample('runningRequests', 1, { leaseMs: 3000 }),
      sample('waitingRequests', 1, { leaseMs: 2000 }),
    )!;
    expect(read!.leaseMs).toBe(2000);
    for (const leaseMs of [-1, Number.NaN, 3_600_001])
      expect(gpus(sample('gpuUtilRatio', 0.4, { leaseMs }))![0]).not.toHaveProperty('leaseMs');
    for (const leaseMs of [0, 3_600_000])
      expect(gpus(sample('gpuUtilRatio', 0.4, { leaseMs }))![0]!.leaseMs).toBe(leaseMs);
  });

  it('leaves out what cannot be', () => {
    const bounds: readonly (readonly [Metric, number, number])[] = [
      ['gpuUtilRatio', 0, 1],
      ['gpuEngineActiveRatio', 0, 1],
      ['smClockHertz', 1e6, 1e10],
      ['xidCode', 0, 1e4],
      ['recentXidCode', 0, 1e4],
      ['throttleRatio', 0, 1],
      ['throttledSecondsTotal', 0, 1e9],
      ['recentThrottleCount', 0, 1e6],
    ];
    for (const [metric, min, max] of bounds) {
      for (const value of [min, max]) expect(heard(sample(metric, value)), `${metric} ${value}`).toBe(1);
      for (const value of [min - 1, max * 1e7]) expect(heard(sample(metric, value)), metric).toBe(0);
    }
  });

  it('overshoots to 1, and is in conflict beyond 1.05, which is no blank', () => {
    expect(gpus(sample('gpuUtilRatio', 1.04))![0]).toMatchObject({ utilRatio: 1 });
    expect(gpus(sample('gpuUtilRatio', 1.06))![0]).toMatchObject({
      utilRatio: null,
      utilConflict: { value: 1.06, atMs: START_MS },
    });
    const kv = (value: number) => readings(sample('runningRequests', 8), sample('kvUsageRatio', value))![0]!;
    expect(kv(1.02)).toMatchObject({ kvUsageRatio: 1 });
    expect(kv(1.06)).toMatchObject({ kvUsageRatio: null, kvConflict: 1.06 });
    for (const blank of [2 ** 31 - 16, 2 ** 47, -1, Number.NaN]) {
      expect(heard(sample('gpuUtilRatio', blank))).toBe(0);
      expect(kv(blank)).not.toHaveProperty('kvConflict');
    }
  });
});
