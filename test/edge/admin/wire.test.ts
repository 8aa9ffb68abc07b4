import type { MethodDefinition } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adminService } from '../../../src/edge/admin/admin-service.ts';
import { decodeExplain, decodeTarget, encodeExplain, encodeTarget } from '../../../src/edge/admin/explain-message.ts';
import {
  decodeProxyConfig,
  decodeProxyTarget,
  encodeProxyConfig,
  encodeProxyTarget,
} from '../../../src/edge/admin/proxy-config-message.ts';
import { decodeStatus, encodeStatus } from '../../../src/edge/admin/status-message.ts';
import { fromEnum, fromSeconds, toEnum, toSeconds, type Wire } from '../../../src/edge/admin/wire-values.ts';
import { explainViews, proxyConfigViews, serverViews } from './arbitrary-views.ts';

const service = adminService('Observe');
const Status = service.Status as MethodDefinition<Wire, Wire>;
const Explain = service.Explain as MethodDefinition<Wire, Wire>;
const ProxyConfig = service.ProxyConfig as MethodDefinition<Wire, Wire>;

/** Through the bytes of the wire, as proto-loader writes and reads them. */
const answered = (method: MethodDefinition<Wire, Wire>, wire: Wire): Wire =>
  method.responseDeserialize(method.responseSerialize(wire));

/** Times cross in nanoseconds, and a float of milliseconds since 1970 holds a quarter of a microsecond: told apart by less. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item) =>
      typeof item === 'number' && /Ms$|Sec$|^engine$|^gpu$|^reports$/.test(key) ? Math.round(item * 1000) : item,
    ),
  );
}

describe('the messages of the admin API', () => {
  it('carry any server view to the other side, unknown staying unknown', () => {
    fc.assert(
      fc.property(serverViews, (view) => {
        const arrived = decodeStatus(answered(Status, encodeStatus(view)));
        expect(rounded(arrived)).toEqual(rounded(view));
      }),
      { numRuns: 200 },
    );
  });

  it('carry any explanation to the other side', () => {
    fc.assert(
      fc.property(explainViews, (view) => {
        const arrived = decodeExplain(answered(Explain, encodeExplain(view)));
        expect(rounded(arrived)).toEqual(rounded(view));
      }),
      { numRuns: 200 },
    );
  });

  it('carry any configuration of a sidecar to the other side', () => {
    fc.assert(
      fc.property(proxyConfigViews, (view) => {
        const arrived = decodeProxyConfig(answered(ProxyConfig, encodeProxyConfig(view)));
        expect(rounded(arrived)).toEqual(rounded(view));
      }),
      { numRuns: 200 },
    );
    for (const target of [{ node: 'a' }, { node: '', type: 'eds' }]) {
      const request = ProxyConfig.requestSerialize(encodeProxyTarget(target));
      expect(decodeProxyTarget(ProxyConfig.requestDeserialize(request))).toEqual(target);
    }
  });

  it('carry a target: what is not named stays unnamed', () => {
    const name = fc.string({ minLength: 1, maxLength: 8 });
    const target = fc.oneof(
      fc.record({ service: name }),
      fc.record({ service: name, pool: name }),
      fc.record({ service: name, pool: name, endpoint: name }),
    );
    fc.assert(
      fc.property(target, (one) => {
        const arrived = Explain.requestDeserialize(Explain.requestSerialize(encodeTarget(one)));
        expect(decodeTarget(arrived)).toEqual(one);
      }),
    );
  });

  it('read an answer that lacks everything: an older server, or one that knows nothing', () => {
    expect(decodeStatus(answered(Status, {}))).toMatchObject({ version: '', services: [], nodes: [], sources: [] });
    expect(decodeExplain(answered(Explain, {}))).toMatchObject({ endpoints: [], decidedAtMs: null });
    expect(decodeProxyConfig(answered(ProxyConfig, {}))).toMatchObject({ id: '', types: [] });
  });
});

describe('the values of the wire', () => {
  it('keep times to the nanosecond, also before 1970', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e12, max: 4e12 }), fc.integer({ min: 0, max: 999 }), (ms, us) => {
        const time = ms + us / 1000;
        const { seconds, nanos } = toSeconds(time);
        expect(Math.abs(nanos)).toBeLessThan(1e9);
        expect(Number.isInteger(seconds) && Number.isInteger(nanos)).toBe(true);
        expect(nanos === 0 || seconds === 0 || Math.sign(nanos) === Math.sign(seconds)).toBe(true);
        expect(fromSeconds({ seconds, nanos })).toBeCloseTo(time, 2);
      }),
    );
    expect(toSeconds(null)).toBeUndefined();
    expect(fromSeconds(undefined)).toBeNull();
    expect(fromSeconds({})).toBe(0);
  });

  it('spell words as protobuf does, and read a word of a newer server as unspecified', () => {
    expect(toEnum('ENDPOINT_STATE', 'WarmingUp')).toBe('ENDPOINT_STATE_WARMING_UP');
    expect(fromEnum('ENDPOINT_STATE', 'ENDPOINT_STATE_WARMING_UP')).toBe('WarmingUp');
    for (const value of [7, undefined, 'OTHER_ACTIVE', 'ENDPOINT_STATE']) {
      expect(fromEnum('ENDPOINT_STATE', value)).toBe('Unspecified');
    }
  });
});
