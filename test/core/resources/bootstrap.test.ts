import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonValue } from '../../../src/base/codec/index.ts';
import {
  bootstrap,
  commandLine,
  readBootstrap,
  readSecretFiles,
  secretFiles,
} from '../../../src/core/resources/index.ts';
import { at } from './read-resource.ts';

const BASE = { nodeId: 'a', group: 'lab', xds: ['127.0.0.1:18000'] };

describe('bootstrap', () => {
  it('says who the sidecar is and which listeners it moves', () => {
    expect(bootstrap({ ...BASE, listeners: { models: '127.0.0.1:16001' } }).node).toEqual({
      id: 'a',
      cluster: 'lab',
      metadata: { loadline: { listeners: { models: '127.0.0.1:16001' } } },
    });
  });

  it('waits at most 2 s for anything, so that an Envoy without a server soon serves what it has', () => {
    const found: string[] = [];
    visit(bootstrap(BASE), (key, value) => {
      if (key === 'initial_fetch_timeout') found.push(value as string);
      if (key.endsWith('_config') && at(value, 'ads') !== undefined)
        expect(at(value, 'initial_fetch_timeout'), key).toBeDefined();
    });
    expect(found.length).toBeGreaterThanOrEqual(5);
    for (const text of found) expect(Number.parseFloat(text)).toBeLessThanOrEqual(2);
  });

  it('comes back within 2 s after an outage', () => {
    expect(at(bootstrap(BASE), 'dynamic_resources.ads_config')).toMatchObject({
      api_type: 'DELTA_GRPC',
      set_node_on_first_message_only: true,
      grpc_services: [
        { envoy_grpc: { retry_policy: { retry_back_off: { base_interval: '0.2s', max_interval: '2s' } } } },
      ],
    });
  });

  it('has the runtime layers in the order of precedence, the operator last', () => {
    const layers = at(bootstrap(BASE), 'layered_runtime.layers') as { name: string }[];
    expect(layers.map(({ name }) => name)).toEqual(['lasting', 'lapsing', 'admin']);
  });

  it('reports load and has no per-endpoint stats, which Envoy would refuse beside it', () => {
    const text = JSON.stringify(bootstrap(BASE));
    expect(text).toContain('load_stats_config');
    expect(text).not.toContain('per_endpoint_stats');
  });

  it('takes two servers, names, IPv6 and UNIX sockets', () => {
    const xds = (addresses: string[]) =>
      at(bootstrap({ ...BASE, xds: addresses }), 'static_resources.clusters.0') as never;
    const addresses = (cluster: JsonValue) =>
      (at(cluster, 'load_assignment.endpoints.0.lb_endpoints') as JsonValue[]).map((each) =>
        at(each, 'endpoint.address'),
      );
    const two = xds(['[::1]:18000', 'unix:/run/loadline/xds.sock']);
    expect(at(two, 'type')).toBe('STATIC');
    expect(addresses(two)).toEqual([
      { socket_address: { address: '::1', port_value: 18_000 } },
      { pipe: { path: '/run/loadline/xds.sock' } },
    ]);
    expect(at(xds(['loadline.mesh.svc:18000']), 'type')).toBe('STRICT_DNS');
  });

  it('tells the server the port of the admin interface, where one was chosen', () => {
    const told = (admin?: string) =>
      at(bootstrap({ ...BASE, ...(admin === undefined ? {} : { admin }) }), 'node.metadata.loadline');
    expect(told('10.0.0.1:9901')).toEqual({ listeners: {}, adminPort: 9901 });
    for (const admin of [undefined, '127.0.0.1:0', 'unix:/run/admin.sock'])
      expect(told(admin)).toEqual({ listeners: {} });
  });

  it('speaks mutual TLS 1.3 to a server of the right name, with certificates that come by SDS', () => {
    const tls = { ca: '/c/ca.crt', cert: '/c/a.crt', key: '/c/a.key', sdsFolder: '/c/sds/' };
    const socket = (xds: string[], serverNames?: string[]) =>
      at(
        bootstrap({ ...BASE, xds, tls: { ...tls, ...(serverNames === undefined ? {} : { serverNames }) } }),
        'static_resources.clusters.0.transport_socket.typed_config',
      ) as never;
    const names = (made: JsonValue) =>
      at(
        made,
        'common_tls_context.combined_validation_context.default_validation_context.match_typed_subject_alt_names',
      );
    const two = socket(['loadline.mesh.svc:18000', '10.0.0.2:18000']);
    expect(at(two, 'sni')).toBe('loadline.mesh.svc');
    expect(names(two)).toEqual([
      { san_type: 'DNS', matcher: { exact: 'loadline.mesh.svc' } },
      { san_type: 'IP_ADDRESS', matcher: { exact: '10.0.0.2' } },
    ]);
    const named = socket(['unix:/run/xds.sock'], ['spiffe://mesh.example/loadline']);
    expect(at(named, 'sni')).toBeUndefined();
    expect(names(named)).toEqual([{ san_type: 'URI', matcher: { exact: 'spiffe://mesh.example/loadline' } }]);
    expect(at(two, 'common_tls_context.tls_params.tls_minimum_protocol_version')).toBe('TLSv1_3');
    const paths = JSON.stringify(two).match(/\/c\/sds\/[a-z-]+\.json/g);
    expect(paths).toEqual(Object.keys(secretFiles(tls)).map((name) => `/c/sds/${name}`));
    for (const file of Object.values(secretFiles(tls)))
      expect(encodeMessage('envoy.service.discovery.v3.DiscoveryResponse', file as never).length).toBeGreaterThan(50);
  });

  it('asks what stands beside it while the server cannot be reached, and reports load to the server alone', () => {
    const made = bootstrap({ ...BASE, fallback: 'unix:/run/fallback.sock' });
    expect(at(made, 'dynamic_resources.ads_config.grpc_services.0.envoy_grpc.cluster_name')).toBe('loadline_ads');
    expect(at(made, 'cluster_manager.load_stats_config.grpc_services.0.envoy_grpc.cluster_name')).toBe('loadline_xds');
    const clusters = at(made, 'static_resources.clusters') as JsonValue[];
    const [server, fallback, ads] = clusters as [JsonValue, JsonValue, JsonValue];
    expect(at(server, 'outlier_detection.enforcing_consecutive_gateway_failure')).toBe(100);
    expect(JSON.stringify(at(fallback, 'load_assignment'))).toContain('"pipe":{"path":"/run/fallback.sock"}');
    expect(at(ads, 'cluster_type.typed_config.clusters')).toEqual(['loadline_xds', 'loadline_fallback']);
    expect(at(bootstrap(BASE), 'static_resources.clusters.0.outlier_detection')).toBeUndefined();
  });

  it.each([
    { ...BASE, fallback: 'unix:/run/fallback.sock' },
    {
      ...BASE,
      xds: ['loadline.mesh.svc:18000', '[::1]:18000'],
      listeners: { models: '127.0.0.1:16001' },
      fallback: '127.0.0.1:18010',
      tls: { ca: '/c/ca.crt', cert: '/c/a.crt', key: '/c/a.key', sdsFolder: '/c/sds' },
    },
  ])('says to a fallback the same as to Envoy: %j', (options) => {
    const { tls, xds, fallback, listeners = {} } = options as Parameters<typeof bootstrap>[0];
    const read = readBootstrap(bootstrap(options));
    expect(read).toMatchObject({ nodeId: 'a', group: 'lab', xds, fallback, listeners });
    expect(read.zone).toBeUndefined();
    expect(readBootstrap(bootstrap({ ...options, zone: 'eu-a' })).zone).toBe('eu-a');
    expect(read.tls === undefined).toBe(tls === undefined);
    if (tls === undefined || read.tls === undefined) return;
    expect(read.tls.serverNames).toEqual(['loadline.mesh.svc', '::1']);
    const files = secretFiles(tls);
    const file = (path: string): JsonValue => files[path.slice('/c/sds/'.length)] as JsonValue;
    expect(readSecretFiles(file(read.tls.certificateFile), file(read.tls.authorityFile))).toEqual({
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
    });
  });

  it('is no bootstrap for a fallback without one, and a file with anything else is told', () => {
    expect(() => readBootstrap(bootstrap(BASE))).toThrow(/no cluster loadline_fallback.*--fallback ADDR/);
    for (const value of [null, [], 'x', { static_resources: { clusters: [{ name: 'loadline_xds' }] } }])
      expect(() => readBootstrap(value)).toThrow(/no cluster loadline_xds/);
    expect(() => readSecretFiles({}, {})).toThrow(/no resources\.0\.validation_context\.trusted_ca\.filename/);
  });

  it('is a message of Envoy: no field is misspelt', () => {
    const full = bootstrap({
      ...BASE,
      xds: ['a:1', 'b:2'],
      admin: 'unix:/run/admin.sock',
      zone: 'z',
      tls: { ca: '/ca', cert: '/cert', key: '/key', sdsFolder: '/sds' },
      listeners: { m: '[::1]:1' },
    });
    expect(encodeMessage('envoy.config.bootstrap.v3.Bootstrap', full).length).toBeGreaterThan(500);
  });

  it.each([
    [{ xds: [] }, /one or two xDS addresses/],
    [{ xds: ['a:1', 'b:1', 'c:1'] }, /one or two xDS addresses/],
    [{ xds: ['nonsense'] }, /xDS address nonsense/],
    [{ xds: ['127.0.0.1:0'] }, /expected HOST:PORT/],
    [{ admin: 'localhost:9901' }, /admin address localhost:9901/],
    [{ listeners: { models: 'models:1' } }, /listener models=models:1/],
    [
      { fallback: '10.0.0.1:18010' },
      /fallback address 10\.0\.0\.1:18010: expected unix:PATH, or an IP address of loopback/,
    ],
    [{ fallback: 'localhost:18010' }, /fallback address localhost:18010/],
    [{ fallback: '127.0.0.1:0' }, /fallback address 127\.0\.0\.1:0/],
    [{ fallback: 'sock' }, /fallback address sock/],
  ])('refuses %j', (over, message) => {
    expect(() => bootstrap({ ...BASE, ...over })).toThrow(message);
  });
});

describe('command line', () => {
  it('drains longer than the longest stream and lets several Envoys share a host', () => {
    const words = commandLine({ configPath: 'b.json', longestStreamMs: 7_200_000 });
    expect(words.slice(0, 3)).toEqual(['envoy', '-c', 'b.json']);
    expect(words).toContain('--use-dynamic-base-id');
    expect(Number(words[words.indexOf('--drain-time-s') + 1])).toBeGreaterThan(7200);
    expect(Number(words[words.indexOf('--parent-shutdown-time-s') + 1])).toBeGreaterThan(
      Number(words[words.indexOf('--drain-time-s') + 1]),
    );
    expect(words[words.indexOf('--concurrency') + 1]).toBe('1');
  });
});

function visit(value: JsonValue, see: (key: string, value: JsonValue) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    see(key, part as JsonValue);
    visit(part as JsonValue, see);
  }
}
