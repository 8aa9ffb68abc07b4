import { describe, expect, it } from 'vitest';
import type { ServiceLoad } from '../../../src/core/load/index.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';
import {
  restingWeights,
  stepWeights,
  type WeightsOptions,
  type WeightsState,
} from '../../../src/core/weights/index.ts';
import { belief, beliefs, endpoint, endpoints, hold, OPTIONS, reasons, run, START_MS, weights } from './beliefs.ts';

/** Without the feed-forward, so that a weight is its share. */
const ROUND_ROBIN: WeightsOptions = { ...OPTIONS, leastRequest: false, maxWeightRatio: 100 };

/** Two servers, the first with so much less capacity (a log) than the second. */
const pair = (less: number, over: Parameters<typeof beliefs>[1] = {}) =>
  beliefs([belief(0, { logCapacity: -less / 2 }), belief(1, { logCapacity: less / 2 })], {
    meanInFlightPerSidecar: 1,
    ...over,
  });

function tick(
  before: WeightsState | undefined,
  load: ServiceLoad,
  {
    afterMs = 1000,
    members = endpoints(load.endpoints.length),
    options = ROUND_ROBIN,
  }: { afterMs?: number; members?: readonly Endpoint[]; options?: WeightsOptions } = {},
) {
  const nowMs = (before?.atMs ?? START_MS) + afterMs;
  return stepWeights(before, { nowMs, service: 'chat', endpoints: members, load, options });
}

const settled = (load: ServiceLoad, seconds = 60) => run(hold(load, seconds), ROUND_ROBIN).at(-1)!;
const close = (value: number) => expect.closeTo(value, 9);

describe('the first weights', () => {
  it('are what was learned, or equal within 20 %', () => {
    expect(weights(tick(undefined, pair(0.4)))).toEqual([1000, 1000]);
    expect(tick(undefined, pair(0.4)).state.snapped).toBe(true);
    const unequal = tick(undefined, pair(0.42));
    expect(unequal.decision.outcome).toBe('First');
    expect(unequal.state.snapped).toBe(false);
    expect(weights(unequal)).toEqual([670, 1000]);
    expect(unequal.decision.equal).toBe(false);
    expect(unequal.state.endpoints[endpoint(0).id]).toMatchObject({ sent: close(-0.21), weight: 670 });
  });

  it('of one endpoint are a whole, and of none are none', () => {
    const one = tick(undefined, beliefs([belief(0, { logCapacity: -2 })]));
    expect(one.decision).toMatchObject({ outcome: 'Single', equal: true });
    expect(weights(one)).toEqual([1000]);
    const again = tick(one.state, beliefs([belief(0)]));
    expect(again.decision.outcome).toBe('Single');
    expect(again.state.lastPushMs).toBe(one.state.lastPushMs);
    const none = tick(undefined, beliefs([], { meanInFlightPerSidecar: 0 }), { members: [] });
    expect(none.decision).toMatchObject({ outcome: 'HeldNoSignal', endpoints: [], equal: true });
  });

  it('belong to an instant', () => {
    const { state, decision } = tick(undefined, pair(0));
    const at = START_MS + 1000;
    expect(state).toMatchObject({ startedAtMs: at, atMs: at, decidedAtMs: at, lastPushMs: at, blindSinceMs: null });
    expect(decision).toMatchObject({ service: 'chat', atMs: at, decidedAtMs: at });
    const held = tick(state, pair(0));
    expect(held.state).toMatchObject({ startedAtMs: at, atMs: at + 1000, decidedAtMs: at, lastPushMs: at });
    expect(held.decision).toMatchObject({ atMs: at + 1000, decidedAtMs: at });
  });
});

describe('equal weights', () => {
  const even = tick(undefined, pair(0)).state;

  it('stay up to 40 % and are left beyond', () => {
    expect(tick(even, pair(0.79)).decision.outcome).toBe('HeldEqual');
    const wide = run([...hold(pair(0), 1), ...hold(pair(0.78), 5)], ROUND_ROBIN);
    expect(wide.slice(1).map(({ decision }) => decision.outcome)).toEqual(Array(5).fill('HeldEqual'));
    const wider = run([...hold(pair(0), 1), ...hold(pair(0.9), 5)], ROUND_ROBIN);
    // From equal the first may go down to 0.5 and the second up to 1.25 in a second: past 40 % in two.
    expect(wider.map(({ decision }) => decision.outcome).slice(1, 3)).toEqual(['Pushed', 'HeldDeadBand']);
    expect(wider.at(-1)!.state.snapped).toBe(false);
  });

  it('come back within 20 %, once', () => {
    const skewed = settled(pair(0.9));
    expect(settled(pair(0.9)).state.snapped).toBe(false);
    const near = run([...hold(pair(0.9), 30), ...hold(pair(0.42), 10), ...hold(pair(0.38), 10)], ROUND_ROBIN);
    expect(weights(near[39]!)[0]).toBeLessThan(1000);
    expect(weights(near.at(-1)!)).toEqual([1000, 1000]);
    expect(near.slice(40).map(({ decision }) => decision.outcome)).toEqual([
      'SnappedEqual',
      ...Array(9).fill('HeldEqual'),
    ]);
    expect(skewed.decision.equal).toBe(false);
  });

  it('are kept longer where load reports alone speak: they cannot tell a slow server from one that queues', () => {
    const far = (logCapacity: number, over: Parameters<typeof belief>[1]) => {
      const moved = beliefs([belief(0, { logCapacity: -logCapacity, ...over }), belief(1, { logCapacity, ...over })]);
      return run([...hold(pair(0), 10), ...hold(moved, 60)], ROUND_ROBIN).at(-1)!.state.snapped;
    };
    expect(far(0.5, { slotsKnown: false })).toBe(true);
    expect(far(0.75, { slotsKnown: false })).toBe(false);
    expect(far(0.5, { slotsKnown: true })).toBe(false);
    expect(far(0.5, { slotsKnown: false, engine: 'Stale' })).toBe(false);
  });

  it('are right where more than 8 in flight per sidecar let least request level the difference by itself', () => {
    const busy = (over: Parameters<typeof belief>[1], more: Parameters<typeof beliefs>[1] = {}) =>
      settled(beliefs([belief(0, over), belief(1, { logCapacity: 0.7 })], { meanInFlightPerSidecar: 8.1, ...more }))
        .state.snapped;
    expect(busy({ logCapacity: -0.7 })).toBe(true);
    expect(busy({ logCapacity: -0.7 }, { meanInFlightPerSidecar: 8 })).toBe(false);
    expect(busy({ logCapacity: -0.81 })).toBe(false);
    expect(busy({ logCapacity: -0.8 })).toBe(true);
    expect(busy({ logCapacity: -0.7, slots: 24 * Math.exp(0.34), pressure: 9 / 24 })).toBe(true);
    expect(busy({ logCapacity: -0.7, slots: 24 * Math.exp(0.36), pressure: 9 / 24 })).toBe(false);
    expect(busy({ logCapacity: -0.7, slots: 24 * Math.exp(-0.36), pressure: 9 / 24 })).toBe(false);
    const learned = (log: number) => ({ slots: 24 * Math.exp(log), slotsTold: false, pressure: 9 / 24 });
    expect(busy({ logCapacity: -0.7, ...learned(0.79) })).toBe(true);
    expect(busy({ logCapacity: -0.7, ...learned(0.81) })).toBe(false);
    // What it does beside ours, a sidecar with many requests there feels by itself.
    expect(busy({ logCapacity: -0.7, foreign: 5 })).toBe(true);
    expect(busy({ logCapacity: -0.7, errorsPerSec: 1, errorRatio: 0.005 })).toBe(false);
    expect(busy({ logCapacity: -0.7, errorsPerSec: 1, errorRatio: 0.002 })).toBe(true);
  });
});

describe('a step', () => {
  const skewed = settled(pair(2));
  const [slow, fast] = [0, 1].map((i) => skewed.state.endpoints[endpoint(i).id]!);

  it('is the filtered deviation and the target, over time', () => {
    expect([slow!.sent, fast!.sent]).toEqual([close(-1), close(1)]);
    expect(slow!.shareSent).toBeCloseTo(1 / (1 + Math.E ** 2), 9);
    const full = tick(
      skewed.state,
      beliefs([belief(0, { pressure: 1 }), belief(1, { pressure: Math.E })], { meanInFlightPerSidecar: 1 }),
    );
    const smooth = 1 - 1 / Math.E;
    expect(full.state.endpoints[endpoint(0).id]!.deviation).toBeCloseTo(-0.5 * smooth, 9);
    const pause = tick(
      skewed.state,
      beliefs([belief(0, { pressure: 1 }), belief(1, { pressure: Math.E })], { meanInFlightPerSidecar: 1 }),
      { afterMs: 60_000 },
    );
    expect(pause.state.endpoints[endpoint(0).id]!.deviation).toBeCloseTo(-0.5 * (1 - Math.exp(-5)), 9);
  });

  it('of a bad endpoint is away from it or none: that it is empty is no room', () => {
    const empty = { inFlight: 0, inFlightPerSidecar: 0 };
    const deviation = (bad: boolean) => {
      const before = hold(pair(0), 1);
      const after = beliefs([belief(0, { ...empty, bad }), belief(1)], { meanInFlightPerSidecar: 1 });
      return run([...before, ...hold(after, 3)], ROUND_ROBIN).at(-1)!.state.endpoints[endpoint(0).id]!.deviation;
    };
    expect(deviation(false)).toBeLessThan(-0.5);
    expect(deviation(true)).toBe(0);
    const full = beliefs([belief(0, { inFlight: 200, inFlightPerSidecar: 100, bad: true }), belief(1)], {
      meanInFlightPerSidecar: 1,
    });
    expect(settled(full, 5).state.endpoints[endpoint(0).id]!.deviation).toBeGreaterThan(0.5);
  });

  it('halves a weight at most, and raises it by a quarter at most, in a second', () => {
    const fresh = { ...skewed.state, lastPushMs: skewed.state.atMs };
    const next = tick(fresh, pair(-2));
    expect(next.state.endpoints[endpoint(0).id]!.sent).toBeCloseTo(-1 + Math.log(1.25), 9);
    expect(next.state.endpoints[endpoint(1).id]!.sent).toBeCloseTo(1 - Math.LN2, 9);
    expect(next.decision.endpoints.map(({ clamps }) => clamps)).toEqual([['StepUp'], ['StepDown']]);
    const two = tick(fresh, pair(-2), { afterMs: 2000 });
    expect(two.state.endpoints[endpoint(0).id]!.sent).toBeCloseTo(-1 + 2 * Math.log(1.25), 9);
  });

  it('is not taken within 950 ms of the last', () => {
    const fresh = { ...skewed.state, lastPushMs: skewed.state.atMs };
    expect(tick(fresh, pair(-2), { afterMs: 949 }).decision.outcome).toBe('HeldTooSoon');
    expect(weights(tick(fresh, pair(-2), { afterMs: 949 }))).toEqual(weights(skewed));
    const early = tick(fresh, pair(-2), { afterMs: 950 });
    expect(early.decision.outcome).toBe('Pushed');
    expect(early.state.endpoints[endpoint(0).id]!.sent).toBeCloseTo(-1 + Math.log(1.25), 9);
  });

  it('says what stood before', () => {
    const next = tick(skewed.state, pair(1));
    expect(next.decision.endpoints.map(({ previousWeight }) => previousWeight)).toEqual(weights(skewed));
    expect(weights(next)).not.toEqual(weights(skewed));
    expect(tick(undefined, pair(1)).decision.endpoints[0]!.previousWeight).toBe(weights(tick(undefined, pair(1)))[0]);
  });
});

describe('the dead band', () => {
  /** Four servers at rest, the first of which learned a little; so many in flight at each. */
  const four = (inFlight: number, capacity: number, more: Parameters<typeof belief>[1] = {}) =>
    beliefs(
      [0, 1, 2, 3].map((i) =>
        belief(i, { inFlight, logCapacity: i === 0 ? capacity : -capacity / 3, ...(i === 0 ? more : {}) }),
      ),
      { meanInFlightPerSidecar: 1 },
    );
  const moved = (inFlight: number, from: number, to: number) =>
    tick(settled(four(inFlight, from)).state, four(inFlight, to)).decision.outcome;

  it('is 10 %, or 1 / sqrt(in flight + 1) where that is more', () => {
    expect(moved(200, 0.9, 0.99)).toBe('HeldDeadBand');
    expect(moved(200, 0.9, 1.01)).toBe('Pushed');
    expect(moved(15, 0.9, 1.13)).toBe('HeldDeadBand');
    expect(moved(15, 0.9, 1.12 - 0.47)).toBe('HeldDeadBand');
    expect(moved(15, 0.9, 1.16)).toBe('Pushed');
  });

  it('is wider for a share that hardly matters, unless it waits for its first completion', () => {
    // -1.5 makes a share of a twentieth: 1.5 × 4 × 0.05 = a third.
    const small = settled(four(200, -1.5)).state;
    const share = small.endpoints[endpoint(0).id]!.shareSent;
    expect(1.5 * 4 * share).toBeLessThan(0.4);
    expect(tick(small, four(200, -1.7)).decision.outcome).toBe('HeldDeadBand');
    expect(tick(small, four(200, -2.1)).decision.outcome).toBe('Pushed');
    const starving = settled(four(200, -1.5, { waiting1st: true })).state;
    const up = four(200, -1.5, { waiting1st: true });
    const pressed = { ...starving, endpoints: { ...starving.endpoints } };
    const first = pressed.endpoints[endpoint(0).id]!;
    pressed.endpoints[endpoint(0).id] = { ...first, sent: first.sent - 0.15, weight: first.weight - 1 };
    expect(tick(pressed, up).decision.outcome).toBe('Pushed');
    const bad = four(200, -1.5, { waiting1st: true, bad: true });
    expect(tick(pressed, bad).decision.outcome).toBe('HeldDeadBand');
    pressed.endpoints[endpoint(0).id] = { ...first, sent: first.sent + 0.15 };
    expect(tick(pressed, up).decision.outcome).toBe('HeldDeadBand');
  });

  it('passed, the same integers are still no push', () => {
    const skewed = settled(four(200, 0.9));
    const off = { ...skewed.state, endpoints: { ...skewed.state.endpoints } };
    for (const i of [0, 1, 2, 3]) {
      const one = off.endpoints[endpoint(i).id]!;
      off.endpoints[endpoint(i).id] = { ...one, sent: one.sent - 0.12 };
    }
    expect(tick(off, four(200, 0.9)).decision.outcome).toBe('HeldSameVector');
  });
});

describe('a part of the weights', () => {
  it('that stays where the whole moved a little is no push', () => {
    const options: WeightsOptions = { ...ROUND_ROBIN, blendRatio: 0.005 };
    const before = run(hold(pair(2), 60), options).at(-1)!;
    const next = tick(before.state, pair(2.9), { options });
    expect(next.state.endpoints[endpoint(0).id]!.sent).not.toBe(before.state.endpoints[endpoint(0).id]!.sent);
    expect(weights(next)).toEqual(weights(before));
    expect(next.decision.outcome).toBe('HeldSameVector');
  });
});

describe('who comes and goes', () => {
  const skewed = settled(pair(2));

  it('is decided at once, the newcomer at its target', () => {
    const three = beliefs([...pair(2).endpoints, belief(2, { waiting1st: true })], { meanInFlightPerSidecar: 1 });
    const next = tick({ ...skewed.state, lastPushMs: skewed.state.atMs }, three, { afterMs: 100 });
    expect(next.decision.outcome).toBe('Membership');
    expect(next.state.snapped).toBe(false);
    const { share } = next.decision.endpoints[2]!;
    expect(share / (1 - share)).toBeLessThan(0.1);
    expect(next.state.endpoints[endpoint(2).id]!.sent).toBeLessThan(-1);
    expect(Object.keys(tick(next.state, pair(2)).state.endpoints)).toHaveLength(2);
    expect(tick(next.state, pair(2)).decision.outcome).toBe('Membership');
  });

  it('in the place of another is decided at once too', () => {
    const members = [endpoint(0), endpoint(2)];
    const load = beliefs([belief(0), belief(2, { waiting1st: true })], { meanInFlightPerSidecar: 1 });
    const next = tick({ ...skewed.state, lastPushMs: skewed.state.atMs }, load, { members, afterMs: 100 });
    expect(next.decision.outcome).toBe('Membership');
    expect(Object.keys(next.state.endpoints)).toEqual(members.map(({ id }) => id));
  });

  it('having drained, starts anew when it comes back: at its target, and not by a step from where it stood', () => {
    const members = [endpoint(0, { lifecycle: 'Draining' }), endpoint(1)];
    const drained = tick(skewed.state, pair(2), { members }).state;
    const back = tick(drained, pair(-2));
    expect(back.decision.outcome).toBe('Membership');
    expect(back.decision.endpoints[0]!.clamps).toEqual([]);
    expect(back.state.endpoints[endpoint(0).id]!.sent).toBeCloseTo(1, 9);
  });

  it('in an equal fleet is equal at once, and told', () => {
    const even = tick(undefined, pair(0)).state;
    const three = beliefs([belief(0), belief(1), belief(2)], { meanInFlightPerSidecar: 1 });
    const next = tick(even, three);
    expect(next.decision).toMatchObject({ outcome: 'Membership', equal: true });
    expect(next.state.lastPushMs).toBe(next.state.atMs);
    expect(tick(next.state, three).decision.outcome).toBe('HeldEqual');
  });

  it('while nothing is known is decided all the same', () => {
    const blind = (n: number) =>
      beliefs(
        Array.from({ length: n }, (_, i) => belief(i, { engine: 'Absent' })),
        { loadReports: 'Silent', meanInFlightPerSidecar: 0 },
      );
    const even = tick(undefined, blind(2)).state;
    expect(tick(even, blind(3)).decision.outcome).toBe('Membership');
    expect(tick(even, blind(2)).decision.outcome).toBe('HeldNoSignal');
  });

  it('draining has the least weight if it was never steered, no share, and a reason', () => {
    const members = [endpoint(0, { lifecycle: 'Draining' }), endpoint(1), endpoint(2)];
    const load = beliefs([belief(0), belief(1), belief(2)], { meanInFlightPerSidecar: 1 });
    const first = tick(undefined, load, { members });
    expect(first.decision.endpoints[0]!).toEqual({
      id: endpoint(0).id,
      weight: 1,
      previousWeight: 1,
      share: 0,
      health: 'Draining',
      terms: { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 },
      clamps: [],
    });
    expect(reasons(first.decision, load)[0]).toBe('drains: it takes no new requests');
    expect(first.decision.equal).toBe(true);
    expect(weights(first)).toEqual([1, 1000, 1000]);
    expect(restingWeights(first.state, members, ROUND_ROBIN)).toEqual({
      [endpoint(0).id]: 1,
      [endpoint(1).id]: 1000,
      [endpoint(2).id]: 1000,
    });
    const shadow = tick(undefined, load, { members, options: { ...ROUND_ROBIN, mode: 'Shadow' } });
    expect(weights(shadow)).toEqual([1, 1000, 1000]);
    expect(shadow.decision.endpoints.map(({ share }) => share)).toEqual([0, 0.5, 0.5]);
  });
});

describe('while nothing is known', () => {
  const blind = (engines: readonly ('Fresh' | 'Stale' | 'Absent')[], loadReports: 'Fresh' | 'Silent' = 'Silent') =>
    beliefs(
      engines.map((engine, i) => belief(i, { engine })),
      { loadReports, meanInFlightPerSidecar: 1 },
    );
  const skewed = settled(pair(2)).state;

  it('weights stand for a minute, then turn equal', () => {
    let state = tick(skewed, blind(['Stale', 'Absent'])).state;
    const since = state.atMs;
    expect(state.blindSinceMs).toBe(since);
    const at = (afterMs: number) => tick(state, blind(['Stale', 'Absent']), { afterMs });
    expect(at(60_000).decision.outcome).toBe('HeldNoSignal');
    expect(at(60_000).state.blindSinceMs).toBe(since);
    const equal = at(60_001);
    expect(equal.decision).toMatchObject({ outcome: 'SnappedEqual', equal: true });
    state = equal.state;
    expect(at(60_000).decision.outcome).toBe('HeldNoSignal');
  });

  it('one fresh source is enough to go on', () => {
    expect(tick(skewed, blind(['Fresh', 'Absent'])).state.blindSinceMs).toBeNull();
    expect(tick(skewed, blind(['Stale', 'Stale'], 'Fresh')).state.blindSinceMs).toBeNull();
    expect(tick(skewed, blind(['Fresh', 'Absent'])).decision.outcome).not.toBe('HeldNoSignal');
  });
});

describe('a mode', () => {
  it('that sends nothing has no herd to look for: what is not sent cannot come back', () => {
    const swingsIn = (mode: WeightsOptions['mode']) =>
      Object.keys(tick(undefined, pair(2), { options: { ...ROUND_ROBIN, mode } }).state.herd?.swings ?? {});
    expect(swingsIn('Active')).toEqual([endpoint(0).id, endpoint(1).id]);
    expect(swingsIn('Shadow')).toEqual([]);
    expect(swingsIn('Disabled')).toEqual([]);
  });

  it('that only watches or is off says so', () => {
    const shadow = tick(undefined, pair(2), { options: { ...ROUND_ROBIN, mode: 'Shadow' } }).decision;
    expect(shadow).toMatchObject({ outcome: 'Shadow', equal: true });
    expect(reasons(shadow, pair(2))[0]).toMatch(/^\(shadow\) aims at/);
    expect(shadow.shadowWeights).toEqual({ [endpoint(0).id]: 135, [endpoint(1).id]: 1000 });
    const off = tick(undefined, pair(2), { options: { ...ROUND_ROBIN, mode: 'Disabled' } }).decision;
    expect(off).toMatchObject({ outcome: 'Disabled', equal: true });
    expect(reasons(off, pair(2))[0]).toBe('gets an even share: weights are disabled by policy');
    expect(off).not.toHaveProperty('shadowWeights');
    expect(tick(undefined, pair(2)).decision).not.toHaveProperty('shadowWeights');
    expect(reasons(tick(undefined, pair(2)).decision, pair(2))[0]).toMatch(/^aims at/);
  });
});

describe('what is left behind', () => {
  it('is equal where equal weights stand, and leaves out who is not known', () => {
    const wide = run([...hold(pair(0), 1), ...hold(pair(0.6), 5)], ROUND_ROBIN).at(-1)!.state;
    expect(wide.snapped).toBe(true);
    expect(Object.values(restingWeights(wide, endpoints(2), ROUND_ROBIN))).toEqual([1000, 1000]);
    const skewed = settled(pair(2)).state;
    expect(restingWeights(skewed, endpoints(3), ROUND_ROBIN)).toEqual({
      [endpoint(0).id]: 135,
      [endpoint(1).id]: 1000,
    });
    expect(Object.values(restingWeights(skewed, endpoints(2), { ...ROUND_ROBIN, mode: 'Shadow' }))).toEqual([
      1000, 1000,
    ]);
  });
});
