import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkRules,
  decodeDeltaRequest,
  decodeLoadStatsRequest,
  decodeMessage,
  encodeMessage,
  messageToJson,
} from '../../../src/base/codec/index.ts';
import { LoadlineError } from '../../../src/base/errors.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  decodeDeltaRequest: (bytes) => decodeDeltaRequest(bytes, { node: true }),
  decodeLoadStatsRequest,
  decodeMessage: (bytes) => decodeMessage(CLUSTER, bytes),
  messageToJson: (bytes) => messageToJson(CLUSTER, bytes),
  checkRules: (bytes) => checkRules(CLUSTER, bytes),
};

const SEEDS: Readonly<Record<string, Uint8Array>> = {
  request: encodeMessage('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
    node: { id: 'n', metadata: { a: [1, { b: null }] }, user_agent_build_version: { version: { major_number: 1 } } },
    type_url: 't',
    resource_names_subscribe: ['a', 'b'],
    initial_resource_versions: { a: '1' },
    error_detail: { code: 1, message: 'm' },
  }),
  report: encodeMessage('envoy.service.load_stats.v3.LoadStatsRequest', {
    cluster_stats: [
      {
        cluster_name: 'c',
        load_report_interval: '1s',
        upstream_locality_stats: [{ upstream_endpoint_stats: [{ total_issued_requests: 5 }] }],
      },
    ],
  }),
  cluster: encodeMessage(CLUSTER, {
    name: 'c',
    connect_timeout: '1s',
    metadata: { typed_filter_metadata: { a: { '@type': 'x/envoy.config.core.v3.Node', metadata: { k: [1] } } } },
  }),
};

/** Reads bytes or says LOADLINE_CODEC_UNREADABLE; everything else is a crash. Returns whether it could be read. */
function reads(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(LoadlineError);
    expect((error as LoadlineError).code).toBe('LOADLINE_CODEC_UNREADABLE');
    return false;
  }
}

describe.each(Object.entries(DECODERS))('%s on bytes from a stranger', (_, decode) => {
  it('survives noise, and refuses some of it', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        if (!reads(decode, bytes)) refused += 1;
      }),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('survives a true message that is cut off or has flipped bits', () => {
    const damage = fc.record({
      seed: fc.constantFrom(...Object.values(SEEDS)),
      cut: fc.nat(400),
      flips: fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(damage, ({ seed, cut, flips }) => {
        const bytes = Uint8Array.from(seed.subarray(0, Math.max(1, seed.length - (cut % seed.length))));
        for (const [at, mask] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
        reads(decode, bytes);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a length that runs over the end', () => {
    expect(reads(decode, Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x7f, 1))).toBe(false);
  });
});
