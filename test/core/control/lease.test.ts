import { describe, expect, it } from 'vitest';
import { endpointNotes } from '../../../src/core/control/index.ts';
import type { EndpointLoad } from '../../../src/core/load/index.ts';
import type { Metric, Sample } from '../../../src/core/topology/index.ts';
import { endpointId } from '../../../src/core/topology/index.ts';
import { Fleet, fleetPolicy, weightsOf } from './fleet.ts';

const LEASE_MS = 15_000;
const SERVERS = [1, 2, 3];

/** One page of each engine, as an agent pushed it: the third has more in hand and does no more. */
function pushed(atMs: number, of: Partial<Sample> = {}, servers: readonly number[] = SERVERS): readonly Sample[] {
  return servers.flatMap((server) => {
    const values: readonly (readonly [Metric, number])[] = [
      ['runningRequests', server === 3 ? 8 : 3],
      ['waitingRequests', 0],
      ['generationTokensTotal', atMs % 1e9],
    ];
    return values.map(
      ([metric, value]): Sample => ({
        subject: { address: `10.0.0.${server}`, port: 8000 },
        metric,
        value,
        sampledAtMs: atMs,
        changedAtMs: atMs,
        source: 'push a',
        ...of,
      }),
    );
  });
}

/** Ticks once a second; the agent speaks every `everySec` seconds until `untilSec`. */
class Pushed {
  readonly fleet = new Fleet(fleetPolicy(), [9, 9, 9]);
  #sec = 0;

  run(seconds: number, options: { everySec?: number; speaking?: readonly number[]; leaseMs?: number } = {}): void {
    const { everySec = 1, speaking = SERVERS, leaseMs = LEASE_MS } = options;
    for (let i = 0; i < seconds; i++, this.#sec++) {
      this.fleet.nowMs += 1000;
      const samples = this.#sec % everySec === 0 ? pushed(this.fleet.nowMs - 200, { leaseMs }, speaking) : [];
      this.fleet.tick({ samples });
    }
  }

  notes(server: number): readonly string[] {
    return endpointNotes(this.fleet.state, this.fleet.loads.chat!).get(this.belief(server).id)!;
  }

  belief(server: number): EndpointLoad {
    const id = endpointId('chat', 'gpu', `10.0.0.${server}`, 8000);
    return this.fleet.loads.chat?.endpoints.find((one) => one.id === id) as EndpointLoad;
  }

  get weights(): readonly number[] {
    return weightsOf(this.fleet.state.plan as NonNullable<Fleet['state']['plan']>);
  }
}

describe('what an agent pushes', () => {
  it('moves weights with nothing scraped and no load report', () => {
    const world = new Pushed();
    world.run(30);
    expect(world.belief(3)).toMatchObject({ engine: 'Fresh', running: 8, capacitySource: 'Engine' });
    expect(world.weights[2]).toBeLessThan(world.weights[0] as number);
  });

  it('is unknown once its lease is over, and never idle: beliefs and weights stand', () => {
    const world = new Pushed();
    // It speaks every 20 s, longer than its lease: without the lease its usual pace would keep it fresh in between.
    world.run(121, { everySec: 20 });
    expect(world.belief(1)).toMatchObject({ engine: 'Fresh', running: 3 });
    world.run(14, { speaking: [], everySec: 20 });
    expect(world.belief(1).engine).toBe('Fresh');
    const { weights } = world;
    world.run(2, { speaking: [], everySec: 20 });
    for (const server of SERVERS) {
      expect(world.belief(server)).toMatchObject({ engine: 'Stale', capacitySource: 'None' });
      expect(world.belief(server).running, 'unknown, and not 0').toBeUndefined();
      expect(world.belief(server).inFlight).toBe(server === 3 ? 8 : 3);
      expect(world.notes(server).join()).toMatch(/engine metrics are 1\d s old: beliefs are held/);
    }
    world.run(20, { speaking: [] });
    expect(world.weights).toEqual(weights);
    expect(world.fleet.state.plan?.decisions.chat?.outcome).toBe('HeldNoSignal');
  });

  it('is known again with the next word', () => {
    const world = new Pushed();
    world.run(20);
    world.run(20, { speaking: [] });
    expect(world.belief(2).engine).toBe('Stale');
    world.run(1);
    expect(world.belief(2)).toMatchObject({ engine: 'Fresh', running: 3 });
  });

  it('leaves the others alone when it falls silent about one', () => {
    const world = new Pushed();
    world.run(20);
    world.run(20, { speaking: [1, 2] });
    expect([1, 2, 3].map((server) => world.belief(server).engine)).toEqual(['Fresh', 'Fresh', 'Stale']);
  });

  it('of a GPU is unknown by its lease too, where that is shorter than what GPUs are believed for', () => {
    const world = new Pushed();
    const gpu = (leaseMs: number): readonly Sample[] =>
      SERVERS.map((server) => ({
        subject: { address: `10.0.0.${server}`, port: 8000, gpu: `GPU-${server}` },
        metric: 'gpuUtilRatio',
        value: 0.5,
        sampledAtMs: world.fleet.nowMs,
        changedAtMs: world.fleet.nowMs,
        source: 'push a',
        leaseMs,
      }));
    const believedAfter = (sec: number, leaseMs: number): number | undefined => {
      world.fleet.nowMs += 60_000;
      world.fleet.tick({ samples: gpu(leaseMs) });
      world.fleet.nowMs += sec * 1000;
      world.fleet.tick();
      return world.belief(1).gpuUtilRatio;
    };
    expect([1, 2, 3].map((sec) => believedAfter(sec, 2000))).toEqual([0.5, 0.5, undefined]);
    expect([5, 6].map((sec) => believedAfter(sec, LEASE_MS))).toEqual([0.5, undefined]);
  });
});

describe('a device that two sources speak of', () => {
  it('is what the newest reading says, whoever brought it last', () => {
    const world = new Pushed();
    const said = (value: number, ageMs: number, source: string): Sample => ({
      subject: { address: '10.0.0.1', port: 8000, gpu: 'GPU-1' },
      metric: 'gpuUtilRatio',
      value,
      sampledAtMs: world.fleet.nowMs - ageMs,
      changedAtMs: world.fleet.nowMs - ageMs,
      source,
    });
    world.fleet.tick({ samples: [said(0.9, 100, 'push a')] });
    world.fleet.nowMs += 1000;
    world.fleet.tick({ samples: [said(0.2, 4000, 'prometheus')] });
    expect(world.belief(1).gpuUtilRatio).toBe(0.9);
    world.fleet.nowMs += 1000;
    world.fleet.tick({ samples: [said(0.3, 100, 'prometheus')] });
    expect(world.belief(1).gpuUtilRatio).toBe(0.3);
  });
});
