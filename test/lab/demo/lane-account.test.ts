import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LaneAccount } from '../../../src/lab/demo/lane-account.ts';
import { RecentLatency } from '../../../src/lab/demo/recent-latency.ts';
import type { RequestOutcome } from '../../../src/lab/traffic/index.ts';

const phases = [
  { name: 'warmUp', fromMs: Number.NEGATIVE_INFINITY, toMs: 0 },
  { name: 'steady', fromMs: 0, toMs: 100 },
  { name: 'slowed', fromMs: 100, toMs: Number.POSITIVE_INFINITY },
];

function outcome(part: Partial<RequestOutcome>): RequestOutcome {
  return {
    lane: 'loadline',
    arrival: { atMs: 0, promptTokens: 1, outputTokens: 1 },
    endToEndMs: 900,
    tokens: 10,
    ...part,
  };
}

describe('the account of a lane', () => {
  it('gives a request to the phase in which it was due', () => {
    const account = new LaneAccount(phases, 500);
    for (const dueAtMs of [-3000, -1, 0, 99.9, 100, 5000]) account.record(outcome({ firstTokenMs: 20 }), dueAtMs);
    expect(account.phases.map(({ account: { requests } }) => requests)).toEqual([2, 2, 2]);
    expect(account.requests).toBe(6);
    expect(account.together(0).requests).toBe(4);
    expect(account.tokens).toBe(60);
  });

  it('calls good what came whole and in time, the bound included', () => {
    const account = new LaneAccount(phases, 500);
    account.record(outcome({ firstTokenMs: 500 }), 1);
    account.record(outcome({ firstTokenMs: 500.1 }), 1);
    account.record(outcome({ firstTokenMs: 20, failure: { kind: 'StreamReset', detail: 'ECONNRESET' } }), 1);
    account.record(outcome({ failure: { kind: 'Status', detail: '503' } }), 1);
    expect(account.together(0).goodputRatio).toBe(0.25);
    expect(account.clientErrors).toBe(2);
    expect(account.streamsReset).toBe(1);
    expect([...account.failures]).toEqual([
      ['StreamReset ECONNRESET', 1],
      ['Status 503', 1],
    ]);
  });

  it('counts an error of the warm-up too', () => {
    const account = new LaneAccount(phases, 500);
    account.record(outcome({ failure: { kind: 'Connection', detail: 'ECONNREFUSED' } }), -5);
    expect(account.clientErrors).toBe(1);
    expect(account.together(0).requests).toBe(0);
    expect(account.together(0).goodputRatio).toBe(1);
  });

  it('has as the whole what counting all requests by hand gives', () => {
    const request = fc.record({
      dueAtMs: fc.integer({ min: 0, max: 300 }),
      firstTokenMs: fc.integer({ min: 1, max: 1500 }),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 80 }), (requests) => {
        const account = new LaneAccount(phases, 500);
        for (const { dueAtMs, firstTokenMs } of requests) account.record(outcome({ firstTokenMs }), dueAtMs);
        const good = requests.filter(({ firstTokenMs }) => firstTokenMs <= 500).length;
        expect(account.together(0).goodputRatio).toBeCloseTo(good / requests.length, 9);
        expect(account.together(0).firstTokenMs.maxMs).toBe(
          Math.max(...requests.map(({ firstTokenMs }) => firstTokenMs)),
        );
      }),
    );
  });
});

describe('recent latencies', () => {
  it('are those of the last ten seconds, and none when there was none', () => {
    const recent = new RecentLatency();
    recent.record(-500, 5000);
    recent.record(4000, 100);
    expect(recent.percentilesMs(5000).p99).toBeGreaterThan(4900);
    expect(recent.percentilesMs(12_000).p99).toBeLessThan(102);
    expect(recent.percentilesMs(14_000)).toEqual({ p50: undefined, p99: undefined });
  });

  it('do not grow with time', () => {
    const recent = new RecentLatency();
    for (let second = 0; second < 1000; second += 1) recent.record(second * 1000, second);
    expect(recent.percentilesMs(999_000).p50).toBeGreaterThan(985);
  });
});
