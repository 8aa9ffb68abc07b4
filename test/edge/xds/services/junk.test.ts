import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../../src/base/codec/index.ts';
import {
  type ClientStatusSource,
  clientStatusMethods,
  HealthService,
  reflectionMethods,
  servedServices,
} from '../../../../src/edge/xds/services/index.ts';
import { type RpcMethods, STATUS } from '../../../../src/edge/xds/transport/rpc.ts';
import { FakeRpc } from './fake-rpc.ts';

const nobody: ClientStatusSource = {
  nodes: () => [{ id: 'web-0', group: 'web', envoyVersion: '1.40.0', metadata: { zone: 'a', tags: ['b'] } }],
  resources: () => [],
};

const status = clientStatusMethods(nobody);
const health = new HealthService({ services: servedServices(status), status: () => 'SERVING' });
const served: RpcMethods = new Map([...status, ...health.methods]);
const methods: RpcMethods = new Map([...served, ...reflectionMethods(servedServices(served))]);

const SEEDS: readonly Uint8Array[] = [
  encodeMessage('grpc.health.v1.HealthCheckRequest', { service: 'grpc.health.v1.Health' }),
  encodeMessage('grpc.reflection.v1.ServerReflectionRequest', {
    host: 'h',
    file_containing_extension: { containing_type: 'google.protobuf.FieldOptions', extension_number: 1071 },
  }),
  encodeMessage('envoy.service.status.v3.ClientStatusRequest', {
    node: { id: 'me', metadata: { a: [1, { b: null }] } },
    node_matchers: [
      { node_id: { safe_regex: { google_re2: {}, regex: '(web|api)-[0-9]{1,3}' } } },
      {
        node_metadatas: [
          {
            path: [{ key: 'zone' }],
            value: {
              or_match: { value_matchers: [{ string_match: { prefix: 'a' } }, { double_match: { exact: 1 } }] },
            },
          },
          { path: [{ key: 'tags' }], value: { list_match: { one_of: { string_match: { suffix: 'b' } } } } },
        ],
      },
    ],
  }),
];

const noise = fc.uint8Array({ maxLength: 100 });
const damaged = fc
  .record({
    seed: fc.constantFrom(...SEEDS),
    cut: fc.nat(300),
    flips: fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
  })
  .map(({ seed, cut, flips }) => {
    const bytes = Uint8Array.from(seed.subarray(0, Math.max(1, seed.length - (cut % seed.length))));
    for (const [at, mask] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
    return bytes;
  });

it('there are three services, each with its methods', () => {
  expect(servedServices(methods)).toEqual([
    'envoy.service.status.v3.ClientStatusDiscoveryService',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
  ]);
  expect(methods.size).toBe(7);
});

describe.each([...methods.keys()])('%s on bytes from a stranger', (path) => {
  it('answers or ends with words', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(noise, damaged), (bytes) => {
        const rpc = new FakeRpc(methods, path).request(bytes).halfClose();
        if (rpc.ended === undefined || rpc.ended.status === STATUS.OK) {
          expect(rpc.sent.length).toBeGreaterThan(0);
          return;
        }
        refused += 1;
        expect([STATUS.INVALID_ARGUMENT, STATUS.NOT_FOUND, STATUS.RESOURCE_EXHAUSTED]).toContain(rpc.ended.status);
        expect(rpc.ended.message).not.toBe('');
      }),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});
