import { describe, expect, it } from 'vitest';
import { AssignmentEncoder, type JsonObject, messageToJson } from '../../../src/base/codec/index.ts';
import type { ModelService, Pool, Upstream, UpstreamTls } from '../../../src/core/policy/index.ts';
import {
  compileAssignments,
  compileStructure,
  renderForValidation,
  TYPE_URL,
} from '../../../src/core/resources/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const OPTIONS = { release: '1.40', listenerOverrides: {} };
const TLS: UpstreamTls = {
  sni: 'models.example',
  subjectAltNames: ['models.example'],
  trustedCa: { filename: '/etc/envoy/ca.pem' },
};
const OTHER: UpstreamTls = {
  subjectAltNames: ['spiffe://mesh.example/vllm', '10.0.0.1'],
  trustedCa: { sds: { path: '/etc/envoy/ca.json', name: 'ca' } },
  clientCertificate: { certificateChain: '/etc/envoy/own.pem', privateKey: '/etc/envoy/own.key' },
};
const CONTEXT = 'transport_socket.typed_config';

function aPool(name: string, tls?: UpstreamTls): Pool {
  const origin = { file: 'policy.yaml', line: 1, column: 1 };
  const endpoints = { kind: 'Static' as const, endpoints: [] };
  const own = tls === undefined ? {} : { upstream: { tls } };
  return { name, origin, capacityType: 'OnDemand', endpoints, signals: {}, ...own };
}

function withTls(
  protocol: Upstream['protocol'],
  tls: UpstreamTls | undefined,
  ...pools: readonly Pool[]
): ModelService {
  const upstream = tls === undefined ? { protocol } : { protocol, tls };
  return aService('chat', { upstream, pools: pools.length === 0 ? [aPool('gpu')] : pools });
}

function clusterOf(service: ModelService, name = 'chat'): JsonObject {
  return messageOf(compileStructure(aPolicy([service]), aGroup([service]), OPTIONS), 'cluster', name);
}

/** By port, what the endpoints say of their transport socket. */
function labels(service: ModelService, name = 'chat'): Readonly<Record<string, unknown>> {
  const members = service.pools.map(({ name: pool }, index) => anEndpoint('chat', 9101 + index, { pool }));
  const plan = aPlan(aPolicy([service]), { chat: members });
  const message = messageOf(compileAssignments(plan, aGroup([service]), new AssignmentEncoder()), 'endpoint', name);
  const endpoints = (message.endpoints as JsonObject[]).flatMap((one) => one.lb_endpoints as JsonObject[]);
  return Object.fromEntries(
    endpoints.map((one) => [at(one, 'endpoint.address.socket_address.port_value'), one.metadata]),
  );
}

const labelled = (pool: string) => ({ filter_metadata: { 'envoy.transport_socket_match': { pool } } });

describe('TLS to the servers', () => {
  it('is not there without a word of it', () => {
    const cluster = clusterOf(aService('chat'));
    expect(cluster).not.toHaveProperty('transport_socket');
    expect(cluster).not.toHaveProperty('transport_socket_matches');
  });

  it('checks the certificate by authority and name, in a version that clients of Envoy would not offer by themselves', () => {
    expect(at(clusterOf(withTls('Http2', TLS)), CONTEXT)).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      sni: 'models.example',
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2'],
        validation_context: {
          trusted_ca: { filename: '/etc/envoy/ca.pem' },
          match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'models.example' } }],
        },
      },
    });
  });

  it('takes secrets from files that Envoy watches, names of every kind, and a certificate of its own', () => {
    const context = at(clusterOf(withTls('Http1', OTHER)), `${CONTEXT}.common_tls_context`);
    expect(context).toMatchObject({
      alpn_protocols: ['http/1.1'],
      tls_certificates: [
        { certificate_chain: { filename: '/etc/envoy/own.pem' }, private_key: { filename: '/etc/envoy/own.key' } },
      ],
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [
            { san_type: 'URI', matcher: { exact: 'spiffe://mesh.example/vllm' } },
            { san_type: 'IP_ADDRESS', matcher: { exact: '10.0.0.1' } },
          ],
        },
        validation_context_sds_secret_config: {
          name: 'ca',
          sds_config: { path_config_source: { path: '/etc/envoy/ca.json' } },
        },
      },
    });
  });

  it('lets the handshake choose the protocol, but not that of a health check', () => {
    const healthCheck = {
      ...{ path: '/health', intervalMs: 5000, noTrafficIntervalMs: 5000, timeoutMs: 2000 },
      ...{ unhealthyThreshold: 2, healthyThreshold: 2 },
    };
    const cluster = clusterOf({ ...withTls('Auto', TLS), healthCheck });
    expect(at(cluster, `${CONTEXT}.common_tls_context`)).not.toHaveProperty('alpn_protocols');
    const options = 'typed_extension_protocol_options';
    const protocol = (cluster[options] as JsonObject)['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'];
    expect(protocol).toMatchObject({
      common_http_protocol_options: { idle_timeout: '4s' },
      auto_config: { http_protocol_options: {}, http2_protocol_options: { connection_keepalive: { interval: '30s' } } },
    });
    expect(at(cluster, 'health_checks.0.tls_options')).toEqual({ alpn_protocols: ['http/1.1'] });
  });
});

describe('pools that connect in different ways', () => {
  it('are one cluster, told apart by a label of their endpoints', () => {
    const service = withTls('Http1', TLS, aPool('near'), aPool('far', OTHER), aPool('same', TLS));
    const cluster = clusterOf(service);
    expect(at(cluster, `${CONTEXT}.sni`)).toBe('models.example');
    expect((cluster.transport_socket_matches as JsonObject[]).map(({ name, match }) => [name, match])).toEqual([
      ['far', { pool: 'far' }],
    ]);
    expect(labels(service)).toEqual({ 9101: undefined, 9102: labelled('far'), 9103: undefined });
  });

  it('may be in plaintext beside those that are not', () => {
    const service = withTls('Http1', undefined, aPool('plain'), aPool('sealed', TLS));
    expect(clusterOf(service)).not.toHaveProperty('transport_socket');
    expect(labels(service)).toEqual({ 9101: undefined, 9102: labelled('sealed') });
  });

  it('have no plaintext among them where each has its own: Envoy would then choose no protocol', () => {
    const service = withTls('Auto', undefined, aPool('a', TLS), aPool('b', OTHER));
    expect(at(clusterOf(service), `${CONTEXT}.sni`)).toBe('models.example');
    expect(labels(service)).toEqual({ 9101: undefined, 9102: labelled('b') });
  });

  it('are known in each cluster of a fixed split, where one pool stands behind the other', () => {
    const split = { kind: 'Fixed' as const, weights: { a: 1, b: 1 } };
    const service = { ...withTls('Http1', TLS, aPool('a'), aPool('b', OTHER)), split };
    for (const name of ['chat/a', 'chat/b']) {
      expect(at(clusterOf(service, name), 'transport_socket_matches.0.match')).toEqual({ pool: 'b' });
      expect(labels(service, name)).toEqual({ 9101: undefined, 9102: labelled('b') });
    }
  });
});

describe('what an Envoy on another machine is asked about', () => {
  it('names no file of the sidecars, and keeps the rest', () => {
    const service = withTls('Http1', TLS, aPool('near'), aPool('far', OTHER));
    const resources = compileStructure(aPolicy([service]), aGroup([service]), OPTIONS);
    const rendered = JSON.stringify(renderForValidation(resources));
    expect(JSON.stringify(resources.map((one) => messageToJson(one.typeUrl, one.bytes)))).toContain('/etc/envoy/');
    expect(rendered).not.toContain('/etc/envoy/');
    expect(rendered).toContain('spiffe://mesh.example/vllm');
    expect(rendered).toContain('models.example');
    expect(resources.some(({ typeUrl }) => typeUrl === TYPE_URL.cluster)).toBe(true);
  });
});
