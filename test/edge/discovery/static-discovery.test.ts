import { describe, expect, it } from 'vitest';
import type { StaticEndpoint } from '../../../src/core/policy/index.ts';
import { type DiscoveredSet, StaticDiscovery, staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { policyOf, poolOf } from '../signals/policy-of.ts';

function listed(address: string, port: number, rest: Partial<StaticEndpoint> = {}): StaticEndpoint {
  return { address, port, capacity: 1, ...rest };
}

function setOf(...endpoints: StaticEndpoint[]): DiscoveredSet {
  const pool = poolOf('gpu', { maxRunningRequests: 64, endpoints: { kind: 'Static', endpoints } });
  return staticEndpointSets(policyOf('chat', [pool]))[0] as DiscoveredSet;
}

describe('static discovery', () => {
  it('knows the endpoints of a policy at once and completely', () => {
    expect(setOf(listed('10.0.0.1', 80, { capacity: 0.4, zone: 'b' }), listed('10.0.0.2', 80))).toEqual({
      service: 'chat',
      pool: 'gpu',
      complete: true,
      endpoints: [
        {
          id: 'chat/gpu/10.0.0.1:80',
          service: 'chat',
          pool: 'gpu',
          address: '10.0.0.1',
          port: 80,
          incarnation: 'static',
          capacity: 0.4,
          zone: 'b',
          maxRunningRequests: 64,
          lifecycle: 'Active',
        },
        {
          id: 'chat/gpu/10.0.0.2:80',
          service: 'chat',
          pool: 'gpu',
          address: '10.0.0.2',
          port: 80,
          incarnation: 'static',
          capacity: 1,
          maxRunningRequests: 64,
          lifecycle: 'Active',
        },
      ],
    });
  });

  it("prefers an endpoint's own batch limit to that of its pool", () => {
    expect(setOf(listed('10.0.0.1', 80, { maxRunningRequests: 8 })).endpoints[0]?.maxRunningRequests).toBe(8);
  });

  it('gives one endpoint one id, however its address is spelt', () => {
    const set = setOf(listed('2001:DB8::0:1', 80), listed('2001:db8:0:0:0:0:0:1', 80), listed('2001:db8::1', 81));
    expect(set.endpoints.map(({ id }) => id)).toEqual(['chat/gpu/[2001:db8::1]:80', 'chat/gpu/[2001:db8::1]:81']);
    expect(set.reason).toBe('chat/gpu/[2001:db8::1]:80 is listed twice');
  });

  it('leaves out what is no address, and says so', () => {
    const set = setOf(listed('gpu-host', 80), listed('10.0.0.1', 80));
    expect(set.endpoints).toHaveLength(1);
    expect(set.reason).toBe('gpu-host is not an IP address');
  });

  it('says why pools of other kinds are empty', () => {
    const pools = [
      poolOf('k', { endpoints: { kind: 'Kubernetes', namespace: 'models', service: 'llama', port: 8000 } }),
      poolOf('d', { endpoints: { kind: 'Dns', name: 'llama.example', port: 8000 } }),
    ];
    expect(staticEndpointSets(policyOf('chat', pools))).toEqual([
      { service: 'chat', pool: 'k', complete: true, endpoints: [], reason: 'kubernetes endpoints are not built yet' },
      { service: 'chat', pool: 'd', complete: true, endpoints: [], reason: 'dns endpoints are not built yet' },
    ]);
  });

  it('tells its listener at start and at each new policy, and nothing after it was stopped', () => {
    const heard: number[] = [];
    const withEndpoints = (count: number) => {
      const endpoints = Array.from({ length: count }, (_, at) => listed('10.0.0.1', 80 + at));
      return policyOf('chat', [poolOf('gpu', { endpoints: { kind: 'Static', endpoints } })]);
    };
    const discovery = new StaticDiscovery(withEndpoints(1));
    discovery.start((sets) => heard.push(sets[0]?.endpoints.length ?? -1));
    discovery.configure(withEndpoints(3));
    discovery.stop();
    discovery.configure(withEndpoints(5));
    expect(heard).toEqual([1, 3]);
  });
});
