import { describe, expect, it } from 'vitest';
import {
  followUtil,
  type Sensed,
  slotsByUtilisation,
  stepGate,
  utilisation,
} from '../../../src/core/load/gpu-sensor.ts';
import type { EndpointMemory, UtilMemory } from '../../../src/core/load/load-state.ts';
import { START_MS } from '../weights/beliefs.ts';
import { cluster, gpu, memory, reading } from './memories.ts';

/** A utilisation that has been `ratio` for long, at so many requests in flight. */
function util(ratio: number, inFlight: number, over: Partial<UtilMemory> = {}): UtilMemory {
  return {
    last: ratio,
    repeatSec: 0,
    util3: ratio,
    inFlight3: inFlight,
    util20: ratio,
    inFlight20: inFlight,
    meanLogInFlight: Math.log(inFlight + 1),
    meanLogUtil: Math.log(ratio),
    ...over,
  };
}

describe('utilisation', () => {
  it('is the mean of the whole devices that were heard within five seconds', () => {
    const of = (...gpus: readonly Parameters<typeof gpu>[0][]) =>
      utilisation(memory({ gpus: gpus.map(gpu) }), START_MS);
    expect(of({ utilRatio: 0.4 }, { utilRatio: 0.8 })).toBeCloseTo(0.6, 12);
    expect(of({ utilRatio: 0.4 }, { utilRatio: null })).toBe(0.4);
    expect(of({ utilRatio: 0.4 }, { utilRatio: 0.8, utilAtMs: START_MS - 5001 })).toBe(0.4);
    expect(of({ utilRatio: 0.4, utilAtMs: START_MS - 5000 })).toBe(0.4);
    expect(of({ utilRatio: 0.4, utilAtMs: START_MS - 5001 })).toBeUndefined();
    expect(of({ utilRatio: 0.4 }, { utilRatio: 0.4, whole: false })).toBeUndefined();
    expect(of()).toBeUndefined();
    expect(of({ utilRatio: 0.4, leaseMs: 2000, utilAtMs: START_MS - 2000 })).toBe(0.4);
    expect(of({ utilRatio: 0.4, leaseMs: 2000, utilAtMs: START_MS - 2001 })).toBeUndefined();
    expect(of({ utilRatio: 0.4, leaseMs: 60_000, utilAtMs: START_MS - 5001 })).toBeUndefined();
  });

  it('is followed over 3 and 20 seconds, next to what is in flight', () => {
    const one = memory({ inFlight: 9 });
    followUtil(one, 0.3, 1);
    expect(one.util).toEqual(util(0.3, 9));
    one.inFlight = 19;
    followUtil(one, 0.5, 3);
    const fast = 1 - 1 / Math.E;
    const slow = 1 - Math.exp(-3 / 20);
    expect(one.util!.util3).toBeCloseTo(0.3 + 0.2 * fast, 9);
    expect(one.util!.inFlight3).toBeCloseTo(9 + 10 * fast, 9);
    expect(one.util!.util20).toBeCloseTo(0.3 + 0.2 * slow, 9);
    expect(one.util!.inFlight20).toBeCloseTo(9 + 10 * slow, 9);
    expect(one.util!.meanLogInFlight).toBeCloseTo(Math.log(10) + slow * (Math.log(10 + 10 * fast) - Math.log(10)), 9);
    expect(one.util!.meanLogUtil).toBeCloseTo(Math.log(0.3) + slow * Math.log((0.3 + 0.2 * fast) / 0.3), 9);
    followUtil(memory(), 0, 1);
    const idle = memory();
    followUtil(idle, 0, 1);
    expect(idle.util!.meanLogUtil).toBeCloseTo(Math.log(0.02), 9);
  });

  it('is counted how long it repeats exactly, and is forgotten when it is not heard', () => {
    const one = memory({ slotsByUtil: 40 });
    for (const value of [0.3, 0.3, 0.3]) followUtil(one, value, 1);
    expect(one.util!.repeatSec).toBe(2);
    followUtil(one, 0.31, 1);
    expect(one.util!.repeatSec).toBe(0);
    followUtil(one, undefined, 1);
    expect(one).toMatchObject({ util: null, slotsByUtil: null });
  });
});

describe('a GPU that reads full', () => {
  const idle = reading(0, { running: 0, waiting: 0 });
  /** For how long it was seen full with nothing to do, after two seconds. */
  const idleFullSec = (ratio: number, over: Partial<EndpointMemory>) => {
    const one = memory({ inFlight: 0, engine: idle, ...over });
    followUtil(one, ratio, 1);
    return followUtil(one, ratio, 1)?.idleFullSec;
  };

  it('while sidecars and engine say that there is nothing to do is counted for how long', () => {
    expect(idleFullSec(1, {})).toBe(2);
    expect(idleFullSec(0.995, {})).toBe(2);
  });

  it.each<[string, number, Partial<EndpointMemory>]>([
    ['it is not quite full', 0.994, {}],
    ['a sidecar has a request there', 1, { inFlight: 1 }],
    ['its engine runs one', 1, { engine: { ...idle, running: 1 } }],
    ['one waits in its engine', 1, { engine: { ...idle, waiting: 1 } }],
    ['no engine says what it does', 1, { engine: null }],
  ])('is not counted where %s', (_, ratio, over) => {
    expect(idleFullSec(ratio, over)).toBeUndefined();
  });

  it('is counted anew after it had something to do, and no longer than an hour', () => {
    const one = memory({ inFlight: 0, engine: idle });
    for (let hours = 0; hours < 2; hours += 1) followUtil(one, 1, 3000);
    expect(one.util?.idleFullSec).toBe(3600);
    followUtil(one, 0.5, 1);
    expect(followUtil(one, 1, 1)?.idleFullSec).toBe(1);
  });
});

describe('the gate', () => {
  /** Deviations of log load by 1 and of log utilisation by `slope`. */
  const moving = (slope: number, over: Partial<UtilMemory> = {}) =>
    memory({
      slotsByUtil: 40,
      util: util(0.3, 9, { meanLogInFlight: Math.log(10) - 1, meanLogUtil: Math.log(0.3) - slope, ...over }),
    });
  const gateAfter = (seconds: number, members: readonly EndpointMemory[], ageSec = 100, from = cluster()) => {
    for (let sec = 0; sec < seconds; sec += 1) stepGate(from, members, ageSec, 1, START_MS + sec * 1000);
    return from.gpuGate;
  };

  it('opens while utilisation follows the load with a slope of more than 0.4, and not in the first 40 s', () => {
    expect(gateAfter(2, [moving(0.41)]).open).toBe(true);
    expect(gateAfter(2, [moving(0.39)]).open).toBe(false);
    expect(gateAfter(2, [moving(0.41)], 40).open).toBe(false);
    expect(gateAfter(2, [moving(0.41)], 40.1).open).toBe(true);
    const { sumXX, sumXY } = gateAfter(1, [moving(0.5), moving(0.5)]);
    expect(sumXX).toBeCloseTo(2 * (1 - Math.exp(-1 / 120)), 9);
    expect(sumXY).toBeCloseTo(sumXX / 2, 9);
  });

  it('stays open down to 0.24, and then forgets the slots that it let through', () => {
    const open = cluster({ gpuGate: { ...cluster().gpuGate, open: true } });
    const one = moving(0.25);
    expect(gateAfter(2, [one], 100, open).open).toBe(true);
    expect(one.slotsByUtil).toBe(40);
    const shut = cluster({ gpuGate: { ...cluster().gpuGate, open: true } });
    const flat = moving(0.23);
    expect(gateAfter(2, [flat], 100, shut).open).toBe(false);
    expect(flat.slotsByUtil).toBeNull();
  });

  it('does not look at what is idle or full, nor at who has no utilisation', () => {
    expect(gateAfter(3, [moving(1, { util3: 0.03 })]).sumXX).toBe(0);
    expect(gateAfter(3, [moving(1, { util3: 0.031, meanLogUtil: 0 })]).sumXX).toBeGreaterThan(0);
    expect(gateAfter(3, [moving(1, { util3: 0.92 })]).sumXX).toBe(0);
    expect(gateAfter(3, [moving(1, { util3: 0.919 })]).sumXX).toBeGreaterThan(0);
    expect(gateAfter(3, [memory(), moving(1)]).open).toBe(true);
    expect(gateAfter(3, [memory()])).toMatchObject({ open: false, sumXX: 0 });
  });

  it('closes for two minutes when a value between idle and full repeats for eight seconds', () => {
    const frozen = (last: number, repeatSec = 8) => [moving(1), moving(1, { last, repeatSec })];
    expect(gateAfter(1, frozen(0.3))).toMatchObject({ open: false, closedUntilMs: START_MS + 120_000 });
    expect(gateAfter(1, frozen(0.3, 7.9))).toMatchObject({ open: true, closedUntilMs: 0 });
    expect(gateAfter(1, frozen(0.05)).open).toBe(true);
    expect(gateAfter(1, frozen(0.95)).open).toBe(true);
    expect(gateAfter(1, frozen(0.06)).open).toBe(false);
    expect(gateAfter(1, frozen(0.94)).open).toBe(false);
    const closed = cluster({ gpuGate: { ...cluster().gpuGate, closedUntilMs: START_MS + 2000 } });
    expect(gateAfter(2, [moving(1)], 100, closed).open).toBe(false);
    expect(gateAfter(3, [moving(1)], 100, closed).open).toBe(true);
  });

  it('stays closed while it is off', () => {
    const off = cluster({ gpuGate: { ...cluster().gpuGate, open: true, offUntilMs: START_MS + 1 } });
    expect(gateAfter(1, [moving(1)], 100, off).open).toBe(false);
    expect(gateAfter(2, [moving(1)], 100, off).open).toBe(true);
  });
});

describe('slots by utilisation', () => {
  /** So many in flight at a utilisation, requests of 4 s. */
  const busy = (ratio: number, inFlight: number, over: Partial<EndpointMemory> = {}, known?: number): Sensed => ({
    memory: memory({ util: util(ratio, inFlight), meanInFlight: inFlight, completions: inFlight / 4, ...over }),
    known,
  });
  const open = () => cluster({ gpuGate: { ...cluster().gpuGate, open: true } });
  const sense = (sensed: readonly Sensed[], sec = 1, of = open()) => slotsByUtilisation(sensed, of, 64, sec, START_MS);
  const close = (value: number) => expect.closeTo(value, 9);

  it('are what is in flight over the utilisation, in place of an unknown limit', () => {
    expect(sense([busy(0.5, 12), busy(0.5, 32)])).toEqual([close(24), close(64)]);
  });

  it('move over 30 s where the limit is unknown, and over 5 s where it is known', () => {
    const unknown = busy(0.5, 12, { slotsByUtil: 40 });
    const known = busy(0.5, 12, { slotsByUtil: 40 }, 64);
    sense([unknown, known], 3);
    expect(unknown.memory.slotsByUtil).toBeCloseTo(24 + 16 * Math.exp(-3 / 30), 9);
    expect(known.memory.slotsByUtil).toBeCloseTo(24 + 16 * Math.exp(-3 / 5), 9);
  });

  it('are within a fifth and five times the median, which stands for who has no utilisation', () => {
    const blind: Sensed = { memory: memory({ meanInFlight: 8, completions: 2 }), known: undefined };
    expect(sense([busy(0.5, 1), busy(0.5, 12), busy(0.5, 12), busy(0.5, 99), blind])).toEqual([
      close(24 / 5),
      close(24),
      close(24),
      close(120),
      close(24),
    ]);
  });

  it('are held at an idle GPU, and where they would be less than half a slot', () => {
    const idle = busy(0.03, 1, { slotsByUtil: 40 });
    const slow = busy(0.03, 40, { slotsByUtil: 40, completions: 4 });
    const empty = busy(0.5, 0.2, { slotsByUtil: 40 });
    const low = busy(0.031, 1, { slotsByUtil: 40 });
    sense([idle, slow, empty, low, busy(0.5, 20)]);
    expect([idle, slow, empty].map(({ memory: { slotsByUtil } }) => slotsByUtil)).toEqual([40, 40, 40]);
    expect(low.memory.slotsByUtil).not.toBe(40);
  });

  it('of a full GPU are corrected by how much slower it answers, if it is slower by more than 1.3', () => {
    const full = busy(0.92, 60, { completions: 60 / 8 });
    sense([full, busy(0.5, 20), busy(0.5, 20)]);
    expect(full.memory.slotsByUtil).toBeCloseTo(30, 9);
    const justSo = busy(0.92, 52, { completions: 52 / 5.2 });
    sense([justSo, busy(0.5, 20), busy(0.5, 20)]);
    expect(justSo.memory.slotsByUtil).toBeNull();
    const alike = busy(0.92, 60, { completions: 60 / 5 });
    sense([alike, busy(0.5, 20), busy(0.5, 20)]);
    expect(alike.memory.slotsByUtil).toBeNull();
    const again = busy(0.95, 60, { completions: 60 / 8, slotsByUtil: 20 }, 64);
    const fresh = busy(0.95, 60, { completions: 60 / 8 }, 64);
    const unknown = busy(0.95, 60, { completions: 60 / 8, slotsByUtil: 20 });
    sense([again, fresh, unknown, busy(0.5, 20), busy(0.5, 20), busy(0.5, 20), busy(0.5, 20)]);
    expect(again.memory.slotsByUtil).toBe(20);
    expect(fresh.memory.slotsByUtil).toBeCloseTo(30, 9);
    expect(unknown.memory.slotsByUtil).toBeCloseTo(20 + 10 * (1 - Math.exp(-1 / 30)), 9);
  });

  it('need a GPU that is not full to compare with', () => {
    const full = busy(0.95, 60);
    expect(sense([full, busy(0.92, 60), { memory: memory(), known: 32 }])).toEqual([64, 64, 32]);
    expect(full.memory.slotsByUtil).toBeNull();
  });

  it('leave unknown limits to the headers where these have found one', () => {
    const found = busy(0.5, 12, { slotsByQueue: 20, slotsByQueueFrom: 'Headers' });
    const other = busy(0.5, 32);
    const known = busy(0.5, 32, {}, 64);
    expect(sense([found, other, known])).toEqual([64, 64, 64]);
    expect([found, other, known].map(({ memory: { slotsByUtil } }) => slotsByUtil)).toEqual([null, null, 64]);
    expect(sense([busy(0.5, 12, { slotsByQueue: 20, slotsByQueueFrom: 'Engine' })])).toEqual([close(24)]);
  });

  describe('of a known limit are foreign work', () => {
    /** Seven that have what they should, and one that has a part of its limit. */
    const fleet = (part: number, over: Partial<EndpointMemory> = {}) => [
      busy(0.5, 16 * part, over, 32),
      busy(0.5, 16, {}, 32),
      busy(0.5, 16, {}, 32),
    ];

    it('below three quarters, down to a fifth', () => {
      expect(sense(fleet(0.74))[0]).toBeCloseTo(32 * 0.74, 9);
      expect(sense(fleet(0.76))[0]).toBe(32);
      expect(sense(fleet(0.1))[0]).toBeCloseTo(6.4, 9);
      expect(sense(fleet(0.5)).slice(1)).toEqual([32, 32]);
    });

    it('until it is back above 0.88', () => {
      expect(sense(fleet(0.87, { utilCut: true }))[0]).toBeCloseTo(32 * 0.87, 9);
      expect(sense(fleet(0.89, { utilCut: true }))[0]).toBe(32);
    });

    it('only where the fleet as a whole has what it should: between 0.8 and 1.3 of the limits', () => {
      const like = (ratio: number) => [
        busy(0.5, 16 * 0.5, { utilCut: true }, 32),
        busy(0.5, 16 * ratio, {}, 32),
        busy(0.5, 16 * ratio, {}, 32),
      ];
      expect(sense(like(0.79))[0]).toBe(32);
      // Half of a limit, of which the usual is 0.81.
      expect(sense(like(0.81))[0]).toBeCloseTo(32 * (0.5 / 0.81), 9);
      expect(sense(like(1.29))[0]).toBeCloseTo(16, 9);
      const unusable = like(1.31);
      expect(sense(unusable)[0]).toBe(32);
      expect(unusable[0]!.memory.utilCut).toBe(false);
    });

    it('and of an unknown one are not', () => {
      const one = busy(0.5, 8, { utilCut: true });
      sense([one, ...fleet(1)]);
      expect(one.memory.utilCut).toBe(false);
    });
  });

  describe('contradict themselves', () => {
    /** Three usual servers, and one that looks so much wider and answers so much slower. */
    const odd = (wide: number, slow: number) => [
      busy(0.5, 16),
      busy(0.5, 16),
      busy(0.5, 16),
      busy(0.5, 16 * wide, { completions: (16 * wide) / (4 * slow) }),
    ];

    it('where one is 1.3 times as wide and yet 1.5 times as slow: after 25 s the sensor is off for ten minutes', () => {
      const of = open();
      for (let sec = 0; sec < 25; sec += 1) sense(odd(1.4, 1.6), 1, of);
      expect(of.gpuGate).toMatchObject({ open: true, contradictionSec: 25, offUntilMs: 0 });
      sense(odd(1.4, 1.6), 1, of);
      expect(of.gpuGate).toMatchObject({ open: false, contradictionSec: 0, offUntilMs: START_MS + 600_000 });
    });

    it('and not where it is only one of both, or by less', () => {
      const leak = (wide: number, slow: number) => {
        const of = open();
        of.gpuGate.contradictionSec = 10;
        sense(odd(wide, slow), 2, of);
        return of.gpuGate.contradictionSec;
      };
      expect(leak(1.4, 1.6)).toBe(12);
      expect(leak(1.29, 1.6)).toBe(8);
      expect(leak(1.4, 1.49)).toBe(8);
      expect(leak(1, 3)).toBe(8);
    });

    it('also where most of them look wide and are slow: the narrow ones say what is usual', () => {
      const of = open();
      const wideAndSlow = () => busy(0.5, 24, { completions: 24 / 7 });
      sense([busy(0.5, 16), busy(0.5, 16), wideAndSlow(), wideAndSlow(), wideAndSlow()], 1, of);
      expect(of.gpuGate.contradictionSec).toBe(1);
      // Up to a tenth wider is as narrow: the answers of three such, most of them slow, are usual.
      const twin = () => busy(0.5, 5.5, { completions: 5.5 / 7 });
      const some = open();
      sense([busy(0.5, 5), busy(0.5, 5), twin(), twin(), twin(), busy(0.5, 8, { completions: 8 / 7 })], 1, some);
      expect(some.gpuGate.contradictionSec).toBe(0);
    });

    it('neither more nor less while none of them can be read', () => {
      const of = open();
      of.gpuGate.contradictionSec = 10;
      sense([busy(0.02, 1), busy(0.02, 1)], 1, of);
      expect(of.gpuGate.contradictionSec).toBe(10);
    });

    it('no longer, when it leaks away', () => {
      const of = open();
      of.gpuGate.contradictionSec = 1.5;
      sense(odd(1, 1), 2, of);
      expect(of.gpuGate.contradictionSec).toBe(0);
    });
  });
});
