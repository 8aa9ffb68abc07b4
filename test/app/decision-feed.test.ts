import { describe, expect, it } from 'vitest';
import { DecisionFeed } from '../../src/app/decision-feed.ts';
import { buildDecisionView } from '../../src/edge/observe/index.ts';
import { Fleet, fleetPolicy } from '../core/control/fleet.ts';

/** The feed after each second of traffic over three servers, the third of them slow. */
function fed(seconds: number): { readonly feed: DecisionFeed; readonly told: number; readonly vectors: Set<string> } {
  const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
  const feed = new DecisionFeed();
  const vectors = new Set<string>();
  let told = 0;
  let last = '';
  feed.watch(() => {
    told += 1;
  });
  for (let second = 0; second < seconds; second += 1) {
    fleet.run(1);
    const { plan, tick } = fleet.state;
    if (plan === undefined) throw new Error('no plan');
    feed.ticked({ plan, loads: fleet.loads, tick, atMs: fleet.nowMs });
    const weights = JSON.stringify(plan.decisions.chat?.endpoints.map(({ weight, health }) => [weight, health]));
    if (weights !== last) vectors.add(`${tick} ${weights}`);
    last = weights;
  }
  return { feed, told, vectors };
}

describe('the feed of decisions', () => {
  it('tells of each tick that changed a service, and of no other', () => {
    const { feed, told, vectors } = fed(60);
    expect(vectors.size).toBeGreaterThan(1);
    expect(told).toBe(vectors.size);
    expect(told).toBeLessThan(60);
    expect(feed.services()).toEqual(['chat']);
    expect(feed.newest('chat')?.turn).toBe(vectors.size);
  });

  it('has the sentence of each endpoint, of the tick that decided', () => {
    const now = fed(60).feed.newest('chat');
    if (now === undefined) throw new Error('nothing was decided');
    const { endpoints, atMs, tick } = buildDecisionView(undefined, now);
    expect(endpoints).toHaveLength(3);
    expect(endpoints.map(({ reason }) => reason)).toContainEqual(
      expect.stringMatching(/^aims at \d+ % less than an even share: /),
    );
    expect({ atMs, tick }).toEqual({ atMs: now.atMs, tick: now.tick });
  });

  it('forgets a service that the policy has no more, and tells of it', () => {
    const { feed } = fed(5);
    let told = 0;
    const unwatch = feed.watch(() => {
      told += 1;
    });
    const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
    fleet.run(1);
    const plan = { ...fleet.state.plan!, decisions: {} };
    feed.ticked({ plan, loads: {}, tick: 7, atMs: 7000 });
    expect({ told, services: feed.services() }).toEqual({ told: 1, services: [] });
    feed.ticked({ plan, loads: {}, tick: 8, atMs: 8000 });
    unwatch();
    feed.ticked({ plan: fleet.state.plan!, loads: {}, tick: 9, atMs: 9000 });
    expect(told).toBe(1);
  });
});
