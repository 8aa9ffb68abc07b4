import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodedResourceFromBytes,
  encodeMessage,
  encodeResource,
  heartbeatBytes,
  type JsonObject,
  messageToJson,
} from '../../../src/base/codec/index.ts';

const RUNTIME = 'type.googleapis.com/envoy.service.runtime.v3.Runtime';
const RESOURCE = 'envoy.service.discovery.v3.Resource';

const runtime = (layer: JsonObject, ttlMs?: number): ReturnType<typeof encodeResource> =>
  encodeResource({
    typeUrl: RUNTIME,
    name: 'lasting',
    json: { name: 'lasting', layer },
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });

describe('a resource', () => {
  it('has the hash of its content as version: equal content, equal version', () => {
    expect(runtime({ a: 1, b: 2 }).version).toBe(runtime({ b: 2, a: 1 }).version);
    expect(runtime({ a: 1 }).version).not.toBe(runtime({ a: 2 }).version);
    expect(runtime({ a: 1 }).version).toMatch(/^[0-9a-f]{16}$/);
  });

  it('has another version with a TTL and with another TTL', () => {
    const versions = [runtime({ a: 1 }), runtime({ a: 1 }, 5000), runtime({ a: 1 }, 6000)].map(
      ({ version }) => version,
    );
    expect(new Set(versions).size).toBe(3);
  });

  it('accepts the name of the message for its type URL', () => {
    const short = encodeResource({ typeUrl: 'envoy.service.runtime.v3.Runtime', name: 'lasting', json: {} });
    expect(short.typeUrl).toBe(RUNTIME);
  });

  it('is the same from ready bytes', () => {
    const made = runtime({ a: 1 }, 2000);
    expect(encodedResourceFromBytes({ typeUrl: RUNTIME, name: 'lasting', bytes: made.bytes, ttlMs: 2000 })).toEqual(
      made,
    );
  });

  it('carries in `delta` what the generic encoder makes of the same message', () => {
    const ttl = fc.option(fc.integer({ min: 0, max: 10_000_000 }), { nil: undefined });
    const layer = fc.dictionary(fc.string({ minLength: 1 }), fc.integer(), { maxKeys: 5 });
    fc.assert(
      fc.property(fc.string(), layer, ttl, (name, values, ttlMs) => {
        const resource = encodeResource({
          typeUrl: RUNTIME,
          name,
          json: { name, layer: values },
          ...(ttlMs === undefined ? {} : { ttlMs }),
        });
        const generic = encodeMessage(RESOURCE, {
          name,
          version: resource.version,
          resource: { '@type': RUNTIME, name, layer: values },
          ...(ttlMs === undefined ? {} : { ttl: `${(ttlMs / 1000).toFixed(3)}s` }),
        });
        expect(Buffer.from(resource.delta)).toEqual(Buffer.from(generic));
      }),
      { numRuns: 100 },
    );
  });

  it('has a heartbeat of name, version and TTL, without a body', () => {
    const resource = runtime({ a: 1 }, 1500);
    expect(messageToJson(RESOURCE, heartbeatBytes(resource))).toEqual({
      name: 'lasting',
      version: resource.version,
      ttl: '1.500s',
    });
  });
});
