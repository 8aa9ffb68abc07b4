import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssignmentEncoder, type JsonValue, messageToJson, withoutNewerFields } from '../../../src/base/codec/index.ts';
import type { Policy, SidecarGroup } from '../../../src/core/policy/index.ts';
import {
  checkResource,
  compileAssignments,
  compileRuntime,
  compileStructure,
  SEND_ORDER,
  SLOT,
} from '../../../src/core/resources/index.ts';
import { aGroup, aLimit, anEndpoint, aPlan, aPolicy, aService } from './build-policy.ts';
import { at, fingerprint, messageOf } from './read-resource.ts';

const OPTIONS = { release: '1.40', listenerOverrides: {} };
const services = [
  aService('chat', {
    hostnames: ['models', 'chat'],
    rateLimits: [aLimit('t', { key: { header: 'x-key' } }), aLimit('g', { scope: 'Group' })],
  }),
  aService('embed', { hostnames: ['models'], match: { pathPrefix: '/embed' }, upstream: { protocol: 'Http2' } }),
  aService('rank', { hostnames: ['rank'] }),
];
const policy = aPolicy(services);
const group = policy.groups[0] as SidecarGroup;

function everything(of: Policy, to: SidecarGroup, options = OPTIONS) {
  return [
    ...compileStructure(of, to, options),
    ...compileRuntime(of, to),
    ...compileAssignments(aPlan(of, { chat: [anEndpoint('chat', 9101)] }), to, new AssignmentEncoder()),
  ];
}

describe('compiled structure', () => {
  it('is the same bytes each time, also from permuted documents and keys', () => {
    const permuted = reversedKeys({
      ...policy,
      services: [...services].reverse(),
      groups: [{ ...group, modelServices: [...group.modelServices].reverse() }],
    }) as Policy;
    const one = everything(policy, group);
    const two = everything(permuted, permuted.groups[0] as SidecarGroup);
    expect(fingerprint(two)).toEqual(fingerprint(one));
    expect(two.map(({ delta }) => Buffer.from(delta))).toEqual(one.map(({ delta }) => Buffer.from(delta)));
  });

  it('comes in the order of sending, then by name', () => {
    const order = compileStructure(policy, group, OPTIONS).map(
      ({ typeUrl, name }) => [SEND_ORDER.indexOf(typeUrl), name] as const,
    );
    expect(order).toEqual([...order].sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1)));
    expect(order.map(([, name]) => name)).toEqual([
      'chat',
      'embed',
      'rank',
      ...Object.values(SLOT).sort(),
      'models',
      'models',
    ]);
  });

  it('names only what it brings along', () => {
    const all = everything(policy, group);
    const names = new Set(all.map(({ typeUrl, name }) => `${typeUrl} ${name}`));
    const missing = all.flatMap(({ needs }) => needs.filter(({ typeUrl, name }) => !names.has(`${typeUrl} ${name}`)));
    expect(missing).toEqual([]);
    expect(all.flatMap(({ needs }) => needs).length).toBeGreaterThanOrEqual(3 + 3 + 5);
  });

  it('knows the policy line that asked for it', () => {
    for (const { origin, name } of everything(policy, group))
      expect(origin, name).toEqual({ file: 'policy.yaml', line: 1, column: 1 });
  });

  it('leaves out services that the group does not list', () => {
    const names = Object.keys(fingerprint(compileStructure(policy, aGroup([services[2] as never]), OPTIONS)));
    expect(names.filter((name) => name.startsWith('Cluster'))).toEqual(['Cluster rank']);
  });

  it('passes Envoy’s own rules', () => {
    expect(everything(policy, group).flatMap(checkResource)).toEqual([]);
  });

  it('is refused by the same rules when a number is out of range', () => {
    const bad = aService('chat', {
      outlierDetection: { ...(services[0] as (typeof services)[0]).outlierDetection, intervalMs: 0 },
    });
    const violations = compileStructure(aPolicy([bad]), aGroup([bad]), OPTIONS).flatMap(checkResource);
    expect(violations).toEqual([
      expect.objectContaining({ path: expect.stringContaining('outlier_detection.interval') }),
    ]);
  });
});

describe('the cheapest push', () => {
  it('of new weights is one assignment and nothing else', () => {
    const members = [anEndpoint('chat', 9101), anEndpoint('chat', 9102)];
    const [first, second] = members as [(typeof members)[0], (typeof members)[0]];
    const push = (weights: Record<string, number>) => [
      ...compileStructure(policy, group, OPTIONS),
      ...compileRuntime(policy, group),
      ...compileAssignments(aPlan(policy, { chat: members }, weights), group, new AssignmentEncoder()),
    ];
    expect(changed(push({ [first.id]: 500, [second.id]: 500 }), push({ [first.id]: 300, [second.id]: 700 }))).toEqual([
      'ClusterLoadAssignment chat',
    ]);
  });

  it('of a sidecar that joins is the assignment of the sidecars', () => {
    const push = (nodes: string[]) => compileAssignments(aPlan(policy, {}, {}, nodes), group, new AssignmentEncoder());
    expect(changed(push(['a']), push(['a', 'b']))).toEqual(['ClusterLoadAssignment loadline_sidecars']);
  });

  it('of routes, retries and time-outs is the route configuration', () => {
    const chat = services[0] as (typeof services)[0];
    const other = aPolicy([
      {
        ...chat,
        timeouts: { ...chat.timeouts, streamIdleMs: 60_000 },
        retry: { ...chat.retry, numRetries: 1 },
        hostnames: ['x'],
      },
      ...services.slice(1),
    ]);
    expect(changed(everything(policy, group), everything(other, group))).toEqual(['RouteConfiguration models']);
  });

  it('of a rate is the filter that holds the bucket', () => {
    const chat = services[0] as (typeof services)[0];
    const other = aPolicy([
      { ...chat, rateLimits: chat.rateLimits.map((limit) => ({ ...limit, ratePerSec: 7 })) },
      ...services.slice(1),
    ]);
    expect(changed(everything(policy, group), everything(other, group))).toEqual([
      `TypedExtensionConfig ${SLOT.groupRateLimit}`,
      `TypedExtensionConfig ${SLOT.sidecarRateLimit}`,
    ]);
  });
});

describe('listener overrides', () => {
  const address = (listenerOverrides: Record<string, string>) =>
    at(
      messageOf(compileStructure(policy, group, { release: '1.40', listenerOverrides }), 'listener', 'models'),
      'address.socket_address',
    );

  it('move a listener of a sidecar that shares its host, and nothing else', () => {
    expect(address({ models: '127.0.0.2:16001' })).toEqual({ address: '127.0.0.2', port_value: 16_001 });
    expect(address({ models: '[::1]:16001' })).toEqual({ address: '::1', port_value: 16_001 });
    const moved = compileStructure(policy, group, {
      release: '1.40',
      listenerOverrides: { models: '127.0.0.2:16001' },
    });
    expect(changed(compileStructure(policy, group, OPTIONS), moved)).toEqual(['Listener models']);
  });

  it('are ignored when they are no address: what a node says is not trusted', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom(
            'host:1',
            '1.2.3:80',
            '1.2.3.4:99999',
            '1.2.3.4',
            '::1:80',
            'unix:/x',
            '1.2.3.4.:80',
            '256.0.0.1:80',
          ),
        ),
        (text) => {
          fc.pre(!/^\d+\.\d+\.\d+\.\d+:\d{1,5}$|^\[/.test(text) || text === '256.0.0.1:80' || text === '1.2.3.4:99999');
          expect(address({ models: text })).toEqual({ address: '127.0.0.1', port_value: 15_001 });
        },
      ),
    );
  });

  it('do not find what every object has', () => {
    const named = aGroup(services, {
      listeners: [{ name: 'constructor', address: '127.0.0.1', port: 1, origin: group.origin }],
    });
    const message = messageOf(compileStructure(policy, named, OPTIONS), 'listener', 'constructor');
    expect(at(message, 'address.socket_address.port_value')).toBe(1);
  });
});

describe('older Envoys', () => {
  it.each(['1.36', '1.37', '1.38', '1.39', '1.40'])('%s gets no field that it does not know', (release) => {
    for (const { typeUrl, bytes, name } of everything(policy, group, { release, listenerOverrides: {} })) {
      expect(withoutNewerFields(typeUrl, messageToJson(typeUrl, bytes), release).removed, `${typeUrl} ${name}`).toEqual(
        [],
      );
    }
  });
});

function changed(before: readonly Parameters<typeof fingerprint>[0][number][], after: typeof before): string[] {
  const [one, two] = [fingerprint(before), fingerprint(after)];
  return [...new Set([...Object.keys(one), ...Object.keys(two)])].filter((key) => one[key] !== two[key]).sort();
}

function reversedKeys(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, part]) => [key, reversedKeys(part)]),
  );
}
