import { describe, expect, it } from 'vitest';
import { type ServiceDecision, sameWeights, stepWeights } from '../../../src/core/weights/index.ts';
import { belief, beliefs, endpoints, OPTIONS, START_MS } from './beliefs.ts';

const { decision } = stepWeights(undefined, {
  nowMs: START_MS,
  service: 'chat',
  endpoints: endpoints(2),
  load: beliefs([belief(0, { logCapacity: 1 }), belief(1)]),
  options: OPTIONS,
});
const [first, second] = decision.endpoints as [
  ServiceDecision['endpoints'][number],
  ServiceDecision['endpoints'][number],
];
const of = (...all: ServiceDecision['endpoints']): ServiceDecision => ({ ...decision, endpoints: all });

describe('two decisions', () => {
  it('are the same to Envoys when they name the same endpoints with the same weights and health', () => {
    expect(sameWeights(decision, of({ ...first }, { ...second }))).toBe(true);
    expect(sameWeights(decision, of(first, { ...second, weight: second.weight - 1 }))).toBe(false);
    expect(sameWeights(decision, of({ ...first, health: 'Draining' }, second))).toBe(false);
    expect(sameWeights(decision, of(first, { ...second, id: 'chat/gpu/10.9.9.9:8000' }))).toBe(false);
    expect(sameWeights(decision, of(second, first))).toBe(false);
  });

  it('may differ in what is told and not sent', () => {
    const told = of({ ...first, share: 0.9, clamps: ['StepUp'], previousWeight: 1 }, second);
    expect(sameWeights(decision, { ...told, outcome: 'HeldDeadBand', atMs: START_MS + 1000 })).toBe(true);
  });

  it('differ when an endpoint came or went', () => {
    expect(sameWeights(decision, of(first))).toBe(false);
    expect(sameWeights(of(first), decision)).toBe(false);
  });

  it('are the same where one is not there and the other is about nobody: Envoys get nothing of either', () => {
    expect(sameWeights(undefined, undefined)).toBe(true);
    expect(sameWeights(undefined, of())).toBe(true);
    expect(sameWeights(of(), undefined)).toBe(true);
    expect(sameWeights(undefined, decision)).toBe(false);
    expect(sameWeights(decision, undefined)).toBe(false);
  });
});
