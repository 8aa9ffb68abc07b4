import { describe, expect, it } from 'vitest';
import type { EndpointLoad, ServiceLoad } from '../../../src/core/load/index.ts';
import { saturationWithoutSpot } from '../../../src/core/overload/index.ts';
import type { Pool } from '../../../src/core/policy/index.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';

type Server = Partial<EndpointLoad> & { readonly pool: string };

const POOLS = [
  { name: 'base', capacityType: 'Reserved' },
  { name: 'cheap', capacityType: 'Spot' },
] as unknown as readonly Pool[];

function reserve(servers: readonly Server[], pools = POOLS, loadReports: ServiceLoad['loadReports'] = 'Fresh') {
  const endpoints = servers.map(({ pool }) => ({ pool, lifecycle: 'Active' }) as unknown as Endpoint);
  const known = { inFlight: 0, slots: 16, slotsKnown: true, bad: false, waiting1st: false };
  const load = { loadReports, endpoints: servers.map((one) => ({ ...known, ...one })) };
  return saturationWithoutSpot({ pools }, load as unknown as ServiceLoad, endpoints);
}

describe('the reserve for the loss of Spot', () => {
  it('is what is in flight everywhere, on the slots of those that would stay', () => {
    const servers = [
      { pool: 'base', inFlight: 8 },
      { pool: 'base', inFlight: 8 },
      { pool: 'cheap', inFlight: 12 },
      { pool: 'cheap', inFlight: 12 },
    ];
    expect(reserve(servers)).toEqual({
      kind: 'Known',
      ratio: 1.25,
      slots: 32,
      words: '40 in flight for 32 slots of the servers that would stay',
    });
    // With one more of those there is a reserve.
    expect(reserve([...servers, { pool: 'base' }])).toMatchObject({ ratio: 40 / 48 });
  });

  it('does not count on servers that take no requests now', () => {
    expect(reserve([{ pool: 'base' }, { pool: 'base', bad: true }, { pool: 'cheap', inFlight: 12 }])).toMatchObject({
      ratio: 0.75,
      slots: 16,
    });
  });

  it('is unknown, with the reason, where nobody would stay and where nothing is known', () => {
    expect(reserve([{ pool: 'cheap', inFlight: 4 }])).toEqual({
      kind: 'Unknown',
      words: 'without Spot no server takes requests',
    });
    expect(reserve([{ pool: 'base' }, { pool: 'cheap' }], POOLS, 'Silent')).toMatchObject({ kind: 'Unknown' });
  });

  it('is of no interest where there is no Spot pool', () => {
    expect(reserve([{ pool: 'base', inFlight: 8 }], POOLS.slice(0, 1))).toBeUndefined();
  });
});
