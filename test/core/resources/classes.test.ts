import { describe, expect, it } from 'vitest';
import type { ModelService, Policy, TrafficClass } from '../../../src/core/policy/index.ts';
import { checkResource, compileRuntime, compileStructure, SLOT } from '../../../src/core/resources/index.ts';
import { aGroup, aLimit, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const OPTIONS = { release: '1.40', listenerOverrides: {} };

function aClass(name: string, over: Partial<TrafficClass> = {}): TrafficClass {
  return { name, reservePercent: 0, shed: 'Default', ...over };
}

function classed(
  services: readonly ModelService[],
  classes: readonly TrafficClass[],
  chosen: { readonly allow: readonly string[]; readonly default: string },
): Policy {
  const group = aGroup(services, { trafficClasses: { use: 'standard', ...chosen } });
  const origin = { file: 'policy.yaml', line: 1, column: 1 };
  return { ...aPolicy(services, group), trafficClasses: [{ name: 'standard', origin, header: 'x-class', classes }] };
}

function structure(policy: Policy) {
  return compileStructure(policy, policy.groups[0]!, OPTIONS);
}

function routes(policy: Policy): readonly Record<string, never>[] {
  return at(messageOf(structure(policy), 'route', 'models'), 'virtual_hosts.0.routes') as never;
}

const FOUR = [aClass('P0', { reservePercent: 20, shed: 'Never' }), aClass('P1'), aClass('P2'), aClass('P3')];

describe('traffic classes', () => {
  it('are routes by header, a shed before each, and the default of the group is what no other has taken', () => {
    const all = routes(classed([aService('chat')], FOUR, { allow: ['P1', 'P2', 'P3'], default: 'P2' }));
    // A second line with another class, one that the group does not allow included, is not the class of the first.
    const only = (name: string, ...others: readonly string[]) => [
      { name: 'x-class', string_match: { exact: name } },
      ...others.map((exact) => ({ name: 'x-class', string_match: { exact }, invert_match: true })),
    ];
    expect(
      all.map(({ name, match, stat_prefix: stats }) => [
        name,
        (match as unknown as { headers?: unknown }).headers,
        stats,
      ]),
    ).toEqual([
      ['chat/P1/shed', only('P1', 'P0', 'P2', 'P3'), undefined],
      ['chat/P1', only('P1', 'P0', 'P2', 'P3'), 'chat.P1'],
      ['chat/P3/shed', only('P3', 'P0', 'P1', 'P2'), undefined],
      ['chat/P3', only('P3', 'P0', 'P1', 'P2'), 'chat.P3'],
      ['chat/P2/shed', undefined, undefined],
      ['chat/P2', undefined, 'chat.P2'],
    ]);
  });

  it('tell the server which one it is, over whatever the client has written', () => {
    const all = routes(classed([aService('chat')], FOUR, { allow: ['P1', 'P2'], default: 'P2' }));
    for (const [i, name] of [
      [1, 'P1'],
      [3, 'P2'],
    ] as const)
      expect(all[i]!.request_headers_to_add).toEqual([
        { header: { key: 'x-class', value: name }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      ]);
  });

  it('with a reserve are counted apart, by the priority of their route, and the others have what is left', () => {
    const policy = classed([aService('chat')], FOUR, { allow: ['P0', 'P2'], default: 'P2' });
    const all = routes(policy);
    expect(at(all[1]!, 'route.priority')).toBe('HIGH');
    expect(at(all[3]!, 'route.priority')).toBeUndefined();
    const thresholds = at(messageOf(structure(policy), 'cluster', 'chat'), 'circuit_breakers.thresholds');
    expect(thresholds).toMatchObject([{ max_requests: 512 }, { priority: 'HIGH', max_requests: 512 }]);
    expect(at(messageOf(compileRuntime(policy, policy.groups[0]!), 'runtime', 'lasting'), 'layer')).toMatchObject({
      'circuit_breakers.chat.default.max_requests': 409,
      'circuit_breakers.chat.default.max_connections': 409,
      'circuit_breakers.chat.high.max_requests': 512,
      'circuit_breakers.chat.high.retry_budget.budget_percent': 5,
    });
  });

  it('keep the reserve free in a group that may not use it: it is for requests that come through others', () => {
    const policy = classed([aService('chat')], FOUR, { allow: ['P2'], default: 'P2' });
    const layer = at(messageOf(compileRuntime(policy, policy.groups[0]!), 'runtime', 'lasting'), 'layer');
    expect(layer).toMatchObject({ 'circuit_breakers.chat.default.max_requests': 409 });
    expect(layer).not.toHaveProperty('circuit_breakers.chat.high.max_requests');
  });

  it('have the time-outs and retries that the service has for them, and its own else', () => {
    const { connectMs: _, ...timeouts } = aService('chat').timeouts;
    const { budget: _budget, ...retry } = aService('chat').retry;
    const settings = { class: 'P1', timeouts: { ...timeouts, requestMs: 5000 }, retry: { ...retry, numRetries: 0 } };
    const policy = classed([aService('chat', { classes: [settings] })], FOUR, { allow: ['P1', 'P2'], default: 'P2' });
    const all = routes(policy);
    expect(all[1]).toMatchObject({ route: { timeout: '5s', idle_timeout: '300s', retry_policy: { num_retries: 0 } } });
    expect(all[3]).toMatchObject({ route: { timeout: '0s', retry_policy: { num_retries: 2 } } });
  });

  it('have their own limits, and no bucket where nobody may choose them', () => {
    const limits = [
      aLimit('p2', { class: 'P2' }),
      aLimit('p3', { class: 'P3', scope: 'Group' }),
      aLimit('vip', { class: 'P0' }),
      aLimit('all'),
    ];
    const policy = classed([aService('chat', { rateLimits: limits })], FOUR, { allow: ['P2', 'P3'], default: 'P2' });
    const all = routes(policy);
    const limitsOf = (route: never): unknown =>
      (at(route, 'route.rate_limits') as { actions: { generic_key: { descriptor_value: string } }[] }[]).map(
        ({ actions }) => actions[0]!.generic_key.descriptor_value,
      );
    expect(limitsOf(all[1] as never)).toEqual(['chat/p3', 'chat/all']);
    expect(limitsOf(all[3] as never)).toEqual(['chat/p2', 'chat/all']);
    const buckets = (slot: string): unknown =>
      (
        at(messageOf(structure(policy), 'extension', slot), 'typed_config.descriptors') as {
          entries: { value: string }[];
        }[]
      ).map(({ entries }) => entries[0]!.value);
    expect(buckets(SLOT.sidecarRateLimit)).toEqual(['chat/p2', 'chat/all']);
    expect(buckets(SLOT.groupRateLimit)).toEqual(['chat/p3']);
  });

  it('are shed one by one; a shed of the service spares those that never are, and the larger of two counts', () => {
    const policy = classed([aService('chat')], FOUR, { allow: ['P0', 'P2', 'P3'], default: 'P2' });
    const shed = (sheds: Record<string, number>) =>
      at(messageOf(compileRuntime(policy, policy.groups[0]!, { sheds }), 'runtime', 'lapsing'), 'layer') ?? {};
    expect(shed({ chat: 30 })).toEqual({ 'loadline.shed.chat.P2': 30, 'loadline.shed.chat.P3': 30 });
    expect(shed({ chat: 30, 'chat/P3': 100, 'chat/P2': 10 })).toEqual({
      'loadline.shed.chat.P2': 30,
      'loadline.shed.chat.P3': 100,
    });
    expect(shed({ 'chat/P0': 5 })).toEqual({ 'loadline.shed.chat.P0': 5 });
  });

  it('pass the rules of Envoy', () => {
    const policy = classed([aService('chat', { rateLimits: [aLimit('p2', { class: 'P2' })] })], FOUR, {
      allow: ['P0', 'P2'],
      default: 'P2',
    });
    for (const resource of structure(policy)) expect(checkResource(resource)).toEqual([]);
  });

  it('are nothing to a group that uses none', () => {
    const services = [aService('chat', { rateLimits: [aLimit('p2', { class: 'P2' }), aLimit('all')] })];
    const all = routes(aPolicy(services));
    expect(all.map(({ name }) => name)).toEqual(['chat/shed', 'chat']);
    expect(JSON.stringify(all)).not.toContain('chat/p2');
  });
});
