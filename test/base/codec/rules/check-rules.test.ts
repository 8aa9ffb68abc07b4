import { describe, expect, it } from 'vitest';
import { checkRules, encodeMessage, type JsonObject, typeUrlOf } from '../../../../src/base/codec/index.ts';
import { loadRules } from '../../../../src/base/codec/rules/check-rules.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const CLA = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
const ROUTES = 'envoy.config.route.v3.RouteConfiguration';

/** Violations as `path: message`. */
const broken = (typeName: string, json: JsonObject): string[] =>
  checkRules(typeName, encodeMessage(typeName, json)).map(({ path, message }) => `${path}: ${message}`);

const address = { socket_address: { address: '10.0.0.1', port_value: 80 } };
const endpoints = (lbEndpoint: JsonObject): JsonObject => ({
  cluster_name: 'chat',
  endpoints: [{ lb_endpoints: [{ endpoint: { address } }, { endpoint: { address }, ...lbEndpoint }] }],
});
const routes = (route: JsonObject): JsonObject => ({
  virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }],
});

describe('checkRules', () => {
  it('has read the rules: hundreds of fields have one', () => {
    expect(loadRules().fieldCount).toBeGreaterThan(500);
  });

  it('finds nothing to say about good messages', () => {
    expect(broken(CLA, endpoints({ load_balancing_weight: 1, health_status: 'DRAINING' }))).toEqual([]);
    expect(broken(CLUSTER, { name: 'chat', connect_timeout: '0.25s', outlier_detection: { interval: '1s' } })).toEqual(
      [],
    );
    expect(broken(ROUTES, routes({ route: { cluster: 'chat', retry_policy: { retry_on: '5xx' } } }))).toEqual([]);
  });

  // What is expected here is what Envoy 1.40.0 said to the same message; test/e2e repeats the comparison.
  it.each<[string, string, JsonObject, string[]]>([
    [
      'weight 0',
      CLA,
      endpoints({ load_balancing_weight: 0 }),
      ['endpoints[0].lb_endpoints[1].load_balancing_weight: value must be greater than or equal to 1'],
    ],
    [
      'an outlier interval of 0s',
      CLUSTER,
      { name: 'c', outlier_detection: { interval: '0s' } },
      ['outlier_detection.interval: value must be greater than 0s'],
    ],
    [
      'a percentage above 100',
      CLUSTER,
      { name: 'c', outlier_detection: { max_ejection_percent: 101 } },
      ['outlier_detection.max_ejection_percent: value must be less than or equal to 100'],
    ],
    [
      'a double out of range',
      CLUSTER,
      { name: 'c', circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 100.5 } } }] } },
      ['circuit_breakers.thresholds[0].retry_budget.budget_percent.value: value must be inside range [0, 100]'],
    ],
    ['an empty name', CLUSTER, {}, ['name: value length must be at least 1 characters']],
    [
      'an enum value from elsewhere',
      CLUSTER,
      { name: 'c', lb_policy: 77 },
      ['lb_policy: value must be one of the defined enum values'],
    ],
    [
      'a port that is missing: a oneof',
      CLA,
      {
        cluster_name: 'c',
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'a' } } } }] }],
      },
      ['endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_specifier: is required'],
    ],
    [
      'health checks without their required fields',
      CLUSTER,
      { name: 'c', health_checks: [{ interval: '1s', timeout: '0s', http_health_check: { path: '/' } }] },
      [
        'health_checks[0].timeout: value must be greater than 0s',
        'health_checks[0].unhealthy_threshold: value is required',
        'health_checks[0].healthy_threshold: value is required',
      ],
    ],
    [
      'a map key that is empty',
      CLUSTER,
      { name: 'c', metadata: { filter_metadata: { '': {} } } },
      ['metadata.filter_metadata[""]: value length must be at least 1 characters'],
    ],
    [
      'a list that is empty',
      ROUTES,
      { virtual_hosts: [{ name: 'v' }] },
      ['virtual_hosts[0].domains: value must contain at least 1 item(s)'],
    ],
    [
      'a status out of a half-open range, also when it is not set',
      ROUTES,
      routes({ direct_response: {} }),
      ['virtual_hosts[0].routes[0].direct_response.status: value must be inside range [200, 600)'],
    ],
    [
      'a required duration that is missing',
      ROUTES,
      routes({ route: { cluster: 'c', retry_policy: { retry_back_off: {} } } }),
      ['virtual_hosts[0].routes[0].route.retry_policy.retry_back_off.base_interval: value is required'],
    ],
    [
      'a header that would split',
      ROUTES,
      routes({ route: { cluster: 'c' }, request_headers_to_add: [{ header: { key: 'a\nb' } }] }),
      [
        'virtual_hosts[0].routes[0].request_headers_to_add[0].header.key: value does not match regex pattern "^[^\\x00\\n\\r]*$"',
      ],
    ],
    [
      'a pattern',
      ROUTES,
      {
        virtual_hosts: [
          { name: 'v', domains: ['*'], routes: [{ match: { path_separated_prefix: '/a/' }, route: { cluster: 'c' } }] },
        ],
      },
      ['virtual_hosts[0].routes[0].match.path_separated_prefix: value does not match regex pattern "^[^?#]+[^?#/]$"'],
    ],
  ])('refuses %s', (_, typeName, json, expected) => {
    expect(broken(typeName, json)).toEqual(expected);
  });

  it('looks into the content of an Any, and into an Any within it', () => {
    const router = {
      '@type': typeUrlOf('envoy.extensions.filters.http.router.v3.Router'),
      strict_check_headers: ['x-none'],
    };
    const listener: JsonObject = {
      filter_chains: [
        {
          filters: [
            {
              name: 'hcm',
              typed_config: {
                '@type': typeUrlOf('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
                stat_prefix: 's',
                rds: { config_source: { ads: {} } },
                http_filters: [{ name: 'router', typed_config: router }],
              },
            },
          ],
        },
      ],
    };
    expect(broken('envoy.config.listener.v3.Listener', listener)).toEqual([
      expect.stringMatching(
        /^filter_chains\[0\]\.filters\[0\]\.typed_config\.http_filters\[0\]\.typed_config\.strict_check_headers\[0\]: value must be in list \[/,
      ),
    ]);
  });

  it('says so when the content of an Any is not what its type says', () => {
    const typeUrl = Buffer.from('x/envoy.config.core.v3.Node');
    const any = Buffer.concat([Buffer.from([0x0a, typeUrl.length]), typeUrl, Buffer.from([0x12, 2, 0x0a, 9])]);
    expect(checkRules('google.protobuf.Any', any)).toEqual([
      expect.objectContaining({ rule: 'any', message: expect.stringContaining('not a envoy.config.core.v3.Node') }),
    ]);
  });

  it('does not ask for a member of a oneof while another one is set', () => {
    expect(broken('envoy.config.route.v3.RouteMatch', { prefix: '/' })).toEqual([]);
    expect(broken('envoy.config.route.v3.RouteMatch', {})).toEqual(['path_specifier: is required']);
  });

  it('obeys message.skip and ignore_empty', () => {
    // KeyValueAppend.entry is skipped: an entry without a key passes.
    expect(broken('envoy.config.core.v3.KeyValueAppend', { entry: {} })).toEqual([]);
    expect(broken('envoy.config.route.v3.RateLimit.HitsAddend', {})).toEqual([]);
    expect(broken('envoy.config.route.v3.RateLimit.HitsAddend', { format: 'x%' })).toEqual([
      'format: value does not have prefix %',
    ]);
  });

  it('stops at nesting without end instead of running out of stack', () => {
    const typeUrl = Buffer.from('/google.protobuf.Any');
    let any: Buffer = Buffer.alloc(0);
    for (let level = 0; level < 150; level += 1) {
      const length = any.length < 128 ? [any.length] : [(any.length & 0x7f) | 0x80, any.length >>> 7];
      any = Buffer.concat([Buffer.from([0x0a, typeUrl.length]), typeUrl, Buffer.from([0x12, ...length]), any]);
    }
    expect(checkRules('google.protobuf.Any', any)).toEqual([
      { path: '', rule: 'depth', message: 'nested deeper than 100 levels' },
    ]);
  });
});
