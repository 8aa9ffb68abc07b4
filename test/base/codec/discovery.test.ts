import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeDeltaRequest,
  decodeMessage,
  decodeSotwRequest,
  encodeDeltaResponse,
  encodeMessage,
  encodeResource,
  encodeSotwResponse,
  type JsonObject,
  TypeUrls,
} from '../../../src/base/codec/index.ts';

const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

describe('encodeDeltaResponse', () => {
  it('writes the same bytes as the generic encoder', () => {
    const names = fc.array(fc.string(), { maxLength: 5 });
    fc.assert(
      fc.property(names, names, fc.string(), fc.boolean(), (names, removed, nonce, typed) => {
        const resources = names.map((name) => encodeResource({ typeUrl: CLUSTER, name, json: { name } }));
        const typeUrl = typed ? CLUSTER : '';
        const fast = encodeDeltaResponse({
          typeUrl,
          resources,
          removed,
          nonce,
        });
        const generic = encodeMessage(RESPONSE, {
          resources: resources.map(({ name, version }) => ({ name, version, resource: { '@type': CLUSTER, name } })),
          type_url: typeUrl,
          nonce,
          removed_resources: removed,
        });
        expect(fast).toEqual(Buffer.from(generic));
      }),
      { numRuns: 200 },
    );
  });

  it('is a Buffer of its own bytes only, as grpc-js needs it', () => {
    const response = encodeDeltaResponse({
      typeUrl: CLUSTER,
      resources: [],
      removed: ['a'],
      nonce: '1',
    });
    expect(Buffer.isBuffer(response)).toBe(true);
    expect(decodeMessage(RESPONSE, response)).toEqual({ type_url: CLUSTER, removed_resources: ['a'], nonce: '1' });
  });
});

describe('encodeSotwResponse', () => {
  const RUNTIME = 'type.googleapis.com/envoy.service.runtime.v3.Runtime';
  const SOTW_RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

  it('writes the same bytes as the generic encoder', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 5 }), fc.string(), fc.string(), (names, version, nonce) => {
        const resources = names.map((name) => encodeResource({ typeUrl: CLUSTER, name, json: { name } }));
        const generic = encodeMessage(SOTW_RESPONSE, {
          version_info: version,
          resources: names.map((name) => ({ '@type': CLUSTER, name })),
          type_url: CLUSTER,
          nonce,
        });
        const fast = encodeSotwResponse({ typeUrl: CLUSTER, resources, version, nonce, wrapTtl: true });
        expect(fast).toEqual(Buffer.from(generic));
      }),
    );
  });

  it('wraps only what has a TTL, and only for a client that takes it so', () => {
    const lapsing = encodeResource({ typeUrl: RUNTIME, name: 'lapsing', json: { name: 'lapsing' }, ttlMs: 3000 });
    const lasting = encodeResource({ typeUrl: RUNTIME, name: 'lasting', json: { name: 'lasting' } });
    const types = (wrapTtl: boolean): readonly string[] => {
      const bytes = encodeSotwResponse({
        typeUrl: RUNTIME,
        resources: [lapsing, lasting],
        version: 'v',
        nonce: '1',
        wrapTtl,
      });
      const { resources = [] } = decodeMessage(SOTW_RESPONSE, bytes) as { resources?: { type_url: string }[] };
      return resources.map(({ type_url }) => type_url.slice(type_url.lastIndexOf('.') + 1));
    };
    expect(types(true)).toEqual(['Resource', 'Runtime']);
    expect(types(false)).toEqual(['Runtime', 'Runtime']);
  });
});

describe('decodeSotwRequest', () => {
  const SOTW_REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest';

  it('reads everything, and the node on demand', () => {
    const bytes = encodeMessage(SOTW_REQUEST, {
      node: { id: 'a', cluster: 'lab' },
      type_url: CLUSTER,
      resource_names: ['*', 'ä'],
      version_info: 'v1',
      response_nonce: 'n7',
      error_detail: { code: 3, message: 'no' },
    });
    const read = { typeUrl: CLUSTER, names: ['*', 'ä'], version: 'v1', nonce: 'n7', errorDetail: { message: 'no' } };
    expect(decodeSotwRequest(bytes)).toEqual(read);
    expect(decodeSotwRequest(bytes, { typeUrls: new TypeUrls([CLUSTER]) })).toEqual(read);
    expect(decodeSotwRequest(bytes, { node: true }).node).toMatchObject({ id: 'a', cluster: 'lab', envoyVersion: '' });
  });

  it('keeps both ends of a text that is too long to be read by anybody', () => {
    const message = `begin ${'x'.repeat(100_000)} the reason`;
    const { errorDetail } = decodeSotwRequest(encodeMessage(SOTW_REQUEST, { error_detail: { message } }));
    expect(errorDetail?.message.length).toBeLessThan(10_000);
    expect(errorDetail?.message).toMatch(/^begin x.* the reason$/);
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
      errorDetail: { message: 'no such thing' },
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
