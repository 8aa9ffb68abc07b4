import { describe, expect, it } from 'vitest';
import { LoadlineError } from '../../../src/base/errors.ts';
import { seededRandom } from '../../../src/base/units/index.ts';
import type { PushClient } from '../../../src/edge/admin/index.ts';
import { Outbox } from '../../../src/edge/agent/outbox.ts';
import { PushLoop } from '../../../src/edge/agent/push-loop.ts';
import type { Push, PushAnswer } from '../../../src/edge/signals/index.ts';
import { FakeLog } from '../signals/fake-log.ts';
import { FakeTimers } from '../signals/fake-timers.ts';

const TAKEN: PushAnswer = { leaseMs: 15_000, refusals: [] };

/** A server that can be away, and that answers when it is told to. */
class World {
  readonly timers = new FakeTimers();
  readonly log = new FakeLog();
  readonly pushes: { readonly atMs: number; readonly push: Push }[] = [];
  connects: number[] = [];
  open = 0;
  away = false;
  answer: () => PushAnswer = () => TAKEN;
  #sec = 0;
  readonly loop: PushLoop;

  constructor(seed = 1, intervalMs = 1000) {
    const outbox = new Outbox();
    this.loop = new PushLoop({
      intervalMs,
      clock: this.timers.clock,
      random: seededRandom(seed),
      timers: this.timers,
      log: this.log,
      outbox,
      connect: () => this.#connect(),
      gather: () => {
        const nowMs = this.timers.nowMs;
        const about = {
          subject: { address: '10.0.0.1', port: 8000 },
          source: 'e',
          sampledAtMs: nowMs,
          changedAtMs: nowMs,
        };
        outbox.take([{ ...about, metric: 'runningRequests', value: this.#sec++ }]);
        return [];
      },
    });
    this.loop.start();
  }

  #connect(): PushClient {
    this.connects.push(this.timers.nowMs);
    this.open += 1;
    let closed = false;
    return {
      send: async (push) => {
        if (this.away) throw new LoadlineError('LOADLINE_ADMIN', 'the server ended the stream');
        this.pushes.push({ atMs: this.timers.nowMs, push });
        return this.answer();
      },
      close: () => {
        if (!closed) this.open -= 1;
        closed = true;
      },
    };
  }
}

describe('the push loop', () => {
  it('speaks once an interval, on one stream', async () => {
    const world = new World();
    await world.timers.advance(10_500);
    expect(world.connects).toHaveLength(1);
    expect(world.pushes.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 11 }, (_, i) => i * 1000));
    world.loop.stop();
    expect(world.open).toBe(0);
    await world.timers.advance(5000);
    expect(world.pushes).toHaveLength(11);
  });

  it('comes back after a while that grows, is jittered and ends at five seconds; and then sends everything', async () => {
    const world = new World();
    await world.timers.advance(2500);
    world.away = true;
    await world.timers.advance(120_000);
    const tries = world.connects.slice(1);
    const pauses = tries.slice(1).map((atMs, i) => atMs - (tries[i] as number));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5000);
    expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(2500);
    expect(new Set(pauses.map(Math.round)).size).toBeGreaterThan(5);
    expect(world.open).toBe(0);
    world.away = false;
    const before = world.pushes.length;
    await world.timers.advance(6000);
    expect(world.pushes[before]?.push.reports).toMatchObject([
      { readings: [{ metric: 'runningRequests' }], unchanged: [] },
    ]);
    expect(world.log.lines).toEqual([
      'warn | server cannot be reached | the server ended the stream',
      'info | server is reached again',
    ]);
  });

  it('does not come back in step with other agents', async () => {
    const worlds = [1, 2, 3, 4].map((seed) => new World(seed));
    for (const world of worlds) {
      world.away = true;
      await world.timers.advance(3000);
    }
    expect(new Set(worlds.map(({ connects }) => connects[1])).size).toBe(4);
  });

  it('tells once what is refused, and when it is taken again', async () => {
    const world = new World();
    let ageSec = 20;
    world.answer = () => ({
      leaseMs: undefined,
      refusals: [
        { subject: { pod: 'p' }, reason: 'Age', message: `read ${ageSec++}.0 s ago, where its lease is 15 s` },
      ],
    });
    await world.timers.advance(5500);
    world.answer = () => TAKEN;
    await world.timers.advance(3000);
    expect(world.log.lines).toEqual([
      'warn | server refuses a value | pod p: read 20.0 s ago, where its lease is 15 s',
      'info | server takes everything',
    ]);
  });

  it('warns where the lease would not outlive a lost message', async () => {
    const world = new World(1, 6000);
    await world.timers.advance(20_000);
    expect(world.log.lines).toEqual([
      'warn | the lease is too short for the interval: one lost message and values are unknown',
    ]);
  });
});
