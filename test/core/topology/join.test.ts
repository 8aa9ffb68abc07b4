import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Endpoint, indexEndpoints, NOWHERE, placeAt, placeOf } from '../../../src/core/topology/index.ts';

function endpoint(address: string, port: number, over: Partial<Endpoint> = {}): Endpoint {
  const id = `chat/${over.pool ?? 'gpu'}/${address}:${port}`;
  return {
    id,
    service: 'chat',
    pool: 'gpu',
    address,
    port,
    incarnation: '1',
    capacity: 1,
    lifecycle: 'Active',
    ...over,
  };
}

const FLEET = [endpoint('10.0.0.1', 8000), endpoint('10.0.0.1', 8001), endpoint('10.0.0.2', 8000)];

describe('the place of an endpoint', () => {
  it('is found by address and port, whatever was found last', () => {
    const index = indexEndpoints(FLEET);
    for (const last of [NOWHERE, 0, 1, 2, 7]) {
      expect(FLEET.map(({ address, port }) => placeAt(index, address, port, last))).toEqual([0, 1, 2]);
      expect(placeAt(index, '10.0.0.2', 8001, last)).toBe(NOWHERE);
    }
  });

  it('is the first of two pools that name one server, whatever was found last', () => {
    const index = indexEndpoints([...FLEET, endpoint('10.0.0.1', 8001, { pool: 'spot' })]);
    for (const last of [NOWHERE, 1, 2, 3]) expect(placeAt(index, '10.0.0.1', 8001, last)).toBe(1);
  });

  it('is, after any look-up before it, what it is without one', () => {
    const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3');
    const port = fc.constantFrom(8000, 8001);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(address, port), { maxLength: 6 }),
        fc.array(fc.tuple(address, port), { maxLength: 20 }),
        (fleet, asked) => {
          const index = indexEndpoints(fleet.map(([of, at]) => endpoint(of, at)));
          let last = NOWHERE;
          for (const [of, at] of asked) {
            const place = placeOf(index, { address: of, port: at }, last);
            expect(place).toBe(placeOf(index, { address: of, port: at }));
            last = place === NOWHERE ? last : place;
          }
        },
      ),
    );
  });
});
