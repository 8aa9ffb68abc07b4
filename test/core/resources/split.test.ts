import { describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../../src/base/codec/index.ts';
import type { ModelService, Pool, Split } from '../../../src/core/policy/index.ts';
import {
  checkResource,
  compileAssignments,
  compileRuntime,
  compileStructure,
} from '../../../src/core/resources/index.ts';
import { endpointId } from '../../../src/core/topology/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from './build-policy.ts';
import { at, fingerprint, messageOf } from './read-resource.ts';

const OPTIONS = { release: '1.40', listenerOverrides: {} };

function chat(split: Split, revisions: Readonly<Record<string, string>> = {}): ModelService {
  const pools = ['a', 'b', 'c'].map((name): Pool => {
    const modelRevision = revisions[name];
    return {
      name,
      origin: { file: 'policy.yaml', line: 1, column: 1 },
      capacityType: 'OnDemand',
      endpoints: { kind: 'Static', endpoints: [] },
      signals: {},
      ...(modelRevision === undefined ? {} : { modelRevision }),
    };
  });
  return aService('chat', { pools, split });
}

function fixed(a: number, b: number, c: number): Split {
  return { kind: 'Fixed', weights: { a, b, c } };
}

const inPool = (pool: string, port: number) =>
  anEndpoint('chat', port, { pool, id: endpointId('chat', pool, '127.0.0.1', port) });
const [a1, a2, b1, c1] = [inPool('a', 9101), inPool('a', 9102), inPool('b', 9201), inPool('c', 9301)];
const endpoints = { chat: [a1, a2, b1, c1] };

describe('a fixed split', () => {
  it('is a cluster for each pool, and weighted clusters in the route whose real weights are runtime values', () => {
    const service = chat(fixed(5, 3, 2));
    const [policy, group] = [aPolicy([service]), aGroup([service])];
    const structure = compileStructure(policy, group, OPTIONS);
    expect(messageOf(structure, 'cluster', 'chat/a')).toMatchObject({ name: 'chat/a' });
    expect(at(messageOf(structure, 'route', 'models'), 'virtual_hosts.0.routes.1.route.weighted_clusters')).toEqual({
      clusters: ['chat/a', 'chat/b', 'chat/c'].map((name) => ({ name, weight: 1 })),
      runtime_key_prefix: 'loadline.split.chat',
    });
    expect(at(messageOf(compileRuntime(policy, group), 'runtime', 'lasting'), 'layer')).toMatchObject({
      'loadline.split.chat.chat/a': 5001,
      'loadline.split.chat.chat/b': 3000,
      'loadline.split.chat.chat/c': 2000,
    });
    for (const resource of structure) expect(checkResource(resource)).toEqual([]);
  });

  it('changes nothing but runtime values when its shares change', () => {
    const [before, after] = [chat(fixed(5, 3, 2)), chat(fixed(80, 10, 10))].map((service) => ({
      structure: fingerprint(compileStructure(aPolicy([service]), aGroup([service]), OPTIONS)),
      runtime: fingerprint(compileRuntime(aPolicy([service]), aGroup([service]))),
    }));
    expect(after?.structure).toEqual(before?.structure);
    expect(after?.runtime).not.toEqual(before?.runtime);
  });

  it('has nothing at all for a pool without a share: Envoy would take a weight of 0 in all for no route', () => {
    const service = chat(fixed(1, 0, 1));
    const [policy, group] = [aPolicy([service]), aGroup([service])];
    const names = compileStructure(policy, group, OPTIONS).map(({ name }) => name);
    expect(names).toContain('chat/a');
    expect(names).not.toContain('chat/b');
    expect(at(messageOf(compileRuntime(policy, group), 'runtime', 'lasting'), 'layer')).not.toHaveProperty(
      'loadline.split.chat.chat/b',
    );
    const assignments = compileAssignments(aPlan(policy, endpoints), group, new AssignmentEncoder());
    expect(assignments.map(({ name }) => name)).toEqual(['chat/a', 'chat/c', 'loadline_sidecars']);
  });

  it('divides the limits of the service as it divides its requests, with room for chance', () => {
    const service = chat(fixed(5, 3, 2));
    const layer = at(messageOf(compileRuntime(aPolicy([service]), aGroup([service])), 'runtime', 'lasting'), 'layer');
    expect(layer).toMatchObject({
      'circuit_breakers.chat/a.default.max_requests': 304,
      'circuit_breakers.chat/b.default.max_requests': 191,
      'circuit_breakers.chat/c.default.max_requests': 133,
    });
  });

  it('puts the other pools behind each one, to step in by their shares while it has nobody healthy', () => {
    const service = chat(fixed(5, 3, 2));
    const policy = aPolicy([service]);
    const plan = aPlan(policy, endpoints, { [a1.id]: 1000, [a2.id]: 500, [b1.id]: 1000, [c1.id]: 1000 });
    const message = messageOf(
      compileAssignments(plan, aGroup([service]), new AssignmentEncoder()),
      'endpoint',
      'chat/b',
    );
    expect(message.policy).toEqual({ overprovisioning_factor: 100_000 });
    expect(weights(message)).toEqual([
      [0, 9201, 1000],
      // a has 5 of the 7 that are left, 2:1 inside; c has 2
      [1, 9101, 1000],
      [1, 9102, 500],
      [1, 9301, 600],
    ]);
  });

  it('lets nobody step in who serves another model', () => {
    const service = chat(fixed(5, 3, 2), { a: '1', b: '2', c: '1' });
    const plan = aPlan(aPolicy([service]), endpoints);
    const assignments = compileAssignments(plan, aGroup([service]), new AssignmentEncoder());
    expect(weights(messageOf(assignments, 'endpoint', 'chat/a')).map(([, port]) => port)).toEqual([9101, 9102, 9301]);
    expect(weights(messageOf(assignments, 'endpoint', 'chat/b')).map(([, port]) => port)).toEqual([9201]);
  });
});

describe('tiers', () => {
  const tiered = chat({ kind: 'Tiers', tiers: [['b', 'c'], ['a']], failover: { returnAfterMs: 60_000 } });

  it('are the priorities of one cluster', () => {
    const policy = aPolicy([tiered]);
    const plan = aPlan(policy, endpoints, { [a1.id]: 700, [a2.id]: 1000, [b1.id]: 1000, [c1.id]: 300 });
    const message = messageOf(compileAssignments(plan, aGroup([tiered]), new AssignmentEncoder()), 'endpoint', 'chat');
    expect(message.policy).toEqual({ weighted_priority_health: true });
    expect(weights(message)).toEqual([
      [0, 9201, 1000],
      [0, 9301, 300],
      [1, 9101, 700],
      [1, 9102, 1000],
    ]);
  });

  it('hand a part to the next one by health alone: what stays is the factor, and from a half on what goes', () => {
    const policy = aPolicy([tiered]);
    const plan = aPlan(policy, endpoints, { [a1.id]: 700, [a2.id]: 1000, [b1.id]: 1000, [c1.id]: 300 });
    const sent = (percent: number) => {
      const failovers = { chat: { from: 0, to: 1, percent } };
      const all = compileAssignments({ ...plan, failovers }, aGroup([tiered]), new AssignmentEncoder());
      const message = messageOf(all, 'endpoint', 'chat');
      return {
        factor: at(message, 'policy.overprovisioning_factor'),
        health: healthOf(message),
        weights: weights(message),
      };
    };
    const usual = weights(
      messageOf(compileAssignments(plan, aGroup([tiered]), new AssignmentEncoder()), 'endpoint', 'chat'),
    );
    expect(sent(30)).toEqual({ factor: 70, health: ['HEALTHY', 'HEALTHY', 'HEALTHY', 'HEALTHY'], weights: usual });
    for (const percent of [50, 80, 100])
      expect(sent(percent)).toEqual({
        factor: percent,
        health: ['DEGRADED', 'DEGRADED', 'HEALTHY', 'HEALTHY'],
        weights: usual,
      });
  });

  it('count who drains for next to nothing while a part is handed over', () => {
    const policy = aPolicy([tiered]);
    const draining = {
      chat: endpoints.chat.map((one) => ({
        ...one,
        lifecycle: one.id === b1.id ? ('Draining' as const) : one.lifecycle,
      })),
    };
    const plan = {
      ...aPlan(policy, draining, { [b1.id]: 1000, [c1.id]: 300 }),
      failovers: { chat: { from: 0, to: 1, percent: 80 } },
    };
    const message = messageOf(compileAssignments(plan, aGroup([tiered]), new AssignmentEncoder()), 'endpoint', 'chat');
    expect(healthOf(message)).toEqual(['DRAINING', 'DEGRADED', 'HEALTHY', 'HEALTHY']);
    expect(weights(message)[0]).toEqual([0, 9201, 1]);
  });

  it('may be ejected as a whole, after as many failures as the failover says', () => {
    const service = {
      ...tiered,
      split: { ...tiered.split, failover: { consecutiveGatewayFailure: 2, returnAfterMs: 1 } },
    };
    const structure = compileStructure(aPolicy([service as ModelService]), aGroup([service as ModelService]), OPTIONS);
    expect(at(messageOf(structure, 'cluster', 'chat'), 'outlier_detection')).toMatchObject({
      max_ejection_percent: 100,
      consecutive_gateway_failure: 2,
    });
  });
});

/** Priority, port and weight of all endpoints. */
function weights(message: Readonly<Record<string, unknown>>): readonly (readonly [number, number, number])[] {
  const localities = message.endpoints as readonly { priority?: number; lb_endpoints: readonly unknown[] }[];
  return localities.flatMap(({ priority = 0, lb_endpoints: all }) =>
    all.map(
      (one) =>
        [
          priority,
          at(one as never, 'endpoint.address.socket_address.port_value') as number,
          at(one as never, 'load_balancing_weight') as number,
        ] as const,
    ),
  );
}

function healthOf(message: Readonly<Record<string, unknown>>): readonly string[] {
  const localities = message.endpoints as readonly { lb_endpoints: readonly { health_status: string }[] }[];
  return localities.flatMap(({ lb_endpoints: all }) => all.map(({ health_status }) => health_status));
}
