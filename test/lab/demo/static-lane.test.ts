import { describe, expect, it } from 'vitest';
import { FLEET } from '../../../src/lab/demo/fleet.ts';
import { lanePolicyText, readLanePolicy } from '../../../src/lab/demo/lane-policy.ts';
import { staticBootstrap } from '../../../src/lab/demo/static-lane.ts';

const servers = FLEET.map((server, index) => ({
  ...server,
  address: '127.0.0.1',
  port: 9101 + index,
  gpuPort: 9201 + index,
}));

describe('the policy of a lane', () => {
  it('is accepted, with every server and the defaults of a silent policy', () => {
    const policy = readLanePolicy(lanePolicyText(servers, 15_001, { tellWidths: false }));
    const [service] = policy.services;
    expect(service!.loadBalancer.type).toBe('LeastRequest');
    expect(service!.pools[0]!.endpoints).toMatchObject({ kind: 'Static' });
    expect(JSON.stringify(service)).not.toContain('maxRunningRequests');
    expect(service!.pools[0]!.signals.gpu?.source).toMatchObject({ kind: 'Exporter', portOffset: 100 });
  });

  it('gives the widths only when it is told to', () => {
    const policy = readLanePolicy(lanePolicyText(servers, 15_001, { tellWidths: true }));
    const pool = policy.services[0]!.pools[0]!.endpoints;
    const endpoints = pool.kind === 'Static' ? pool.endpoints : [];
    expect(endpoints.map(({ maxRunningRequests }) => maxRunningRequests)).toEqual(FLEET.map(({ slots }) => slots));
  });

  it('that is broken is an error with its position', () => {
    expect(() => readLanePolicy('kind: Nothing')).toThrow(/demo\.yaml:1/);
  });
});

describe('the lane without Loadline', () => {
  const text = JSON.stringify(
    staticBootstrap(readLanePolicy(lanePolicyText(servers, 15_001, { tellWidths: false })), '127.0.0.1:15007', '1.40'),
  );

  it('has the same policy as a static configuration, with equal weights', () => {
    const weights = [...text.matchAll(/"load_balancing_weight":(?:\{"value":)?(\d+)/g)].map(([, weight]) => weight);
    expect(weights.length).toBeGreaterThanOrEqual(FLEET.length);
    expect(new Set(weights)).toEqual(new Set(['1']));
    for (const { port } of servers) expect(text).toContain(`"port_value":${port}`);
    expect(text).toContain('LeastRequest');
    expect(text).toContain('outlier_detection');
    expect(text).toContain('retry_policy');
    expect(text).toContain('"circuit_breakers.chat.default.max_requests"');
  });

  it('listens where it is told and asks no control plane', () => {
    expect(text).toContain('"port_value":15007');
    expect(text).not.toContain('"port_value":15001');
    expect(text).not.toMatch(/ads_config|"rds"|config_discovery|rtds_layer|eds_config/);
  });
});
