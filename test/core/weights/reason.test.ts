import { describe, expect, it } from 'vitest';
import type { EndpointDecision, ServiceDecision } from '../../../src/core/weights/index.ts';
import { reasonOf, reasonsOf } from '../../../src/core/weights/reason.ts';
import { belief, beliefs, endpoint } from './beliefs.ts';

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

describe('the reasons of a service', () => {
  const decided = (i: number, over: Partial<EndpointDecision> = {}): EndpointDecision => ({
    id: endpoint(i).id,
    weight: 1000,
    previousWeight: 1000,
    share: 1 / 2,
    health: 'Healthy',
    terms: NONE,
    clamps: [],
    ...over,
  });
  const drains = (i: number, over: Partial<EndpointDecision> = {}) =>
    decided(i, { share: 0, health: 'Draining', ...over });
  const of = (endpoints: readonly EndpointDecision[], over: Partial<ServiceDecision> = {}) => {
    const [atMs, decidedAtMs] = [0, 0];
    const decision: ServiceDecision = {
      service: 'chat',
      outcome: 'Pushed',
      atMs,
      decidedAtMs,
      equal: true,
      endpoints,
      ...over,
    };
    const gpuFault = { words: 'XID 79', drained: true };
    return [...reasonsOf(decision, beliefs([belief(0), belief(1), belief(2, { gpuFault })])).values()];
  };

  it('compare a share with that of who takes requests', () => {
    expect(of([decided(0), decided(1), drains(2, { id: 'who' })])).toEqual([
      'aims at an even share',
      'aims at an even share',
      'drains: it takes no new requests',
    ]);
  });

  it('name the GPU that was lost', () => {
    expect(of([decided(0), decided(1), drains(2)])[2]).toBe(
      'drains: its GPU reported XID 79; it comes back when that clears or its server is started anew',
    );
  });

  it('say what is done by hand, and what the law would do', () => {
    expect(of([decided(0, { operation: 'frozen' }), drains(1, { operation: 'drained by ann' })])).toEqual([
      'frozen; the law aims at 50 % less than an even share',
      'takes no new requests: drained by ann',
    ]);
    expect(of([decided(0, { probe: 'probed by 5 %' }), decided(1)])[0]).toBe('aims at an even share; probed by 5 %');
  });

  it('are about what the law computes, where a part of that is sent', () => {
    const half = [decided(0, { computedShare: 0.7 }), decided(1, { computedShare: 0.3 })];
    expect(of(half, { sentRatio: 0.5 })).toEqual([
      '(50 % sent) aims at 40 % more than an even share',
      '(50 % sent) aims at 40 % less than an even share',
    ]);
  });

  it('do without beliefs of anybody', () => {
    const decision: ServiceDecision = {
      service: 'chat',
      outcome: 'Disabled',
      atMs: 0,
      decidedAtMs: 0,
      equal: true,
      endpoints: [decided(0)],
    };
    expect([...reasonsOf(decision, undefined)]).toEqual([
      [endpoint(0).id, 'gets an even share: weights are disabled by policy'],
    ]);
  });
});
