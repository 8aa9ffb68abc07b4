import { describe, expect, it } from 'vitest';
import { compileStructure } from '../../../src/core/resources/index.ts';
import { aGroup, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const HEALTH_CHECK = {
  path: '/health',
  intervalMs: 5000,
  noTrafficIntervalMs: 7000,
  timeoutMs: 2000,
  unhealthyThreshold: 2,
  healthyThreshold: 3,
};

function clusterOf(service: ReturnType<typeof aService>) {
  const resources = compileStructure(aPolicy([service]), aGroup([service]), { release: '1.40', listenerOverrides: {} });
  return messageOf(resources, 'cluster', service.name);
}

describe('cluster', () => {
  it('takes its endpoints from ADS and waits at most 2 s for them', () => {
    expect(clusterOf(aService('chat'))).toMatchObject({
      name: 'chat',
      type: 'EDS',
      eds_cluster_config: {
        service_name: 'chat',
        eds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '2s' },
      },
      connect_timeout: '2s',
      ignore_health_on_host_removal: true,
    });
  });

  it('applies weights and ejections at once and never panics', () => {
    const cluster = clusterOf(aService('chat'));
    expect(at(cluster, 'common_lb_config.update_merge_window')).toBe('0s');
    expect(at(cluster, 'common_lb_config.healthy_panic_threshold')).toEqual({});
  });

  it('has Envoy report what answers say of the load, where the policy listens, by name and nothing else', () => {
    expect(clusterOf(aService('chat'))).not.toHaveProperty('lrs_report_endpoint_metrics');
    expect(clusterOf(aService('chat', { orca: { requestFormat: 'None' } })).lrs_report_endpoint_metrics).toEqual([
      'named_metrics.kv_cache_usage_perc',
      'named_metrics.num_requests_waiting',
      'named_metrics.kv_cache_utilization',
    ]);
  });

  it('ejects on gateway failures in a row, which Envoy only counts by default, and on local failures apart from them', () => {
    expect(clusterOf(aService('chat')).outlier_detection).toEqual({
      interval: '5s',
      base_ejection_time: '30s',
      max_ejection_percent: 50,
      always_eject_one_host: true,
      consecutive_gateway_failure: 3,
      enforcing_consecutive_gateway_failure: 100,
      enforcing_consecutive_5xx: 0,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 3,
      enforcing_consecutive_local_origin_failure: 100,
      enforcing_success_rate: 0,
      enforcing_local_origin_success_rate: 0,
      successful_active_health_check_uneject_host: false,
    });
  });

  it('asks servers how they are only where the policy says so', () => {
    const plain = clusterOf(aService('chat'));
    expect(plain).not.toHaveProperty('health_checks');
    expect(plain.common_lb_config).not.toHaveProperty('ignore_new_hosts_until_first_hc');
  });

  it('checks health with the policy’s times, also while idle, never in step, and by the protocol of the servers', () => {
    const checked = clusterOf(aService('chat', { hostnames: ['*.models', 'chat.models'], healthCheck: HEALTH_CHECK }));
    expect(checked.health_checks).toEqual([
      {
        timeout: '2s',
        interval: '5s',
        no_traffic_interval: '7s',
        initial_jitter: '1s',
        interval_jitter_percent: 25,
        unhealthy_threshold: 2,
        healthy_threshold: 3,
        reuse_connection: false,
        http_health_check: {
          host: 'chat.models',
          path: '/health',
          retriable_statuses: [{ start: '100', end: '600' }],
        },
      },
    ]);
    expect(at(checked, 'common_lb_config.ignore_new_hosts_until_first_hc')).toBe(true);
    const two = clusterOf(
      aService('chat', {
        hostnames: ['*'],
        upstream: { protocol: 'Http2' },
        healthCheck: { ...HEALTH_CHECK, intervalMs: 300 },
      }),
    );
    expect(at(two, 'health_checks')).toMatchObject([
      {
        initial_jitter: '0.300s',
        reuse_connection: true,
        http_health_check: { host: 'chat', codec_client_type: 'HTTP2' },
      },
    ]);
  });

  it('balances by weight alone: with a local cluster, zones would override the weights', () => {
    for (const type of ['LeastRequest', 'RoundRobin'] as const) {
      const base = aService('chat');
      const cluster = clusterOf({ ...base, loadBalancer: { ...base.loadBalancer, type } });
      const policy = at(cluster, 'load_balancing_policy.policies.0.typed_extension_config.typed_config');
      expect(policy).toMatchObject({
        '@type': expect.stringContaining(type),
        locality_lb_config: { zone_aware_lb_config: { routing_enabled: {} } },
      });
    }
  });

  it('drops idle HTTP/1 connections before the model server does, and pings HTTP/2 ones', () => {
    const options = 'typed_extension_protocol_options';
    const key = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    const h1 = (clusterOf(aService('chat'))[options] as Record<string, object>)[key];
    const h2 = (clusterOf(aService('chat', { upstream: { protocol: 'Http2' } }))[options] as Record<string, object>)[
      key
    ];
    expect(h1).toMatchObject({
      common_http_protocol_options: { idle_timeout: '4s' },
      explicit_http_config: { http_protocol_options: {} },
    });
    expect(h2).toMatchObject({
      explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '5s' } } },
    });
  });
});
