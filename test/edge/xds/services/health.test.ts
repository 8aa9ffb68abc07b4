import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../../src/base/codec/index.ts';
import { HealthService, type ServingStatus } from '../../../../src/edge/xds/services/index.ts';
import { STATUS } from '../../../../src/edge/xds/transport/rpc.ts';
import { FakeRpc, JUNK } from './fake-rpc.ts';

const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

function setUp(): {
  health: HealthService;
  call: (method: string) => FakeRpc;
  become: (status: ServingStatus) => void;
} {
  let status: ServingStatus = 'SERVING';
  const health = new HealthService({ services: [ADS], status: () => status });
  return {
    health,
    call: (method) => new FakeRpc(health.methods, `/grpc.health.v1.Health/${method}`),
    become: (next) => {
      status = next;
      health.changed();
    },
  };
}

function check(service: string): Uint8Array {
  return encodeMessage('grpc.health.v1.HealthCheckRequest', { service });
}

function statuses(rpc: FakeRpc): unknown[] {
  return rpc.sent.map((bytes) => decodeMessage('grpc.health.v1.HealthCheckResponse', bytes).status);
}

describe('Check', () => {
  it.each(['', ADS])('says how %j is', (service) => {
    const { call, become } = setUp();
    const first = call('Check').request(check(service)).halfClose();
    expect(statuses(first)).toEqual(['SERVING']);
    expect(first.ended).toEqual({ status: STATUS.OK });
    become('NOT_SERVING');
    expect(statuses(call('Check').request(check(service)))).toEqual(['NOT_SERVING']);
  });

  it('does not know a service that is not served', () => {
    const rpc = setUp().call('Check').request(check('envoy.service.Nothing'));
    expect(rpc.sent).toEqual([]);
    expect(rpc.ended).toEqual({
      status: STATUS.NOT_FOUND,
      message: 'service "envoy.service.Nothing" is not served here',
    });
  });

  it('ends a call with junk, and one without a request', () => {
    const { call } = setUp();
    expect(call('Check').request(JUNK).ended).toEqual({
      status: STATUS.INVALID_ARGUMENT,
      message: expect.stringContaining('cannot be read'),
    });
    expect(call('Check').halfClose().ended).toMatchObject({ status: STATUS.INVALID_ARGUMENT });
  });

  it('takes a second request for nothing, and bears a call that breaks', () => {
    const { call } = setUp();
    expect(call('Check').request(check('')).request(check('')).halfClose().sent).toHaveLength(1);
    expect(call('Check').close().halfClose().ended).toBeUndefined();
  });
});

describe('List', () => {
  it('names the server and each service', () => {
    const rpc = setUp().call('List').request(new Uint8Array());
    expect(decodeMessage('grpc.health.v1.HealthListResponse', rpc.sent[0] as Buffer)).toEqual({
      statuses: { '': { status: 'SERVING' }, [ADS]: { status: 'SERVING' } },
    });
    expect(setUp().call('List').request(JUNK).ended).toMatchObject({ status: STATUS.INVALID_ARGUMENT });
  });
});

describe('Watch', () => {
  it('tells the status at once and then each change, once', () => {
    const { call, become } = setUp();
    const rpc = call('Watch').request(check(ADS)).halfClose();
    expect(statuses(rpc)).toEqual(['SERVING']);
    become('SERVING');
    become('NOT_SERVING');
    become('NOT_SERVING');
    become('SERVING');
    expect(statuses(rpc)).toEqual(['SERVING', 'NOT_SERVING', 'SERVING']);
    expect(rpc.ended).toBeUndefined();
  });

  it('keeps the call of an unknown service open', () => {
    const { call, become } = setUp();
    const rpc = call('Watch').request(check('x')).halfClose();
    become('NOT_SERVING');
    expect(statuses(rpc)).toEqual(['SERVICE_UNKNOWN']);
    expect(rpc.ended).toBeUndefined();
  });

  it('gives a peer that did not read the last status only', () => {
    const { call, become } = setUp();
    const rpc = call('Watch');
    rpc.holding = true;
    rpc.request(check(''));
    for (let flap = 0; flap < 50; flap += 1) become(flap % 2 === 0 ? 'NOT_SERVING' : 'SERVING');
    become('NOT_SERVING');
    expect(statuses(rpc)).toEqual(['SERVING']);
    rpc.release();
    rpc.release();
    expect(statuses(rpc)).toEqual(['SERVING', 'NOT_SERVING']);
  });

  it('forgets a call that is over', () => {
    const { call, become } = setUp();
    const rpc = call('Watch').request(check('')).close();
    become('NOT_SERVING');
    expect(statuses(rpc)).toEqual(['SERVING']);
  });

  it('ends a call with junk, and one without a request', () => {
    const { call } = setUp();
    expect(call('Watch').request(JUNK).request(check('')).ended).toMatchObject({ status: STATUS.INVALID_ARGUMENT });
    expect(call('Watch').halfClose().ended).toMatchObject({ status: STATUS.INVALID_ARGUMENT });
  });
});
