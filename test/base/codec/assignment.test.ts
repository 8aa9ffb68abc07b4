import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AssignmentEncoder,
  type AssignmentEndpoint,
  type AssignmentInput,
  assignmentJson,
  encodeMessage,
  messageToJson,
} from '../../../src/base/codec/index.ts';

const CLA = 'envoy.config.endpoint.v3.ClusterLoadAssignment';

const health = fc.constantFrom('HEALTHY', 'UNHEALTHY', 'DRAINING');
// Around the sizes at which a varint grows.
const weight = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, 4_294_967_295),
);
const endpoint: fc.Arbitrary<AssignmentEndpoint> = fc.oneof(
  fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
    port: fc.integer({ min: 0, max: 65_535 }),
    weight,
    health,
  }),
  fc.record({
    ...{ address: fc.ipV4(), port: fc.integer({ min: 0, max: 65_535 }), weight, health },
    socketLabel: fc.oneof(fc.constantFrom('a', 'b'), fc.string({ minLength: 1, maxLength: 200 })),
  }),
  fc.record({ pipe: fc.string({ maxLength: 200 }), weight, health }),
) as fc.Arbitrary<AssignmentEndpoint>;
const input: fc.Arbitrary<AssignmentInput> = fc.record(
  {
    clusterName: fc.string(),
    localities: fc.array(
      fc.record(
        {
          zone: fc.oneof(fc.constant(''), fc.string()),
          priority: fc.integer({ min: 0, max: 200 }),
          weight,
          endpoints: fc.array(endpoint, { maxLength: 8 }),
        },
        { requiredKeys: ['zone', 'priority', 'endpoints'] },
      ),
      { maxLength: 4 },
    ),
    weightedPriorityHealth: fc.boolean(),
    overprovisioningFactor: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  },
  { requiredKeys: ['clusterName', 'localities', 'weightedPriorityHealth'] },
);

describe('AssignmentEncoder', () => {
  it('writes the same bytes as the generic encoder, also from its cache', () => {
    const encoder = new AssignmentEncoder();
    fc.assert(
      fc.property(input, (assignment) => {
        const generic = Buffer.from(encodeMessage(CLA, assignmentJson(assignment)));
        expect(Buffer.from(encoder.encode(assignment))).toEqual(generic);
        expect(Buffer.from(encoder.encode(assignment))).toEqual(generic);
      }),
      { numRuns: 300 },
    );
  });

  it('reads as an Envoy user would write it', () => {
    const bytes = new AssignmentEncoder().encode({
      clusterName: 'chat',
      localities: [
        {
          zone: 'a',
          priority: 0,
          endpoints: [
            { address: '10.0.0.1', port: 8000, weight: 700, health: 'HEALTHY' },
            { address: '10.0.0.2', port: 8000, weight: 1, health: 'DRAINING' },
          ],
        },
        { zone: '', priority: 1, endpoints: [{ pipe: '/run/s.sock', weight: 1, health: 'UNHEALTHY' }] },
      ],
      weightedPriorityHealth: true,
    });
    expect(messageToJson(CLA, bytes)).toEqual({
      cluster_name: 'chat',
      endpoints: [
        {
          locality: { zone: 'a' },
          lb_endpoints: [
            {
              endpoint: { address: { socket_address: { address: '10.0.0.1', port_value: 8000 } } },
              health_status: 'HEALTHY',
              load_balancing_weight: 700,
            },
            {
              endpoint: { address: { socket_address: { address: '10.0.0.2', port_value: 8000 } } },
              health_status: 'DRAINING',
              load_balancing_weight: 1,
            },
          ],
        },
        {
          lb_endpoints: [
            {
              endpoint: { address: { pipe: { path: '/run/s.sock' } } },
              health_status: 'UNHEALTHY',
              load_balancing_weight: 1,
            },
          ],
          priority: 1,
        },
      ],
      policy: { weighted_priority_health: true },
    });
  });

  it.each([
    ['weight', { address: '10.0.0.1', port: 1, weight: 0, health: 'HEALTHY' }],
    ['weight', { address: '10.0.0.1', port: 1, weight: 1.5, health: 'HEALTHY' }],
    ['weight', { address: '10.0.0.1', port: 1, weight: Number.NaN, health: 'HEALTHY' }],
    ['weight', { address: '10.0.0.1', port: 1, weight: 2 ** 32, health: 'HEALTHY' }],
    ['port', { address: '10.0.0.1', port: 65_536, weight: 1, health: 'HEALTHY' }],
  ] as const)('refuses a %s that would be written wrongly: %o', (what, bad) => {
    const encode = (): Uint8Array =>
      new AssignmentEncoder().encode({
        clusterName: 'c',
        localities: [{ zone: '', priority: 0, endpoints: [bad] }],
        weightedPriorityHealth: false,
      });
    expect(encode).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_INVALID_MESSAGE', message: expect.stringContaining(what) }),
    );
  });

  it('does not mix up an address with another one or with the path of a socket', () => {
    const encoder = new AssignmentEncoder();
    const only = (one: AssignmentEndpoint): string =>
      Buffer.from(
        encoder.encode({
          clusterName: '',
          localities: [{ zone: '', priority: 0, endpoints: [one] }],
          weightedPriorityHealth: false,
        }),
      ).toString('hex');
    const bytes = [
      only({ address: '10.0.0.1', port: 80, weight: 1, health: 'HEALTHY' }),
      only({ pipe: '80 10.0.0.1', weight: 1, health: 'HEALTHY' }),
      only({ address: '0 10.0.0.1', port: 8, weight: 1, health: 'HEALTHY' }),
      only({ address: '', port: 80, weight: 1, health: 'HEALTHY' }),
    ];
    expect(new Set(bytes).size).toBe(bytes.length);
  });
});
