import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HerdState, stepHerd } from '../../../src/core/weights/herd.ts';
import { stepWeights, type WeightsState } from '../../../src/core/weights/index.ts';
import { anyRun, belief, beliefs, endpoints, OPTIONS, run, START_MS } from './beliefs.ts';

type World = {
  readonly seconds: number;
  readonly periodSec?: number;
  readonly amplitude?: (sec: number) => number;
  /** In-flight answers the weight so much later; 0: at once. Undefined: it does not. */
  readonly lagSec?: number;
  readonly inFlight?: number;
};

/** Two endpoints whose weights swing against each other, and in-flight that comes after them. */
function swing(world: World, from?: HerdState): { readonly state: HerdState; readonly alarms: readonly number[] } {
  const { seconds, periodSec = 20, amplitude = () => 0.8, lagSec = 5, inFlight = 30 } = world;
  const alarms: number[] = [];
  let state = from;
  for (let sec = 0; sec < seconds; sec++) {
    const nowMs = START_MS + sec * 1000;
    const wave = (at: number): number => amplitude(at) * Math.sin((2 * Math.PI * at) / periodSec);
    state = stepHerd(state, {
      nowMs,
      elapsedSec: 1,
      members: [1, -1].map((side) => ({
        id: `e${side}`,
        weight: side * wave(sec),
        // What the law answers: it lowers the weight of who is full.
        deviation: world.lagSec === undefined && 'lagSec' in world ? 0 : -side * wave(sec - lagSec + 5),
        inFlight,
      })),
    });
    if (state.alarmedAtMs === nowMs) alarms.push(sec);
  }
  return { state: state as HerdState, alarms };
}

describe('the herd detector', () => {
  it('sees weights and in-flight chase each other after two periods, and halves the gain', () => {
    const { alarms, state } = swing({ seconds: 60 });
    expect(alarms).toHaveLength(1);
    expect(alarms[0]).toBeGreaterThan(30);
    expect(state.damping).toBeGreaterThan(0.5);
    expect(state.damping).toBeLessThan(0.55);
  });

  it('halves it again while it goes on, to an eighth at most', () => {
    const { alarms, state } = swing({ seconds: 600 });
    expect(alarms.length).toBeGreaterThan(5);
    expect(state.damping).toBeGreaterThanOrEqual(1 / 8);
    expect(state.damping).toBeLessThan(0.2);
  });

  it('gives it back by a tenth a minute when it is over', () => {
    const { state } = swing({ seconds: 60 });
    const later = swing({ seconds: 60, amplitude: () => 0 }, state).state;
    expect(later.damping / state.damping).toBeCloseTo(1.1, 1);
    expect(swing({ seconds: 900, amplitude: () => 0 }, state).state.damping).toBe(1);
  });

  it('stays calm where swings die down, are small, or slow', () => {
    expect(swing({ seconds: 120, amplitude: (sec) => 1.5 * Math.exp(-sec / 12) }).alarms).toEqual([]);
    expect(swing({ seconds: 600, amplitude: () => 0.15 }).alarms).toEqual([]);
    expect(swing({ seconds: 3000, periodSec: 300 }).alarms).toEqual([]);
    // Of three requests in flight the log is off by half: a swing of 0.8 is chance.
    expect(swing({ seconds: 600, amplitude: () => 0.45, inFlight: 3 }).alarms).toEqual([]);
    expect(swing({ seconds: 600, amplitude: () => 0.6, inFlight: 3 }).alarms).not.toEqual([]);
  });

  it('stays calm where weights move for other reasons than in-flight', () => {
    expect(swing({ seconds: 600, lagSec: undefined as never }).alarms).toEqual([]);
  });

  it('stays calm at one step, and at an endpoint that swings alone', () => {
    const step = (sec: number) => (sec < 30 ? 0 : 1);
    let state: HerdState | undefined;
    for (let sec = 0; sec < 200; sec++) {
      const members = [
        { id: 'a', weight: step(sec), deviation: -step(sec), inFlight: 30 },
        { id: 'b', weight: Math.sin(sec / 3), deviation: -Math.sin(sec / 3), inFlight: 30 },
      ];
      state = stepHerd(state, { nowMs: START_MS + sec * 1000, elapsedSec: 1, members });
    }
    expect(state).toMatchObject({ damping: 1, alarmedAtMs: null });
  });

  it('never raises the gain above its formula, on any history', () => {
    fc.assert(
      fc.property(anyRun, (ticks) => {
        for (const { state, decision } of run(ticks)) {
          expect(state.herd?.damping).toBeGreaterThanOrEqual(1 / 8);
          expect(state.herd?.damping).toBeLessThanOrEqual(1);
          expect(decision.loop?.damping).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is what the gain is multiplied by, and is remembered in a saved state', () => {
    const load = beliefs([belief(0), belief(1)]);
    const input = { nowMs: START_MS, service: 'chat', endpoints: endpoints(2), load, options: OPTIONS };
    const first = stepWeights(undefined, input);
    const herd: HerdState = { damping: 0.25, alarmedAtMs: START_MS, swings: {} };
    const state: WeightsState = JSON.parse(JSON.stringify({ ...first.state, herd }));
    const next = { ...input, nowMs: START_MS + 1000 };
    const [free, damped] = [stepWeights(first.state, next), stepWeights(state, next)];
    expect(damped.decision.loop?.gain).toBeCloseTo(0.25 * (free.decision.loop?.gain as number), 12);
    expect(damped.decision.loop).toMatchObject({ damping: 0.25, herdAtMs: START_MS });
  });
});
