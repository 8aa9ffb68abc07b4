import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeMessage,
  type JsonObject,
  type JsonValue,
  messageToJson,
  typeUrlOf,
} from '../../../src/base/codec/index.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const NODE = 'envoy.config.core.v3.Node';
const HTTP_OPTIONS = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('encodeMessage', () => {
  it('writes the bytes that protobuf prescribes', () => {
    const bytes = encodeMessage(CLUSTER, {
      name: 'chat',
      connect_timeout: '0.250s',
      circuit_breakers: { thresholds: [{ max_requests: 7, retry_budget: { budget_interval: '1s' } }] },
      outlier_detection: { detect_degraded_hosts: true },
    });
    expect(hex(bytes)).toBe(
      [
        '0a04' + '63686174', // name (1) "chat"
        '2205' + '1080e59a77', // connect_timeout (4): nanos (2) 250 000 000
        '520c' + '0a0a', // circuit_breakers (10), thresholds (1)
        '2202' + '0807', // max_requests (4): UInt32Value 7
        '4204' + '1a020801', // retry_budget (8): budget_interval (3), seconds (1) 1
        '9a0105' + 'd201020801', // outlier_detection (19): detect_degraded_hosts (26): BoolValue true
      ].join(''),
    );
  });

  it('sorts the keys of a Struct', () => {
    expect(hex(encodeMessage(NODE, { id: 'n', metadata: { b: true, a: ['x', null, 1.5] } }))).toBe(
      [
        '0a01' + '6e', // id (1) "n"
        '1a26', // metadata (3)
        '0a1b' + '0a0161' + '1216' + '3214' + '0a03' + '1a0178' + '0a02' + '0800' + '0a09' + '11000000000000f83f',
        '0a07' + '0a0162' + '1202' + '2001',
      ].join(''),
    );
  });

  it('takes snake_case and camelCase, a name and a type URL', () => {
    const snake = encodeMessage(CLUSTER, { connect_timeout: '5s', eds_cluster_config: { service_name: 'a' } });
    const camel = encodeMessage(typeUrlOf(CLUSTER), { connectTimeout: '5s', edsClusterConfig: { serviceName: 'a' } });
    expect(hex(camel)).toBe(hex(snake));
  });

  it('packs an Any by its @type', () => {
    const options = { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 100 } } };
    const json = { typed_extension_protocol_options: { x: { '@type': HTTP_OPTIONS, ...options } } };
    expect(hex(encodeMessage(CLUSTER, json))).toContain(hex(encodeMessage(HTTP_OPTIONS, options)));
    expect(messageToJson(CLUSTER, encodeMessage(CLUSTER, json))).toEqual(json);
  });

  it.each<[string, JsonObject, string]>([
    ['an unknown field', { outlier_detection: { max_ejection_percnt: 3 } }, 'outlier_detection.max_ejection_percnt'],
    ['an unknown enum value', { type: 'EDZ' }, 'type'],
    ['a wrong type', { name: 7 }, 'name'],
    ['a duration without unit', { connect_timeout: '5' }, 'connect_timeout'],
    [
      'a number out of range',
      { circuit_breakers: { thresholds: [{ max_requests: 2 ** 32 }] } },
      'thresholds[0].max_requests',
    ],
    [
      'a fault deep in a list',
      { load_assignment: { endpoints: [{}, { lb_endpoints: [{ health_status: 'SICK' }] }] } },
      'load_assignment.endpoints[1].lb_endpoints[0].health_status',
    ],
    ['a fault in a map', { metadata: { filter_metadata: { lb: 4 } } }, 'metadata.filter_metadata["lb"]'],
    [
      'two members of a oneof within an Any',
      {
        typed_extension_protocol_options: {
          x: { '@type': HTTP_OPTIONS, explicit_http_config: { http_protocol_options: {}, http2_protocol_options: {} } },
        },
      },
      'typed_extension_protocol_options["x"].explicit_http_config',
    ],
    ['an Any of an unknown type', { typed_extension_protocol_options: { x: { '@type': 'a/b.C' } } }, '["x"].@type'],
    ['an Any without a type', { typed_extension_protocol_options: { x: { '@type': 4 } } }, '["x"]'],
    ['a field twice', { connect_timeout: '1s', connectTimeout: '2s' }, 'duplicate field'],
  ])('refuses %s and says where', (_, json, path) => {
    expect(() => encodeMessage(CLUSTER, json)).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_INVALID_MESSAGE', message: expect.stringContaining(`${path}`) }),
    );
  });

  it('refuses a type that it does not have', () => {
    for (const name of ['envoy.config.cluster.v3.Nothing', 'Cluster', 'cluster.v3.Cluster', '', 'constructor']) {
      expect(() => encodeMessage(name, {})).toThrow(expect.objectContaining({ code: 'LOADLINE_CODEC_UNKNOWN_TYPE' }));
    }
  });

  it('refuses nesting without end instead of running out of stack', () => {
    let value: JsonValue = 1;
    for (let level = 0; level < 5000; level += 1) value = { a: value };
    expect(() => encodeMessage(NODE, { metadata: value as JsonObject })).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_INVALID_MESSAGE' }),
    );
  });

  it('gives equal bytes whatever the order of keys, in maps, Struct and Any', () => {
    const struct = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>, { maxKeys: 6 });
    fc.assert(
      fc.property(struct, struct, fc.infiniteStream(fc.nat()), (one, two, choices) => {
        const json: JsonObject = {
          name: 'a',
          metadata: {
            filter_metadata: { one, two },
            typed_filter_metadata: {
              node: { '@type': typeUrlOf(NODE), id: 'n', metadata: one },
              struct: { '@type': 'type.googleapis.com/google.protobuf.Struct', value: two },
            },
          },
        };
        const shuffled = shuffleKeys(json, () => choices.next().value as number) as JsonObject;
        expect(hex(encodeMessage(CLUSTER, shuffled))).toBe(hex(encodeMessage(CLUSTER, json)));
      }),
      { numRuns: 60 },
    );
  });
});

/** The same value with the keys of every object in another order. */
function shuffleKeys(value: JsonValue, choose: () => number): JsonValue {
  if (Array.isArray(value)) return value.map((element: JsonValue) => shuffleKeys(element, choose));
  if (typeof value !== 'object' || value === null) return value;
  const rest = Object.entries(value);
  const out = Object.create(null) as Record<string, JsonValue>;
  while (rest.length > 0) {
    const [[key, element]] = rest.splice(choose() % rest.length, 1) as [[string, JsonValue]];
    out[key] = shuffleKeys(element, choose);
  }
  return out;
}
