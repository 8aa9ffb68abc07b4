import { describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../../src/base/codec/index.ts';
import type { ModelService, OverloadAction, Policy, Split, TrafficClass } from '../../../src/core/policy/index.ts';
import {
  checkResource,
  compileAssignments,
  compileRuntime,
  compileStructure,
  type Resource,
} from '../../../src/core/resources/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const OPTIONS = { release: '1.40', listenerOverrides: {} };
const origin = { file: 'policy.yaml', line: 1, column: 1 };
const DEGRADE: OverloadAction = { kind: 'Degrade', class: 'P1', toPool: 'standby', upToPercent: 100 };

function aPool(name: string): ModelService['pools'][0] {
  return { name, origin, capacityType: 'OnDemand', endpoints: { kind: 'Static', endpoints: [] }, signals: {} };
}

function chat(split?: Split, actions: readonly OverloadAction[] = [DEGRADE]): ModelService {
  return aService('chat', {
    pools: [aPool('gpu'), aPool('standby')],
    overload: { enterAt: 1, leaveAt: 0.8, actions },
    ...(split === undefined ? {} : { split }),
  });
}

function classed(service: ModelService): Policy {
  const group = aGroup([service], { trafficClasses: { use: 'standard', allow: ['P1', 'P2'], default: 'P2' } });
  const classes = ['P1', 'P2'].map((name): TrafficClass => ({ name, reservePercent: 0, shed: 'Default' }));
  return { ...aPolicy([service], group), trafficClasses: [{ name: 'standard', origin, header: 'x-class', classes }] };
}

function structure(service: ModelService): readonly Resource[] {
  const policy = classed(service);
  return compileStructure(policy, policy.groups[0]!, OPTIONS);
}

function routes(service: ModelService): readonly Record<string, never>[] {
  return at(messageOf(structure(service), 'route', 'models'), 'virtual_hosts.0.routes') as never;
}

function layer(service: ModelService, name: string, passing: Parameters<typeof compileRuntime>[2] = {}): unknown {
  const policy = classed(service);
  return at(messageOf(compileRuntime(policy, policy.groups[0]!, passing), 'runtime', name), 'layer') ?? {};
}

/** By priority, who is there. */
function assignment(service: ModelService, name: string): readonly unknown[] {
  const policy = classed(service);
  const endpoints = ['gpu', 'standby'].map((pool, i) =>
    anEndpoint('chat', 9100 + i, { id: `chat/${pool}/127.0.0.1:${9100 + i}`, pool }),
  );
  const plan = aPlan(policy, { chat: endpoints });
  const message = messageOf(compileAssignments(plan, policy.groups[0]!, new AssignmentEncoder()), 'endpoint', name);
  return (at(message, 'endpoints') as { priority?: number; lb_endpoints: unknown[] }[]).map(
    ({ priority = 0, lb_endpoints: inside }) => [
      priority,
      inside.map((one) => at(one as never, 'endpoint.address.socket_address.port_value')),
    ],
  );
}

describe('what an overload ladder moves to another pool', () => {
  it('has a route of its own between the shed of its class and the rest, without effect until its key is there', () => {
    const all = routes(chat());
    expect(all.map(({ name }) => name)).toEqual([
      'chat/P1/shed',
      'chat/P1/degraded',
      'chat/P1',
      'chat/P2/shed',
      'chat/P2',
    ]);
    const moved = all[1]!;
    expect(moved.match).toEqual({
      prefix: '/',
      headers: [
        { name: 'x-class', string_match: { exact: 'P1' } },
        { name: 'x-class', string_match: { exact: 'P2' }, invert_match: true },
      ],
      runtime_fraction: { default_value: {}, runtime_key: 'loadline.degrade.chat.P1' },
    });
    expect(at(moved, 'route.cluster')).toBe('chat/standby');
    expect(moved.stat_prefix).toBe('chat.P1.degraded');
  });

  it('is marked for the client and the server, and no client can mark its own', () => {
    const all = routes(chat());
    const mark = {
      header: { key: 'x-loadline-degraded', value: 'chat/standby' },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    };
    expect(all[1]!.response_headers_to_add).toEqual([mark]);
    expect(all[1]!.request_headers_to_add).toContainEqual(mark);
    for (const i of [2, 4]) expect(all[i]!.request_headers_to_remove).toEqual(['x-loadline-degraded']);
    expect(all[1]!.request_headers_to_remove).toBeUndefined();
  });

  it.each<[string, Split | undefined]>([
    ['no split', undefined],
    ['tiers', { kind: 'Tiers', tiers: [['gpu'], ['standby']], failover: { returnAfterMs: 1 } }],
    ['fixed shares without the pool', { kind: 'Fixed', weights: { gpu: 1, standby: 0 } }],
  ])('goes, with %s, to a cluster of its own: the pool, and behind it the others', (_, split) => {
    const service = chat(split);
    expect(assignment(service, 'chat/standby')).toEqual([
      [0, [9101]],
      [1, [9100]],
    ]);
    const carrying = split?.kind === 'Fixed' ? ['chat/gpu'] : ['chat'];
    const clusters = structure(service).filter(({ typeUrl }) => typeUrl.endsWith('.Cluster'));
    expect(clusters.map(({ name }) => name)).toEqual([...carrying, 'chat/standby']);
    expect(JSON.stringify(routes(service)[2])).not.toContain('chat/standby');
    expect(layer(service, 'lasting')).toMatchObject({ 'circuit_breakers.chat/standby.default.max_requests': 512 });
  });

  it('goes to the cluster that a fixed share has, which may then have all of the limits', () => {
    const service = chat({ kind: 'Fixed', weights: { gpu: 9, standby: 1 } });
    const clusters = structure(service).filter(({ typeUrl }) => typeUrl.endsWith('.Cluster'));
    expect(clusters.map(({ name }) => name)).toEqual(['chat/gpu', 'chat/standby']);
    expect(layer(service, 'lasting')).toMatchObject({
      'circuit_breakers.chat/standby.default.max_requests': 512,
      'loadline.split.chat.chat/standby': 1000,
    });
  });

  it('is counted from what is shed of the class: Envoy holds one number against both', () => {
    expect(layer(chat(), 'lapsing', { degrades: { 'chat/P1': 50 } })).toEqual({ 'loadline.degrade.chat.P1': 50 });
    expect(layer(chat(), 'lapsing', { degrades: { 'chat/P1': 50 }, sheds: { 'chat/P1': 40 } })).toEqual({
      'loadline.shed.chat.P1': 40,
      'loadline.degrade.chat.P1': 70,
    });
    expect(layer(chat(), 'lapsing', { degrades: { 'chat/P1': 50 }, sheds: { chat: 100 } })).toMatchObject({
      'loadline.degrade.chat.P1': 100,
    });
    // What no route asks for is not sent.
    expect(layer(chat(), 'lapsing', { degrades: { 'chat/P2': 50, 'code/P1': 50 } })).toEqual({});
  });

  it('is nothing to a service without such an action', () => {
    const service = chat(undefined, [{ kind: 'Shed', class: 'P1', upToPercent: 50 }]);
    expect(JSON.stringify(structure(service).map(({ name }) => name))).not.toContain('standby');
    expect(JSON.stringify(routes(service))).not.toContain('degraded');
  });

  it('passes the rules of Envoy', () => {
    for (const resource of structure(chat())) expect(checkResource(resource)).toEqual([]);
  });
});
