import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeDeltaRequest,
  decodeMessage,
  encodeDeltaResponse,
  encodeMessage,
  encodeResource,
  type JsonObject,
} from '../../../src/base/codec/index.ts';

const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

describe('encodeDeltaResponse', () => {
  it('writes the same bytes as the generic encoder', () => {
    const names = fc.array(fc.string(), { maxLength: 5 });
    fc.assert(
      fc.property(
        names,
        names,
        fc.string(),
        fc.string(),
        fc.boolean(),
        (names, removed, nonce, systemVersion, typed) => {
          const resources = names.map((name) => encodeResource({ typeUrl: CLUSTER, name, json: { name } }));
          const typeUrl = typed ? CLUSTER : '';
          const fast = encodeDeltaResponse({
            typeUrl,
            resources: resources.map(({ delta }) => delta),
            removed,
            nonce,
            systemVersion,
          });
          const generic = encodeMessage(RESPONSE, {
            system_version_info: systemVersion,
            resources: resources.map(({ name, version }) => ({ name, version, resource: { '@type': CLUSTER, name } })),
            type_url: typeUrl,
            nonce,
            removed_resources: removed,
          });
          expect(fast).toEqual(Buffer.from(generic));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is a Buffer of its own bytes only, as grpc-js needs it', () => {
    const response = encodeDeltaResponse({
      typeUrl: CLUSTER,
      resources: [],
      removed: ['a'],
      nonce: '1',
      systemVersion: '',
    });
    expect(Buffer.isBuffer(response)).toBe(true);
    expect(decodeMessage(RESPONSE, response)).toEqual({ type_url: CLUSTER, removed_resources: ['a'], nonce: '1' });
  });
});

const node: JsonObject = {
  id: 'sidecar-1',
  cluster: 'lab',
  metadata: { listeners: { chat: '127.0.0.1:10000' } },
  locality: { zone: 'z1' },
  user_agent_name: 'envoy',
  user_agent_build_version: { version: { major_number: 1, minor_number: 36, patch: 2 } },
  client_features: ['envoy.lb.does_not_support_overprovisioning'],
  extensions: [{ name: 'envoy.filters.http.router', type_urls: ['a'] }],
};

describe('decodeDeltaRequest', () => {
  const full = encodeMessage(REQUEST, {
    node,
    type_url: CLUSTER,
    resource_names_subscribe: ['*', 'a'],
    resource_names_unsubscribe: ['b'],
    initial_resource_versions: { a: 'v1', ['__proto__']: 'v2' },
    response_nonce: 'n7',
    error_detail: { code: 13, message: 'no such thing' },
  });

  it('reads everything but the node', () => {
    expect(decodeDeltaRequest(full)).toEqual({
      typeUrl: CLUSTER,
      subscribe: ['*', 'a'],
      unsubscribe: ['b'],
      initialVersions: Object.assign(Object.create(null), { a: 'v1', ['__proto__']: 'v2' }),
      nonce: 'n7',
      errorDetail: { code: 13, message: 'no such thing' },
    });
  });

  it('reads the node on demand', () => {
    expect(decodeDeltaRequest(full, { node: true }).node).toEqual({
      id: 'sidecar-1',
      cluster: 'lab',
      metadata: { listeners: { chat: '127.0.0.1:10000' } },
      envoyVersion: '1.36.2',
      userAgent: 'envoy',
      clientFeatures: ['envoy.lb.does_not_support_overprovisioning'],
      zone: 'z1',
    });
    expect(decodeDeltaRequest(encodeMessage(REQUEST, { node: {} }), { node: true }).node).toEqual({
      id: '',
      cluster: '',
      metadata: {},
      envoyVersion: '',
      userAgent: '',
      clientFeatures: [],
      zone: '',
    });
  });

  it('tells a NACK by the presence of error_detail, even when that is empty', () => {
    expect(decodeDeltaRequest(encodeMessage(REQUEST, { response_nonce: '1', error_detail: {} })).errorDetail).toEqual({
      code: 0,
      message: '',
    });
    expect(decodeDeltaRequest(encodeMessage(REQUEST, { response_nonce: '1' }))).not.toHaveProperty('errorDetail');
  });

  it('steps over fields that a later Envoy may add', () => {
    const later = Buffer.concat([Buffer.from('7a03010203', 'hex'), Buffer.from('8001ff01', 'hex'), full]);
    expect(decodeDeltaRequest(later)).toEqual(decodeDeltaRequest(full));
  });

  it('agrees with the generic decoder on any request', () => {
    const texts = fc.array(fc.string(), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.string(),
        texts,
        texts,
        fc.dictionary(fc.string(), fc.string()),
        (nonce, subscribe, unsubscribe, versions) => {
          const bytes = encodeMessage(REQUEST, {
            response_nonce: nonce,
            resource_names_subscribe: subscribe,
            resource_names_unsubscribe: unsubscribe,
            initial_resource_versions: versions,
          });
          const generic = decodeMessage(REQUEST, bytes);
          const fast = decodeDeltaRequest(bytes);
          expect(fast.nonce).toBe(generic.response_nonce ?? '');
          expect(fast.subscribe).toEqual(generic.resource_names_subscribe ?? []);
          expect(fast.unsubscribe).toEqual(generic.resource_names_unsubscribe ?? []);
          expect(Object.entries(fast.initialVersions)).toEqual(Object.entries(generic.initial_resource_versions ?? {}));
        },
      ),
      { numRuns: 200 },
    );
  });
});
