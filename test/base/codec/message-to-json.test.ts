import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, type JsonObject, messageToJson } from '../../../src/base/codec/index.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const ANY = 'google.protobuf.Any';

const json: JsonObject = {
  name: 'chat',
  type: 'EDS',
  connect_timeout: '0.250s',
  lb_policy: 'LEAST_REQUEST',
  health_checks: [
    { timeout: '1s', interval: '2s', http_health_check: { path: '/', response_buffer_size: '9007199254740993' } },
  ],
  metadata: {
    filter_metadata: { b: { list: [1, 'two', null, { deep: true }] }, a: {} },
    typed_filter_metadata: {
      duration: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1.500s' },
      node: { '@type': 'type.googleapis.com/envoy.config.core.v3.Node', id: 'n', locality: { zone: 'z' } },
    },
  },
};

describe('messageToJson', () => {
  it('gives back what was encoded, with the names of the .proto files', () => {
    expect(messageToJson(CLUSTER, encodeMessage(CLUSTER, json))).toEqual(json);
  });

  it('keeps the content of an Any whose type is unknown', () => {
    const any = Buffer.concat([Buffer.from('0a056d792f4f6e12', 'hex'), Buffer.from([3, 1, 2, 3])]);
    expect(messageToJson(ANY, any)).toEqual({ '@type': 'my/On', value: 'AQID' });
  });

  it('refuses junk, also within an Any', () => {
    const unreadable = expect.objectContaining({ code: 'LOADLINE_CODEC_UNREADABLE' });
    expect(() => messageToJson(CLUSTER, Uint8Array.of(0x0a, 0x50, 1))).toThrow(unreadable);
    const typeUrl = Buffer.from('type.googleapis.com/envoy.config.core.v3.Node');
    const any = Buffer.concat([Buffer.from([0x0a, typeUrl.length]), typeUrl, Buffer.from([0x12, 2, 0x0a, 0x50])]);
    expect(() => messageToJson(ANY, any)).toThrow(unreadable);
  });

  it('refuses an Any within an Any within an Any … without running out of stack', () => {
    const typeUrl = Buffer.from('/google.protobuf.Any');
    let any: Buffer = Buffer.alloc(0);
    for (let level = 0; level < 3000; level += 1) any = anyOf(typeUrl, any);
    expect(() => messageToJson(ANY, any)).toThrow(expect.objectContaining({ code: 'LOADLINE_CODEC_UNREADABLE' }));
  });
});

describe('decodeMessage', () => {
  it('gives plain objects: names as in the .proto files, enums by name, what is not set left out', () => {
    const bytes = encodeMessage(CLUSTER, {
      name: 'chat',
      type: 'EDS',
      connect_timeout: '0.250s',
      metadata: { typed_filter_metadata: { node: { '@type': 'x/envoy.config.core.v3.Node', id: 'n' } } },
      circuit_breakers: { thresholds: [{ max_requests: 7 }] },
    });
    expect(decodeMessage(CLUSTER, bytes)).toEqual({
      name: 'chat',
      type: 'EDS',
      connect_timeout: { nanos: 250_000_000 },
      metadata: {
        typed_filter_metadata: {
          node: { type_url: 'x/envoy.config.core.v3.Node', value: Buffer.from([0x0a, 1, 0x6e]) },
        },
      },
      circuit_breakers: { thresholds: [{ max_requests: { value: 7 } }] },
    });
  });

  it('gives 64-bit integers as numbers and refuses those that a number cannot hold', () => {
    const check = (size: string): Uint8Array =>
      encodeMessage('google.protobuf.UInt64Value', size as unknown as JsonObject);
    expect(decodeMessage('google.protobuf.UInt64Value', check('9007199254740991'))).toEqual({ value: 2 ** 53 - 1 });
    expect(() => decodeMessage('google.protobuf.UInt64Value', check('9007199254740992'))).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_UNREADABLE', message: expect.stringContaining('2^53') }),
    );
  });
});

function anyOf(typeUrl: Buffer, value: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = value.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([0x0a, typeUrl.length]), typeUrl, Buffer.from([0x12, ...length]), value]);
}
