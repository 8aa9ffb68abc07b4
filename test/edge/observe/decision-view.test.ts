import { describe, expect, it } from 'vitest';
import type { EndpointDecision, ServiceDecision } from '../../../src/core/weights/index.ts';
import { buildDecisionView, type DecidedService, decisionChanged } from '../../../src/edge/observe/index.ts';

const TERMS = { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 };

function endpoint(name: string, weight: number, more: Partial<EndpointDecision> = {}): EndpointDecision {
  const id = `chat/gpu/${name}`;
  return {
    id,
    weight,
    previousWeight: weight,
    share: weight / 1000,
    health: 'Healthy',
    terms: TERMS,
    clamps: [],
    ...more,
  };
}

function decision(endpoints: readonly EndpointDecision[], more: Partial<ServiceDecision> = {}): ServiceDecision {
  return { service: 'chat', outcome: 'Pushed', atMs: 0, decidedAtMs: 0, equal: false, endpoints, ...more };
}

function decided(turn: number, of: ServiceDecision): DecidedService {
  const reasons = () => new Map(of.endpoints.map(({ id }) => [id, `why ${id}`]));
  return { service: 'chat', tick: 10 * turn, atMs: 1000 * turn, turn, decision: of, reasons };
}

describe('the view of a decision', () => {
  const first = decided(1, decision([endpoint('a', 500), endpoint('b', 500)]));

  it('has all endpoints for a reader who knows of none, and nothing has changed for them', () => {
    expect(buildDecisionView(undefined, first)).toEqual({
      service: 'chat',
      tick: 10,
      atMs: 1000,
      outcome: 'Pushed',
      skipped: 0,
      complete: true,
      endpoints: ['a', 'b'].map((name) => ({
        id: `chat/gpu/${name}`,
        previousWeight: 500,
        weight: 500,
        computedWeight: null,
        previousShare: 0.5,
        share: 0.5,
        health: 'Healthy',
        clamps: [],
        reason: `why chat/gpu/${name}`,
      })),
    });
  });

  it('has what changed since the decision that was told, and how many were skipped', () => {
    const now = decided(
      5,
      decision([endpoint('a', 400, { clamps: ['StepDown'], previousWeight: 450 }), endpoint('b', 500)]),
    );
    const view = buildDecisionView(first, now);
    expect(view).toMatchObject({ skipped: 3, complete: false, tick: 50 });
    expect(view.endpoints).toMatchObject([
      // From what was told, not from the tick before.
      { id: 'chat/gpu/a', previousWeight: 500, weight: 400, previousShare: 0.5, share: 0.4, clamps: ['StepDown'] },
    ]);
  });

  it('tells who came, who went, and who drains', () => {
    const now = decided(2, decision([endpoint('b', 500, { health: 'Draining' }), endpoint('c', 100)]));
    expect(buildDecisionView(first, now).endpoints).toMatchObject([
      { id: 'chat/gpu/b', previousWeight: 500, weight: 500, health: 'Draining' },
      { id: 'chat/gpu/c', previousWeight: null, weight: 100, previousShare: null },
      { id: 'chat/gpu/a', previousWeight: 500, weight: null, share: null, health: 'Gone' },
    ]);
  });

  it.each([
    ['a weight', decision([endpoint('a', 501), endpoint('b', 500)]), true],
    ['a drain', decision([endpoint('a', 500, { health: 'Draining' }), endpoint('b', 500)]), true],
    ['one more endpoint', decision([endpoint('a', 500), endpoint('b', 500), endpoint('c', 1)]), true],
    ['another endpoint', decision([endpoint('a', 500), endpoint('c', 500)]), true],
    [
      'a computed weight',
      decision([endpoint('a', 500), endpoint('b', 500)], { shadowWeights: { 'chat/gpu/a': 400 } }),
      true,
    ],
    [
      'shares and terms',
      decision([endpoint('a', 500, { share: 0.6 }), endpoint('b', 500)], { outcome: 'HeldEqual' }),
      false,
    ],
  ])('%s: whether that is a change', (_, now, is) => {
    expect(decisionChanged(first.decision, now)).toBe(is);
    expect(buildDecisionView(first, decided(2, now)).endpoints.length > 0).toBe(is);
  });
});
