import { describe, expect, it } from 'vitest';
import { beliefEvents } from '../../../src/core/control/belief-events.ts';
import { type ControlState, INITIAL_STATE, type TickOutput, tick } from '../../../src/core/control/index.ts';
import { groupSamples, ungroupSamples } from '../../../src/core/control/recording/sample-groups.ts';
import { restoreState } from '../../../src/core/control/restore.ts';
import { whyUnusable } from '../../../src/core/control/usable-state.ts';
import type { LoadReport, Sample } from '../../../src/core/topology/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { loaded } from '../policy/load.ts';

const SPLIT =
  '  split: { mode: Failover, tiers: [[core], [spare]], failover: { firstTokenP95Above: 2s, returnAfter: 60s } }\n  signals: { engine: {} }\n';
const policy = loaded(
  poolsPolicy(
    [
      { name: 'core', ports: [1] },
      { name: 'spare', ports: [2], lines: '      maxRunningRequests: 64\n' },
    ],
    SPLIT,
  ),
);
const endpointSets = staticEndpointSets(policy);
const PER_SEC = 10;

/** One core server whose first tokens take so long, and what the sidecar has open: two seconds of requests. */
class World {
  state: ControlState = INITIAL_STATE;
  nowMs = 1_800_000_000_000;
  firstTokenSec = 0.2;
  events: string[] = [];
  out: TickOutput | undefined;
  #fast = 0;
  #all = 0;

  seconds(count: number): TickOutput {
    for (let i = 0; i < count; i += 1) {
      this.nowMs += 1000;
      this.#all += PER_SEC;
      if (this.firstTokenSec <= 1) this.#fast += PER_SEC;
      const out = tick(this.state, {
        nowMs: this.nowMs,
        policy,
        endpointSets,
        samples: this.samples(),
        reports: [this.#report()],
        presence: [],
      });
      this.events.push(...beliefEvents(this.state, out).map(({ kind, message }) => `${kind} ${message}`));
      this.state = out.state;
      this.out = out;
    }
    return this.out as TickOutput;
  }

  samples(): readonly Sample[] {
    const page = { subject: { address: '127.0.0.1', port: 1 }, source: 'engine', sampledAtMs: this.nowMs };
    const times = { ...page, changedAtMs: this.nowMs };
    return [
      { ...times, metric: 'runningRequests', value: 20 },
      {
        ...times,
        metric: 'timeToFirstTokenSecondsCount',
        value: this.#all,
        buckets: [
          [1, this.#fast],
          [2.5, this.#fast],
          [5, this.#all],
        ],
      },
    ];
  }

  #report(): LoadReport {
    const away = (this.state.plan?.failovers?.chat?.percent ?? 0) / 100;
    const endpoints = [1 - away, away].map((part, i) => ({
      address: '127.0.0.1',
      port: i + 1,
      inProgress: 20 * part,
      issued: PER_SEC * part,
      succeeded: PER_SEC * part,
      errors: 0,
    }));
    return {
      nodeId: 'a',
      receivedAtMs: this.nowMs,
      intervalMs: 1000,
      absentMeansIdle: true,
      clusters: [{ cluster: 'chat', endpoints }],
    };
  }
}

function shares({ plan }: TickOutput): readonly number[] {
  return (plan.decisions.chat?.endpoints ?? []).map(({ share }) => Math.round(share * 100));
}

describe('failover in a tick', () => {
  it('is in the plan while a tier is given up, in the shares, and on the timeline', () => {
    const world = new World();
    const before = world.seconds(20);
    expect(before.plan).not.toHaveProperty('failovers');
    expect(shares(before)).toEqual([100, 0]);
    world.firstTokenSec = 4;
    const away = world.seconds(40);
    expect(away.plan.failovers).toEqual({ chat: { from: 0, to: 1, percent: 100 } });
    expect(away.plan.sequence).toBeGreaterThan(before.plan.sequence);
    expect(shares(away)).toEqual([0, 100]);
    world.firstTokenSec = 0.2;
    const back = world.seconds(150);
    expect(back.plan).not.toHaveProperty('failovers');
    expect(shares(back)).toEqual([100, 0]);
    expect(world.events).toEqual([
      expect.stringMatching(/^TierGivenUp .*core is slow, first token p95 \d\.\d\d s of \d+ requests, limit 2 s/),
      expect.stringMatching(/^TierReturns core has its requests back step by step/),
    ]);
  });

  it('goes on after a restart, also of a machine whose clock was set back', () => {
    const world = new World();
    world.seconds(20);
    world.firstTokenSec = 4;
    world.seconds(10);
    expect(world.state.failover?.chat?.phase).toBe('Away');
    const stored = JSON.parse(JSON.stringify(world.state)) as ControlState;
    expect(whyUnusable(stored, policy, endpointSets, [], world.nowMs)).toBeUndefined();
    world.nowMs -= 3_600_000;
    world.state = restoreState(stored, world.nowMs);
    const out = world.seconds(20);
    expect(out.state.failover?.chat).toMatchObject({ phase: 'Away', percent: 100 });
    expect(out.state.failover?.chat?.measured[0]?.requests).toBeGreaterThan(200);
  });

  it('is not gone on with from a checkpoint that somebody has edited', () => {
    const world = new World();
    world.seconds(5);
    const chat = { ...world.state.failover?.chat, phase: 'Away', holdSec: 60, wanted: 'much' } as never;
    expect(whyUnusable({ ...world.state, failover: { chat } }, policy, endpointSets, [], world.nowMs)).toMatch(
      /a tick fails with it|is no finite number/,
    );
  });

  it('can be replayed: a recording keeps the histograms', () => {
    const world = new World();
    world.seconds(3);
    const samples = world.samples();
    expect(ungroupSamples(JSON.parse(JSON.stringify(groupSamples(samples))))).toEqual(samples);
  });
});
