import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../../src/base/codec/index.ts';
import { checkResource, compileAssignments, wireWeight } from '../../../src/core/resources/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const policy = aPolicy([aService('chat')]);
const group = aGroup(policy.services);
const [a, b, c] = [anEndpoint('chat', 9101), anEndpoint('chat', 9102), anEndpoint('chat', 9103)] as const;

describe('endpoint assignment', () => {
  it('carries the decided weights, one entry per endpoint', () => {
    const plan = aPlan(policy, { chat: [a, b] }, { [a.id]: 700, [b.id]: 300 });
    const message = messageOf(compileAssignments(plan, group, new AssignmentEncoder()), 'endpoint', 'chat');
    expect(message.policy).toEqual({ weighted_priority_health: true });
    expect(at(message, 'endpoints.0.lb_endpoints')).toEqual([
      { endpoint: { address: socket(9101) }, health_status: 'HEALTHY', load_balancing_weight: 700 },
      { endpoint: { address: socket(9102) }, health_status: 'HEALTHY', load_balancing_weight: 300 },
    ]);
  });

  it('drains by status, never by a weight of 0', () => {
    const leaving = { ...a, lifecycle: 'Draining' as const };
    const plan = aPlan(policy, { chat: [leaving, b] }, { [a.id]: 700, [b.id]: 300 });
    const message = messageOf(compileAssignments(plan, group, new AssignmentEncoder()), 'endpoint', 'chat');
    expect(at(message, 'endpoints.0.lb_endpoints.0')).toMatchObject({
      health_status: 'DRAINING',
      load_balancing_weight: 699,
    });
  });

  it('groups by zone, zones and endpoints sorted', () => {
    const plan = aPlan(policy, {
      chat: [
        { ...c, zone: 'b' },
        { ...b, zone: 'a' },
        { ...a, zone: 'b' },
      ],
    });
    const message = messageOf(compileAssignments(plan, group, new AssignmentEncoder()), 'endpoint', 'chat');
    expect(at(message, 'endpoints.0.locality.zone')).toBe('a');
    expect(at(message, 'endpoints.1.locality.zone')).toBe('b');
    expect(at(message, 'endpoints.1.lb_endpoints.0.endpoint.address.socket_address.port_value')).toBe(9101);
    expect(at(message, 'endpoints.1.lb_endpoints.1.endpoint.address.socket_address.port_value')).toBe(9103);
  });

  it('says "none" aloud: a missing assignment would leave the old hosts in place', () => {
    const resources = compileAssignments(aPlan(policy, {}), group, new AssignmentEncoder());
    expect(resources.map(({ name }) => name)).toEqual(['chat', 'loadline_sidecars']);
    expect(messageOf(resources, 'endpoint', 'chat')).toEqual({
      cluster_name: 'chat',
      policy: { weighted_priority_health: true },
    });
  });

  it('tells each sidecar how many share the limits of its group', () => {
    const resources = compileAssignments(aPlan(policy, {}, {}, ['n2', 'n1', 'n2']), group, new AssignmentEncoder());
    const members = at(messageOf(resources, 'endpoint', 'loadline_sidecars'), 'endpoints.0.lb_endpoints') as object[];
    expect(members).toHaveLength(2);
    expect(members[0]).toMatchObject({
      endpoint: { address: { pipe: { path: expect.stringMatching(/^\/loadline\/sidecar\/[0-9a-f]{16}$/) } } },
    });
  });

  it('gives the same bytes for the same plan in any order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.record({
            port: fc.integer({ min: 1, max: 65_535 }),
            zone: fc.constantFrom('a', 'b', ''),
            weight: fc.integer({ min: 1, max: 1000 }),
          }),
          {
            selector: ({ port }) => port,
            maxLength: 12,
          },
        ),
        fc.array(fc.string(), { maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        (hosts, nodes, random) => {
          const members = hosts.map(({ port, zone }) => anEndpoint('chat', port, zone === '' ? {} : { zone }));
          const weights = Object.fromEntries(members.map(({ id }, index) => [id, hosts[index]?.weight ?? 1]));
          const shuffled = [...members].sort(() => ((random.next().value as number) % 2) * 2 - 1);
          const one = compileAssignments(
            aPlan(policy, { chat: members }, weights, nodes),
            group,
            new AssignmentEncoder(),
          );
          const two = compileAssignments(
            aPlan(policy, { chat: shuffled }, weights, [...nodes].reverse()),
            group,
            new AssignmentEncoder(),
          );
          expect(two.map(({ version }) => version)).toEqual(one.map(({ version }) => version));
          expect(two.map(({ bytes }) => Buffer.from(bytes))).toEqual(one.map(({ bytes }) => Buffer.from(bytes)));
          expect(one.flatMap(checkResource)).toEqual([]);
        },
      ),
    );
  });
});

describe('wire weight', () => {
  it('is at least 1, and always changes between draining and unhealthy, by one for the same weight', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 1000 }), (before, after) => {
        for (const health of ['HEALTHY', 'DRAINING', 'UNHEALTHY'] as const) {
          expect(wireWeight(before, health)).toBeGreaterThanOrEqual(1);
          expect(Math.abs(wireWeight(before, health) - before)).toBeLessThanOrEqual(before === 0 ? 2 : 1);
        }
        expect(wireWeight(before, 'DRAINING')).not.toBe(wireWeight(after, 'UNHEALTHY'));
        expect(Math.abs(wireWeight(before, 'DRAINING') - wireWeight(before, 'UNHEALTHY'))).toBe(1);
        expect(wireWeight(before, 'HEALTHY')).toBe(Math.max(1, before));
      }),
    );
  });
});

function socket(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
