import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../src/base/units/index.ts';
import { byService, type Heard } from '../../../src/core/control/by-service.ts';
import { stepLoad } from '../../../src/core/load/index.ts';
import type { Endpoint, LoadReport, Sample, Subject } from '../../../src/core/topology/index.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';

const SERVICES = ['chat', 'code', 'embed'];

describe('what came in, service by service', () => {
  it('lets each believe what it would believe of all of it', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = seededRandom(seed);
      const endpoints = new Map(SERVICES.map((service) => [service, membersOf(random, service)]));
      const all = {
        samples: Array.from({ length: 60 }, () => sampleOf(random)),
        reports: ['a', 'b', 'c'].map((nodeId) => reportOf(random, nodeId)),
      };
      const heard = byService(endpoints, all);
      for (const [service, members] of endpoints) {
        const of = (given: Heard) => {
          const options = { leastRequest: true };
          return stepLoad(undefined, { nowMs: START_MS, service, endpoints: members, presence: [], options, ...given });
        };
        expect(of({ ...all, ...heard(service) }), `seed ${seed}, ${service}`).toEqual(of(all));
      }
    }
  });

  it('leaves out what others are told, and is not looked through where there is one service alone', () => {
    const [one, other] = [endpoint(0), endpoint(1)];
    const sample = (subject: Subject): Sample => ({ ...sampleOf(seededRandom(1)), subject });
    const all = { samples: [sample(one), sample(other)], reports: [reportOf(seededRandom(1), 'a')] };
    const heard = byService(
      new Map([
        ['chat', [one]],
        ['code', [other]],
      ]),
      all,
    );
    expect(heard('chat').samples).toEqual([all.samples[0]]);
    expect(heard('code').samples).toEqual([all.samples[1]]);
    expect(heard('chat').reports[0]?.clusters.every(({ cluster }) => cluster === 'chat')).toBe(true);
    expect(byService(new Map([['chat', [one]]]), all)('chat')).toEqual(all);
  });
});

function pick<T>(random: Random, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)] as T;
}

/** Services share servers, pods and nodes, and some of their endpoints have neither pod nor node. */
function membersOf(random: Random, service: string): readonly Endpoint[] {
  return Array.from({ length: 6 }, (_, i) => endpoint(i)).flatMap((one, i) => {
    if (random() < 0.4) return [];
    const pod = random() < 0.5 ? { pod: `pod-${Math.floor(random() * 4)}` } : {};
    const node = random() < 0.5 ? { node: `node-${Math.floor(random() * 3)}` } : {};
    return [
      { ...one, ...pod, ...node, service, id: `${service}/gpu/${one.address}:${8000 + i}`, port: 8000 + (i % 2) },
    ];
  });
}

function sampleOf(random: Random): Sample {
  const { address } = endpoint(Math.floor(random() * 7));
  const sampledAtMs = START_MS - Math.floor(random() * 900);
  const subjects: readonly Subject[] = [
    { address, port: 8000 + Math.floor(random() * 2) },
    { address },
    { pod: `pod-${Math.floor(random() * 5)}`, node: `node-${Math.floor(random() * 4)}` },
    { node: `node-${Math.floor(random() * 4)}`, address },
    {},
  ];
  return {
    subject: pick(random, subjects),
    metric: pick(random, ['runningRequests', 'waitingRequests', 'gpuUtilRatio', 'generationTokensTotal']),
    value: random(),
    sampledAtMs,
    changedAtMs: sampledAtMs,
    source: 'test',
  };
}

function reportOf(random: Random, nodeId: string): LoadReport {
  return {
    nodeId,
    receivedAtMs: START_MS - 100,
    intervalMs: 1000,
    absentMeansIdle: random() < 0.5,
    clusters: SERVICES.filter(() => random() < 0.7).map((cluster) => ({
      cluster,
      endpoints: Array.from({ length: 6 }, (_, i) => {
        const count = (): number => Math.floor(random() * 5);
        const { address } = endpoint(i);
        return { address, port: 8000 + (i % 2), inProgress: count(), issued: count(), succeeded: count(), errors: 0 };
      }),
    })),
  };
}
