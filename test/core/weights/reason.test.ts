import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../../src/core/weights/reason.ts';
import { belief } from './beliefs.ts';

const NONE = { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 };

describe('the reason of a weight', () => {
  it('is an even share within 5 %, and how far it is off beyond', () => {
    expect(reasonOf(NONE, 0.25, 4, belief(0))).toBe('aims at an even share');
    expect(reasonOf(NONE, 0.26, 4, belief(0))).toBe('aims at an even share');
    expect(reasonOf(NONE, 0.3, 4, belief(0))).toBe('aims at 20 % more than an even share');
    expect(reasonOf(NONE, 0.1, 4, belief(0))).toBe('aims at 60 % less than an even share');
  });

  it('names each cause that matters', () => {
    const load = belief(0, { foreign: 3, errorRatio: 0.4, waiting1st: true });
    const terms = {
      capacity: Math.log(0.5),
      speed: 0,
      inFlight: 0.3,
      foreign: -0.2,
      health: -1,
      ramp: -2,
      feedForward: 0,
    };
    expect(reasonOf(terms, 0.25, 4, load)).toBe(
      'aims at an even share: learned capacity is 0.50 of the mean; 8 requests in flight on 24 slots; ' +
        '3 foreign requests; 40 % of its answers are errors; it has not completed a request yet',
    );
    expect(reasonOf({ ...NONE, ramp: -0.05 }, 0.25, 4, belief(0))).toBe('aims at an even share: it is warming up');
  });

  it('is silent about what does not', () => {
    const small = {
      capacity: 0.049,
      speed: 0,
      inFlight: -0.049,
      foreign: -0.049,
      health: -0.049,
      ramp: -0.049,
      feedForward: 3,
    };
    expect(reasonOf(small, 0.25, 4, belief(0))).toBe('aims at an even share');
    const exact = {
      capacity: 0.05,
      speed: 0,
      inFlight: -0.05,
      foreign: -0.05,
      health: -0.05,
      ramp: -0.05,
      feedForward: 3,
    };
    expect(reasonOf(exact, 0.25, 4, belief(0)).split(';')).toHaveLength(5);
  });

  it('does without beliefs', () => {
    const terms = { capacity: 0.1, speed: 0, inFlight: 1, foreign: -1, health: -1, ramp: -1, feedForward: 0 };
    expect(reasonOf(terms, 0.25, 4, undefined)).toBe(
      'aims at an even share: learned capacity is 1.11 of the mean; it is warming up',
    );
  });
});
