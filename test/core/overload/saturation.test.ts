import { describe, expect, it } from 'vitest';
import type { EndpointLoad, ServiceLoad } from '../../../src/core/load/index.ts';
import { saturationOf } from '../../../src/core/overload/saturation.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';

type Server = Partial<EndpointLoad> & { readonly draining?: boolean };

function saturation(servers: readonly Server[], loadReports: ServiceLoad['loadReports'] = 'Fresh') {
  const endpoints = servers.map(
    ({ draining }) => ({ lifecycle: draining === true ? 'Draining' : 'Active' }) as unknown as Endpoint,
  );
  const load = {
    loadReports,
    endpoints: servers.map((one) => ({
      inFlight: 0,
      slots: 16,
      slotsKnown: true,
      bad: false,
      waiting1st: false,
      ...one,
    })),
  };
  return saturationOf(load as unknown as ServiceLoad, endpoints);
}

describe('the saturation of a service', () => {
  it('is in flight over slots, in words too', () => {
    expect(saturation([{ inFlight: 16 }, { inFlight: 24, waiting: 8, kvUsageRatio: 0.85 }])).toEqual({
      kind: 'Known',
      ratio: 1.25,
      slots: 32,
      words: '40 in flight for 32 slots of 2 servers, 8 of them queued in engines, a KV cache 85 % full',
    });
    expect(saturation([{}])).toMatchObject({ ratio: 0, words: '0 in flight for 16 slots of 1 server' });
  });

  it('is of those that take requests: not of the broken, the draining, and those that have completed nothing yet', () => {
    const full: Server = { inFlight: 16 };
    for (const other of [
      { bad: true },
      { draining: true },
      { waiting1st: true },
      { gpuFault: { words: 'lost', drained: true } },
    ])
      expect(saturation([full, other])).toMatchObject({ ratio: 1, slots: 16 });
    expect(saturation([{ waiting1st: true, inFlight: 8 }])).toMatchObject({ ratio: 0.5 });
    expect(saturation([{ bad: true }])).toEqual({ kind: 'Unknown', words: 'no server takes requests' });
  });

  it('is read off a queue where nobody knows the batch limit', () => {
    const blind: Server = { slotsKnown: false, slots: 64, inFlight: 30, running: 20 };
    expect(saturation([{ ...blind, waiting: 10 }])).toMatchObject({ ratio: 1.5, slots: 20 });
    expect(saturation([{ ...blind, waiting: 1 }])).toEqual({
      kind: 'Unknown',
      words:
        'the batch limit of 1 of 1 servers is neither told (maxRunningRequests) nor learned, and no queue stands there',
    });
    expect(saturation([blind, { inFlight: 8 }])).toMatchObject({
      ratio: 0.5,
      slots: 32,
      words: '8 in flight for 16 slots of 1 server (1 more without a known limit)',
    });
    expect(saturation([blind, blind, { inFlight: 8 }])).toMatchObject({ kind: 'Unknown' });
  });

  it('is unknown while no sidecar reports, whatever engines say', () => {
    expect(saturation([{ inFlight: 16 }], 'Silent')).toEqual({
      kind: 'Unknown',
      words: 'no sidecar reports what it has in flight',
    });
  });
});
