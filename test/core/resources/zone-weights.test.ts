import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssignmentEncoder, type JsonObject } from '../../../src/base/codec/index.ts';
import type { Plan } from '../../../src/core/control/index.ts';
import type { ModelService } from '../../../src/core/policy/index.ts';
import {
  checkResource,
  compileAssignments,
  compileEndpointsOnly,
  compileStructure,
} from '../../../src/core/resources/index.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';
import type { ByZone, ZoneBalance } from '../../../src/core/zones/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const loadBalancer = { ...aService('chat').loadBalancer, trafficDistribution: 'PreferSameZone' as const };

function preferring(over: Partial<ModelService> = {}): ModelService {
  return aService('chat', { loadBalancer, ...over });
}

function planOf(service: ModelService, endpoints: readonly Endpoint[], chat?: ZoneBalance): Plan {
  const weights = Object.fromEntries(endpoints.map(({ id }) => [id, 1000]));
  const plan = aPlan(aPolicy([service]), { chat: endpoints }, weights, ['n']);
  return chat === undefined ? plan : { ...plan, zones: { chat } };
}

function compiled(plan: Plan, zone?: string) {
  const group = aGroup(plan.policy.services);
  return compileAssignments(plan, group, new AssignmentEncoder(), zone);
}

/** Weight of each zone by priority, of one cluster. */
function weightsFor(plan: Plan, zone: string | undefined, cluster = 'chat'): readonly ByZone[] {
  const localities = at(messageOf(compiled(plan, zone), 'endpoint', cluster), 'endpoints') as readonly JsonObject[];
  const priorities: Record<string, number>[] = [];
  for (const one of localities) {
    const priority = Number(one.priority ?? 0);
    priorities[priority] ??= {};
    (priorities[priority] as Record<string, number>)[String(at(one, 'locality.zone') ?? '')] = Number(
      one.load_balancing_weight,
    );
  }
  return priorities;
}

const FOUR = ['a', 'a', 'b', 'b'].map((zone, i) => anEndpoint('chat', 9101 + i, { zone }));

describe('the assignment of a zone', () => {
  const crowded = { demand: { a: 0.75, b: 0.25 }, capacity: { gpu: { a: 0.5, b: 0.5 } } };

  it('keeps at home what has room there, and never lets go of the other zones', () => {
    const plan = planOf(preferring(), FOUR, crowded);
    expect(weightsFor(plan, 'a')).toEqual([{ a: 6667, b: 3333 }]);
    expect(weightsFor(plan, 'b')).toEqual([{ a: 1, b: 10_000 }]);
    expect(weightsFor(plan, '')).toEqual([{ a: 1, b: 10_000 }]);
    expect(weightsFor(plan, 'unheard of')).toEqual(weightsFor(plan, ''));
    for (const resource of compiled(plan, 'a')) expect(checkResource(resource)).toEqual([]);
  });

  it('leaves the weights of the servers to the law', () => {
    const plan = planOf(preferring(), FOUR, crowded);
    const [a, b] = ['a', 'b'].map((zone) => messageOf(compiled(plan, zone), 'endpoint', 'chat')) as [
      JsonObject,
      JsonObject,
    ];
    expect(at(a, 'endpoints.0.lb_endpoints')).toEqual(at(b, 'endpoints.0.lb_endpoints'));
    expect(a.policy).toEqual(b.policy);
  });

  it('has a weight for every zone before anything is known: without one Envoy would send nothing there', () => {
    expect(weightsFor(planOf(preferring(), FOUR), 'a')).toEqual([{ a: 10_000, b: 1 }]);
    expect(weightsFor(planOf(preferring(), FOUR), undefined)).toEqual([{ a: 5000, b: 5000 }]);
  });

  it('makes good what Envoy takes off a zone for servers that drain, whom the law has counted out already', () => {
    const [first, ...others] = FOUR as [Endpoint, ...Endpoint[]];
    const draining = [{ ...first, lifecycle: 'Draining' as const }, ...others];
    const plan = planOf(preferring(), draining, { demand: { a: 1 }, capacity: { gpu: { a: 0.4, b: 0.6 } } });
    // Envoy counts zone a for 1.4 x 1/2.
    expect(weightsFor(plan, 'a')).toEqual([{ a: Math.round(4000 / 0.7), b: 6000 }]);
  });

  it('divides each tier by itself, and each cluster of a fixed split', () => {
    const pools = ['core', 'spare'];
    const members = FOUR.map((one, i) => ({ ...one, id: `chat/${pools[i % 2]}/${i}`, pool: pools[i % 2] as string }));
    const balance = { demand: { a: 0.5, b: 0.5 }, capacity: { core: { a: 0.25, b: 0.75 }, spare: { a: 0.8, b: 0.2 } } };
    const tiers = { kind: 'Tiers', tiers: [['core'], ['spare']], failover: { returnAfterMs: 60_000 } } as const;
    expect(weightsFor(planOf(preferring({ split: tiers }), members, balance), 'a')).toEqual([
      { a: 5000, b: 5000 },
      { a: 10_000, b: 1 },
    ]);
    const origin = aService('chat').origin;
    const poolsOf = pools.map((name) => ({
      name,
      origin,
      capacityType: 'OnDemand' as const,
      endpoints: { kind: 'Static' as const, endpoints: [] },
      signals: {},
    }));
    const fixed = preferring({ pools: poolsOf, split: { kind: 'Fixed', weights: { core: 3, spare: 1 } } });
    const plan = planOf(fixed, members, balance);
    expect(weightsFor(plan, 'a', 'chat/core')[0]).toEqual({ a: 5000, b: 5000 });
    expect(weightsFor(plan, 'a', 'chat/spare')[0]).toEqual({ a: 10_000, b: 1 });
  });

  it('gives every zone the part that the law wants, within a thousandth, whoever asks', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 3, maxLength: 3 }).map((values) => {
      const sum = values.reduce((all, one) => all + one, 0);
      return Object.fromEntries(['a', 'b', 'c'].map((zone, i) => [zone, (values[i] as number) / sum]));
    });
    const six = ['a', 'a', 'b', 'b', 'c', 'c'].map((zone, i) => anEndpoint('chat', 9101 + i, { zone }));
    fc.assert(
      fc.property(parts, parts, (demand, capacity) => {
        const plan = planOf(preferring(), six, { demand, capacity: { gpu: capacity } });
        const got: Record<string, number> = { a: 0, b: 0, c: 0 };
        let home = 0;
        for (const [zone, part] of Object.entries(demand)) {
          const weights = weightsFor(plan, zone)[0] as ByZone;
          const sum = Object.values(weights).reduce((all, one) => all + one, 0);
          for (const [to, weight] of Object.entries(weights)) got[to] = (got[to] ?? 0) + (part * weight) / sum;
          home += (part * (weights[zone] as number)) / sum;
        }
        for (const [zone, share] of Object.entries(capacity))
          expect(Math.abs((got[zone] ?? 0) - share)).toBeLessThan(1e-3);
        const most = ['a', 'b', 'c'].reduce((all, zone) => all + Math.min(demand[zone] ?? 0, capacity[zone] ?? 0), 0);
        expect(most - home).toBeLessThan(1e-3);
      }),
      { numRuns: 100 },
    );
  });
});

describe('who is not asked about zones', () => {
  it('is a service without the preference: its bytes are those of ever', () => {
    const plain = planOf(aService('chat'), FOUR);
    const versions = (zone?: string) => compiled(plain, zone).map(({ version }) => version);
    expect(versions('a')).toEqual(versions());
    expect(weightsFor(plain, 'a')).toEqual([{ a: Number.NaN, b: Number.NaN }]);
  });

  it('is an Envoy with clusters of its own: whether they weigh localities is not known', () => {
    const plan = planOf(preferring(), FOUR, { demand: { a: 1 }, capacity: { gpu: { a: 0.5, b: 0.5 } } });
    const message = messageOf(compileEndpointsOnly(plan, undefined, new AssignmentEncoder()), 'endpoint', 'chat');
    expect(at(message, 'endpoints.0.load_balancing_weight')).toBeUndefined();
  });
});

describe('the cluster', () => {
  it.each([
    'LeastRequest',
    'RoundRobin',
  ] as const)('of a preferring service chooses a zone by its weight: %s', (type) => {
    const policy = aPolicy([preferring({ loadBalancer: { ...loadBalancer, type } })]);
    const options = { release: '1.36', listenerOverrides: {}, sidecars: 1 };
    const resources = compileStructure(policy, policy.groups[0] as NonNullable<(typeof policy.groups)[0]>, options);
    const policies = at(messageOf(resources, 'cluster', 'chat'), 'load_balancing_policy.policies.0');
    expect(at(policies as JsonObject, 'typed_extension_config.typed_config.locality_lb_config')).toEqual({
      locality_weighted_lb_config: {},
    });
    // A dead zone is given up as a whole, however many of all servers are in it.
    expect(at(messageOf(resources, 'cluster', 'chat'), 'outlier_detection.max_ejection_percent')).toBe(100);
    for (const resource of resources) expect(checkResource(resource)).toEqual([]);
  });
});
