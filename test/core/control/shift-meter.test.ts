import { describe, expect, it } from 'vitest';
import type { PushAcks } from '../../../src/core/control/push-acks.ts';
import { type ShiftInput, ShiftMeter } from '../../../src/core/control/shift-meter.ts';
import type { ServiceDecision } from '../../../src/core/weights/index.ts';
import { endpoints, START_MS } from '../weights/beliefs.ts';

const FLEET = endpoints(4);
/** Of all requests in a second. */
const ISSUED = 200;

type Second = {
  readonly target: number;
  readonly issued: number;
  readonly pushed?: boolean;
  readonly edited?: boolean;
  readonly drained?: boolean;
  readonly acks?: readonly PushAcks[];
};

function decision(atMs: number, { target, pushed = false, drained = false }: Second): ServiceDecision {
  return {
    service: 'chat',
    outcome: pushed ? 'Pushed' : 'HeldDeadBand',
    atMs,
    decidedAtMs: atMs,
    equal: false,
    endpoints: FLEET.map(({ id }, i) => ({
      id,
      weight: 500,
      previousWeight: i === 0 && pushed ? 1000 : 500,
      share: i === 0 ? target : (1 - target) / 3,
      health: i === 0 && drained ? 'Draining' : 'Healthy',
      terms: { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 },
      clamps: [],
    })),
  };
}

function issued(share: number): ShiftInput['endpoints'] {
  return FLEET.map(({ id }, i) => ({ id, issued: Math.round(ISSUED * (i === 0 ? share : (1 - share) / 3)) }));
}

function watch(seconds: readonly Second[], meter = new ShiftMeter()) {
  return seconds.flatMap((second, at) => {
    const nowMs = START_MS + at * 1000;
    return meter.step({
      nowMs,
      decision: decision(nowMs, second),
      endpoints: issued(second.issued),
      edited: second.edited ?? false,
      acks: second.acks ?? [],
    });
  });
}

const rest = (seconds: number, share: number): readonly Second[] =>
  Array.from({ length: seconds }, () => ({ target: share, issued: share }));

describe('the shift meter', () => {
  it('times a move from the tick that sensed it: decided, half, nine tenths, and how far beyond', () => {
    const shifts = watch([
      ...rest(20, 0.25),
      { target: 0.125, issued: 0.25 },
      { target: 0.125, issued: 0.25, pushed: true },
      { target: 0.125, issued: 0.2 },
      { target: 0.125, issued: 0.1 },
      { target: 0.125, issued: 0.1 },
      { target: 0.125, issued: 0.1 },
      ...rest(20, 0.125),
    ]);
    expect(shifts).toHaveLength(1);
    const { before, after, decidedMs, t50Ms, t90Ms, beyondRatio, sensedAtMs, endpoint } = shifts[0]!;
    expect(endpoint).toBe(FLEET[0]!.id);
    expect(sensedAtMs).toBe(START_MS + 20_000);
    expect([before, after]).toEqual([expect.closeTo(0.25, 3), expect.closeTo(0.125, 3)]);
    // Counts are read over three seconds: half of the way (0.1875) is behind at 0.2, 0.1 and 0.1.
    expect([decidedMs, t50Ms, t90Ms]).toEqual([1000, 3000, 4000]);
    expect(beyondRatio).toBeCloseTo(0.2, 1);
  });

  it('tells a move that the requests never followed', () => {
    const [shift] = watch([...rest(20, 0.25), ...Array.from({ length: 40 }, () => ({ target: 0.125, issued: 0.25 }))]);
    expect(shift).toMatchObject({ decidedMs: undefined, t50Ms: undefined, t90Ms: undefined, beyondRatio: 0 });
  });

  it('tells when the sidecars had taken the first changed weight, and waits for none of them', () => {
    const pushedAtMs = START_MS + 21_000;
    const run = (acks: readonly PushAcks[]) =>
      watch([
        ...rest(20, 0.25),
        { target: 0.125, issued: 0.25 },
        { target: 0.125, issued: 0.25, pushed: true },
        { target: 0.125, issued: 0.125, acks },
        ...rest(20, 0.125),
      ])[0];
    const acked = { pushedAtMs, medianMs: 12, lastMs: 340, acked: 3, missing: 1 };
    expect(run([acked])).toMatchObject({ decidedMs: 1000, ackedMs: 1340, medianAckedMs: 1012, unacked: 1 });
    expect(run([{ ...acked, pushedAtMs: pushedAtMs - 1000 }])).toMatchObject({ decidedMs: 1000, ackedMs: undefined });
    expect(run([])).toMatchObject({ decidedMs: 1000, ackedMs: undefined, unacked: 0, t90Ms: expect.any(Number) });
  });

  it('calls a move that an edit of the policy began by its name, a drain too', () => {
    const edited = watch([
      ...rest(20, 0.25),
      { target: 0.125, issued: 0.25, pushed: true, edited: true },
      ...rest(20, 0.125),
    ]);
    expect(edited).toMatchObject([{ cause: 'Policy', decidedMs: 0 }]);
    const gone = (at: number): Second => ({ target: 0, issued: at < 2 ? 0.25 : 0, drained: true, edited: at === 0 });
    const drained = watch([...rest(20, 0.25), ...Array.from({ length: 30 }, (_, at) => gone(at))]);
    expect(drained).toHaveLength(FLEET.length);
    expect(drained[0]).toMatchObject({ cause: 'Policy', decidedMs: 0, t90Ms: 4000, picksMs: 2000, beyondRatio: 0 });
    expect(drained.slice(1).map(({ cause, t90Ms }) => [cause, t90Ms])).toEqual(
      FLEET.slice(1).map(() => ['Policy', 4000]),
    );
    const later = watch([
      ...rest(20, 0.25),
      { target: 0.25, issued: 0.25, edited: true },
      ...rest(40, 0.25),
      ...rest(30, 0.125),
    ]);
    expect(later).toMatchObject([{ cause: 'Load' }]);
  });

  it('does not take for a shift what comes back and what is small', () => {
    expect(watch([...rest(20, 0.25), ...rest(3, 0.15), ...rest(40, 0.25)])).toEqual([]);
    expect(watch([...rest(20, 0.25), ...rest(40, 0.22)])).toEqual([]);
  });

  it('watches on who stays when others leave, and says that this moved them', () => {
    const meter = new ShiftMeter();
    watch(rest(20, 0.25), meter);
    const fewer = issued(0)
      .slice(0, 2)
      .map((one) => ({ ...one, issued: 0 }));
    const shifts = Array.from({ length: 40 }, (_, at) => {
      const nowMs = START_MS + (20 + at) * 1000;
      const { endpoints: decided, ...moved } = decision(nowMs, { target: 0.5, issued: 0.5 });
      return meter.step({
        nowMs,
        decision: { ...moved, endpoints: decided.slice(0, 2).map((one) => ({ ...one, share: 0.5 })) },
        endpoints: fewer,
        edited: at === 0,
        acks: [],
      });
    });
    expect(shifts.flat()).toMatchObject(
      fewer.map(({ id }) => ({ endpoint: id, cause: 'Membership', t90Ms: undefined })),
    );
  });

  it('says nothing of who has not rested yet', () => {
    expect(watch(Array.from({ length: 60 }, (_, at) => ({ target: 0.1 + 0.01 * (at % 30), issued: 0.2 })))).toEqual([]);
  });
});
