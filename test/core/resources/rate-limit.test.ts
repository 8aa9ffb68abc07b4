import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../../src/core/policy/index.ts';
import { checkResource, compileStructure, SLOT } from '../../../src/core/resources/index.ts';
import { aGroup, aLimit, aPolicy, aService } from './build-policy.ts';
import { at, fingerprint, messageOf } from './read-resource.ts';

function compile(rateLimits: readonly RateLimit[], sidecars?: number) {
  const services = [aService('chat', { rateLimits })];
  const options = { release: '1.40', listenerOverrides: {}, ...(sidecars === undefined ? {} : { sidecars }) };
  return compileStructure(aPolicy(services), aGroup(services), options);
}

function filter(resources: ReturnType<typeof compile>, slot: string) {
  return at(messageOf(resources, 'extension', slot), 'typed_config') as Record<string, unknown>;
}

describe('rate limits', () => {
  it('keep their buckets in the ECDS filter and only their names in the route', () => {
    const resources = compile([aLimit('all', { ratePerSec: 50, burst: 100 })]);
    expect(filter(resources, SLOT.sidecarRateLimit).descriptors).toEqual([
      {
        entries: [{ key: 'limit', value: 'chat/all' }],
        token_bucket: { max_tokens: 100, tokens_per_fill: 50, fill_interval: '1s' },
      },
    ]);
    const route = at(messageOf(resources, 'route', 'models'), 'virtual_hosts.0.routes.1');
    expect(at(route as object as never, 'route.rate_limits')).toEqual([
      { actions: [{ generic_key: { descriptor_key: 'limit', descriptor_value: 'chat/all' } }], stage: 0 },
    ]);
    expect(JSON.stringify(route)).not.toContain('token_bucket');
  });

  it('give each key a bucket, bounded in number, and the requests without the key one of their own', () => {
    const resources = compile([aLimit('tenant', { key: { header: 'x-api-key' }, maxKeys: 1000 })]);
    const config = filter(resources, SLOT.sidecarRateLimit);
    expect(config).toMatchObject({ max_dynamic_descriptors: 1000, always_consume_default_token_bucket: false });
    expect(at(config as never, 'descriptors.0.entries')).toEqual([
      { key: 'limit', value: 'chat/tenant' },
      { key: 'key' },
    ]);
    const actions = at(
      messageOf(resources, 'route', 'models'),
      'virtual_hosts.0.routes.1.route.rate_limits',
    ) as object[];
    expect(actions).toHaveLength(2);
    expect(at(actions as never, '0.actions.1.request_headers.header_name')).toBe('x-api-key');
    expect(at(actions as never, '1.actions.1.header_value_match')).toMatchObject({ expect_match: false });
  });

  it('keep rates exact to a tenth of a percent, whatever their unit', () => {
    for (const perSec of [1 / 86_400, 1 / 3600, 10 / 60, 0.7, 1, 3.3, 50 / 3, 3000 / 60, 12_345.6, 1_000_000]) {
      const bucket = at(
        filter(compile([aLimit('x', { ratePerSec: perSec })]), SLOT.sidecarRateLimit) as never,
        'descriptors.0.token_bucket',
      ) as {
        tokens_per_fill: number;
        fill_interval: string;
      };
      const seconds = Number.parseFloat(bucket.fill_interval);
      expect(Math.abs(bucket.tokens_per_fill / seconds / perSec - 1)).toBeLessThan(0.001);
      expect(seconds).toBeGreaterThanOrEqual(0.05);
    }
  });

  it('divide a limit of the group by its sidecars, in a filter of its own', () => {
    const resources = compile([aLimit('team', { scope: 'Group', burst: 100 }), aLimit('own', { burst: 5 })], 4);
    expect(filter(resources, SLOT.groupRateLimit)).toMatchObject({ local_cluster_rate_limit: {}, stage: 1 });
    expect(filter(resources, SLOT.sidecarRateLimit)).not.toHaveProperty('local_cluster_rate_limit');
    expect(at(filter(resources, SLOT.groupRateLimit) as never, 'descriptors.length')).toBe(1);
    expect(at(filter(resources, SLOT.sidecarRateLimit) as never, 'descriptors.length')).toBe(1);
  });

  it('raise a burst that is smaller than the number of sidecars: a request costs as many tokens', () => {
    const small = (sidecars: number) =>
      at(
        filter(compile([aLimit('team', { scope: 'Group', burst: 3 })], sidecars), SLOT.groupRateLimit) as never,
        'descriptors.0.token_bucket.max_tokens',
      );
    expect([1, 2, 3, 4, 5, 8, 9].map(small)).toEqual([3, 3, 4, 4, 8, 8, 16]);
  });

  it('raise it too for requests that say nothing of their cost: each costs the default once for each sidecar', () => {
    const limit = aLimit('team', { scope: 'Group', burst: 50, cost: { header: 'x-tokens', defaultTokens: 20 } });
    const bucket = (sidecars: number) =>
      at(filter(compile([limit], sidecars), SLOT.groupRateLimit) as never, 'descriptors.0.token_bucket.max_tokens');
    expect([1, 2, 3, 8].map(bucket)).toEqual([50, 50, 80, 160]);
    // No larger than a bucket can be, however many share it.
    expect(bucket(300_000_000)).toBe(4_294_967_295);
  });

  it('do not change their buckets while a sidecar more or less makes no difference', () => {
    const limit = aLimit('team', { scope: 'Group', burst: 100 });
    expect(fingerprint(compile([limit], 3))).toEqual(fingerprint(compile([limit], 60)));
  });

  it('are not enforced yet when they have a class', () => {
    const resources = compile([aLimit('p2', { class: 'P2', scope: 'Group' })]);
    expect(fingerprint(resources)).toEqual(fingerprint(compile([])));
  });

  it('never touch the listener, which has its filters from the first version', () => {
    const without = fingerprint(compile([]));
    const withLimits = fingerprint(compile([aLimit('a'), aLimit('b', { scope: 'Group' })]));
    expect(withLimits['Listener models']).toBe(without['Listener models']);
    expect(withLimits['Cluster chat']).toBe(without['Cluster chat']);
    expect(Object.keys(withLimits)).toEqual(Object.keys(without));
  });

  it('whose requests cost what a header says stand in the filter whole, and routes name them', () => {
    const tokens = aLimit('tokens', {
      cost: { header: 'x-tokens', defaultTokens: 200 },
      ratePerSec: 1000,
      burst: 5000,
    });
    const each = aLimit('each', { key: { header: 'x-api-key' } });
    const shared = aLimit('shared', { scope: 'Group' });
    const resources = compile([tokens, each, shared]);
    const config = filter(resources, SLOT.sidecarRateLimit);
    const named = (name: string) => ({
      metadata: {
        descriptor_key: 'limit',
        metadata_key: { key: 'loadline.limits', path: [{ key: name }] },
        source: 'ROUTE_ENTRY',
      },
    });
    const costs = (says: boolean) => ({
      header_value_match: expect.objectContaining({
        descriptor_key: 'cost',
        descriptor_value: 'counted',
        expect_match: says,
      }),
    });
    // Envoy would not see a limit of this filter in a route any more, so those without a cost are here too.
    expect(config.rate_limits).toEqual([
      { actions: [named('chat/tokens'), costs(true)], hits_addend: { format: '%REQ(x-tokens)%' } },
      { actions: [named('chat/tokens'), costs(false)], hits_addend: { number: '200' } },
      { actions: [named('chat/each'), expect.objectContaining({ request_headers: expect.anything() })] },
      { actions: [named('chat/each'), expect.objectContaining({ header_value_match: expect.anything() })] },
    ]);
    expect(at(config as never, 'descriptors.0')).toEqual({
      entries: [
        { key: 'limit', value: 'chat/tokens' },
        { key: 'cost', value: 'counted' },
      ],
      token_bucket: { max_tokens: 5000, tokens_per_fill: 1000, fill_interval: '1s' },
    });
    const route = at(messageOf(resources, 'route', 'models'), 'virtual_hosts.0.routes.1') as never;
    expect(at(route, 'metadata.filter_metadata')).toEqual({
      'loadline.limits': { 'chat/tokens': 'chat/tokens', 'chat/each': 'chat/each' },
    });
    // The other filter has nothing of the kind.
    expect(filter(resources, SLOT.groupRateLimit).rate_limits).toBeUndefined();
    expect(at(route, 'route.rate_limits')).toEqual([
      { actions: [{ generic_key: { descriptor_key: 'limit', descriptor_value: 'chat/shared' } }], stage: 1 },
    ]);
    for (const resource of resources) expect(checkResource(resource)).toEqual([]);
  });
});
