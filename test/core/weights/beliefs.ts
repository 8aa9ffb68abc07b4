import fc from 'fast-check';
import type { EndpointLoad, ServiceLoad } from '../../../src/core/load/index.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';
import {
  reasonsOf,
  type ServiceDecision,
  stepWeights,
  type WeightsInput,
  type WeightsOptions,
  type WeightsState,
} from '../../../src/core/weights/index.ts';

export const START_MS = 1_800_000_000_000;
export const OPTIONS: WeightsOptions = {
  mode: 'Active',
  leastRequest: true,
  blendRatio: 1,
  maxWeightRatio: 10,
  warmupMs: 30_000,
};

export function endpoint(i: number, over: Partial<Endpoint> = {}): Endpoint {
  const address = `10.0.${Math.floor(i / 200)}.${1 + (i % 200)}`;
  return {
    id: `chat/gpu/${address}:8000`,
    service: 'chat',
    pool: 'gpu',
    address,
    port: 8000,
    incarnation: '1',
    capacity: 1,
    lifecycle: 'Active',
    ...over,
  };
}

export function endpoints(count: number): readonly Endpoint[] {
  return Array.from({ length: count }, (_, i) => endpoint(i));
}

/** A healthy endpoint with eight requests on 24 slots, seen by two sidecars; no engine speaks, so nothing is known of its speed. */
export function belief(i: number, over: Partial<EndpointLoad> = {}): EndpointLoad {
  const inFlight = over.inFlight ?? 8;
  const slots = over.slots ?? 24;
  return {
    id: endpoint(i).id,
    inFlight,
    inFlightPerSidecar: inFlight / 2,
    issued: 0,
    foreign: 0,
    slots,
    slotsTold: true,
    slotsKnown: true,
    logCapacity: 0,
    capacitySource: 'LoadReports',
    gpuGate: 'Absent',
    errorsPerSec: 0,
    errorRatio: 0,
    bad: false,
    waiting1st: false,
    pressure: (inFlight + 1) / slots,
    engine: 'Absent',
    ageMs: 500,
    ...over,
  };
}

/** What is told of each endpoint, in the order of the decision. */
export function reasons(decision: ServiceDecision, load: ServiceLoad): readonly string[] {
  return [...reasonsOf(decision, load).values()];
}

export function beliefs(loads: readonly EndpointLoad[], over: Partial<ServiceLoad> = {}): ServiceLoad {
  return {
    service: 'chat',
    endpoints: loads,
    sidecars: 2,
    loadReports: 'Fresh',
    requestTimeSec: 8,
    meanInFlightPerSidecar: loads.reduce((sum, { inFlightPerSidecar }) => sum + inFlightPerSidecar, 0) / loads.length,
    goodPressure: 0.4,
    engineDelaySec: 1,
    ageSec: 100,
    ...over,
  };
}

/** Anything that `core/load` may believe of one endpoint. */
export function anyBelief(i: number): fc.Arbitrary<EndpointLoad> {
  return fc
    .record({
      inFlight: fc.double({ min: 0, max: 500, noNaN: true }),
      slots: fc.double({ min: 1, max: 512, noNaN: true }),
      logCapacity: fc.double({ min: -4, max: 4, noNaN: true }),
      foreign: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 300, noNaN: true })),
      errorsPerSec: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 100, noNaN: true })),
      errorRatio: fc.double({ min: 0, max: 1, noNaN: true }),
      bad: fc.boolean(),
      waiting1st: fc.boolean(),
      kv: fc.double({ min: 0, max: 1, noNaN: true }),
      engine: fc.constantFrom('Fresh', 'Stale', 'Absent'),
    })
    .map(({ kv, ...over }) =>
      belief(i, { ...over, pressure: ((over.inFlight + 1) / over.slots) * (1 + 5 * Math.max(0, kv - 0.8)) }),
    );
}

export function anyBeliefs(count: number): fc.Arbitrary<ServiceLoad> {
  return fc
    .tuple(
      fc.tuple(...Array.from({ length: count }, (_, i) => anyBelief(i))),
      fc.record({
        loadReports: fc.constantFrom('Fresh', 'Silent'),
        requestTimeSec: fc.double({ min: 1, max: 60, noNaN: true }),
        goodPressure: fc.double({ min: 0, max: 3, noNaN: true }),
        ageSec: fc.double({ min: 0, max: 1000, noNaN: true }),
      }),
    )
    .map(([loads, over]) => beliefs(loads, over));
}

/** A run of 1 to 12 ticks of one service; each tick brings other beliefs, after 1 to 20 s. */
export const anyRun: fc.Arbitrary<readonly { readonly afterMs: number; readonly load: ServiceLoad }[]> = fc
  .integer({ min: 2, max: 9 })
  .chain((count) =>
    fc.array(fc.record({ afterMs: fc.integer({ min: 100, max: 20_000 }), load: anyBeliefs(count) }), {
      minLength: 1,
      maxLength: 12,
    }),
  );

export type Step = ReturnType<typeof stepWeights> & { readonly input: WeightsInput };

export function run(
  ticks: readonly { readonly afterMs: number; readonly load: ServiceLoad }[],
  options: WeightsOptions = OPTIONS,
): readonly Step[] {
  let state: WeightsState | undefined;
  let nowMs = START_MS;
  return ticks.map(({ afterMs, load }) => {
    nowMs += afterMs;
    const input = { nowMs, service: 'chat', endpoints: endpoints(load.endpoints.length), load, options };
    const out = stepWeights(state, input);
    state = out.state;
    return { ...out, input };
  });
}

export function weights({ decision }: Pick<Step, 'decision'>): readonly number[] {
  return decision.endpoints.map(({ weight }) => weight);
}

export function shares({ decision }: Pick<Step, 'decision'>): readonly number[] {
  return decision.endpoints.map(({ share }) => share);
}

/** The same beliefs, once a second. */
export function hold(load: ServiceLoad, seconds: number): readonly { afterMs: number; load: ServiceLoad }[] {
  return Array.from({ length: seconds }, () => ({ afterMs: 1000, load }));
}
