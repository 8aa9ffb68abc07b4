import { describe, expect, it } from 'vitest';
import { compileStructure } from '../../../src/core/resources/index.ts';
import { aGroup, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const OPTIONS = { release: '1.40', listenerOverrides: {} };

function routesOf(...services: ReturnType<typeof aService>[]) {
  return messageOf(compileStructure(aPolicy(services), aGroup(services), OPTIONS), 'route', 'models');
}

describe('route configuration', () => {
  it('never lets Envoy’s own 15 s time-out cut an answer', () => {
    const routes = routesOf(aService('chat'));
    expect(at(routes, 'virtual_hosts.0.routes.1.route.timeout')).toBe('0s');
    expect(at(routes, 'virtual_hosts.0.routes.1.route.idle_timeout')).toBe('300s');
  });

  it('bounds the time to the headers and the silence within a try, not the stream', () => {
    const retry = at(routesOf(aService('chat')), 'virtual_hosts.0.routes.1.route.retry_policy');
    expect(retry).toMatchObject({ per_try_timeout: '600s', per_try_idle_timeout: '120s' });
  });

  it('keeps the per-try time-outs when retries are off', () => {
    const base = aService('chat');
    const retry = at(
      routesOf({ ...base, retry: { ...base.retry, numRetries: 0 } }),
      'virtual_hosts.0.routes.1.route.retry_policy',
    );
    expect(retry).toEqual({ num_retries: 0, per_try_timeout: '600s', per_try_idle_timeout: '120s' });
  });

  it('leaves a time-out of 0 out, where Envoy would read none', () => {
    const base = aService('chat');
    const timeouts = { ...base.timeouts, responseHeadersMs: 0, perTryIdleMs: 0 };
    const retry = at(routesOf({ ...base, timeouts }), 'virtual_hosts.0.routes.1.route.retry_policy');
    expect(retry).not.toHaveProperty('per_try_timeout');
    expect(retry).not.toHaveProperty('per_try_idle_timeout');
  });

  it('retries on another host, waits as long as the server says, and gives up on longer waits', () => {
    const retry = at(routesOf(aService('chat')), 'virtual_hosts.0.routes.1.route.retry_policy');
    expect(retry).toMatchObject({
      retry_on: 'connect-failure,refused-stream,reset-before-request,retriable-status-codes',
      num_retries: 2,
      retriable_status_codes: [429, 503],
      retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
      host_selection_retry_max_attempts: '20',
      retry_back_off: { base_interval: '0.025s', max_interval: '0.250s' },
      rate_limited_retry_back_off: { reset_headers: [{ name: 'retry-after' }], max_interval: '30s' },
    });
  });

  it('asks for load metrics only where the policy does, and keeps the answer from the client', () => {
    const routeOf = (orca?: 'Json' | 'Text' | 'None') =>
      at(
        routesOf(aService('chat', orca === undefined ? {} : { orca: { requestFormat: orca } })),
        'virtual_hosts.0.routes.1',
      );
    const asking = (value: string) => ({
      request_headers_to_add: [
        { header: { key: 'endpoint-load-metrics-format', value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      ],
      response_headers_to_remove: ['endpoint-load-metrics', 'endpoint-load-metrics-bin'],
    });
    expect(routeOf('Json')).toMatchObject(asking('json'));
    expect(routeOf('Text')).toMatchObject(asking('text'));
    expect(routeOf('None')).toEqual(routeOf());
    expect(routeOf()).not.toHaveProperty('request_headers_to_add');
  });

  it('has a route for what is shed before each service’s own, which matches nothing by itself', () => {
    const routes = routesOf(aService('chat', { match: { pathPrefix: '/v1/' } }));
    expect(at(routes, 'virtual_hosts.0.routes.0')).toMatchObject({
      name: 'chat/shed',
      match: { prefix: '/v1/', runtime_fraction: { runtime_key: 'loadline.shed.chat', default_value: {} } },
      direct_response: { status: 503 },
    });
    expect(at(routes, 'virtual_hosts.0.routes.0.match.runtime_fraction.default_value')).not.toHaveProperty('numerator');
    expect(at(routes, 'virtual_hosts.0.routes.0')).not.toHaveProperty('rate_limits');
  });

  it('gives services with the same hostname one virtual host, the longest prefix first', () => {
    const routes = routesOf(
      aService('a', { hostnames: ['models'], match: { pathPrefix: '/v1/' } }),
      aService('b', { hostnames: ['models'], match: { pathPrefix: '/v1/embeddings' } }),
    );
    expect(at(routes, 'virtual_hosts.length')).toBe(1);
    expect(at(routes, 'virtual_hosts.0.domains')).toEqual(['models']);
    expect(at(routes, 'virtual_hosts.0.routes.1.match.prefix')).toBe('/v1/embeddings');
    expect(at(routes, 'virtual_hosts.0.routes.3.match.prefix')).toBe('/v1/');
  });

  it('splits hostnames that only some services share, so that no domain stands twice', () => {
    const routes = routesOf(
      aService('a', { hostnames: ['shared', 'only-a'], match: { pathPrefix: '/a/' } }),
      aService('b', { hostnames: ['Shared', 'only-b'], match: { pathPrefix: '/b' } }),
    );
    const hosts = routes.virtual_hosts as { name: string; domains: string[] }[];
    expect(hosts.map(({ name, domains }) => [name, domains])).toEqual([
      ['a', ['only-a']],
      ['a+b', ['shared']],
      ['b', ['only-b']],
    ]);
  });

  it('matches hostnames whatever port the client writes behind them', () => {
    expect(routesOf(aService('chat')).ignore_port_in_host_matching).toBe(true);
  });
});
