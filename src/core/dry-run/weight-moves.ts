import { own } from '../../base/units/index.ts';
import type { Plan } from '../control/index.ts';
import { bounded } from './bounded.ts';
import type { Bounded, EndpointWeight, WeightMove } from './report.ts';

const MAX_MOVES = 100;
/** Below a twentieth of a percent a share has not moved. */
const LEAST_MOVE = 0.0005;

/** Endpoints whose weight or share differs, the largest moves of share first. */
export function weightMoves(before: Plan | undefined, after: Plan): Bounded<WeightMove> {
  const services = new Set([...Object.keys(after.decisions), ...Object.keys(before?.decisions ?? {})]);
  const moves = [...services].flatMap((service) => {
    const was = weightsOf(before, service);
    const is = weightsOf(after, service);
    return [...new Set([...is.keys(), ...was.keys()])].flatMap((endpoint): WeightMove[] => {
      const old = was.get(endpoint);
      const now = is.get(endpoint);
      if (old?.weight === now?.weight && moved({ before: old, after: now }) < LEAST_MOVE) return [];
      return [
        {
          service,
          endpoint,
          ...(old === undefined ? {} : { before: old }),
          ...(now === undefined ? {} : { after: now }),
        },
      ];
    });
  });
  return bounded(
    moves.sort((a, b) => moved(b) - moved(a) || (a.endpoint < b.endpoint ? -1 : 1)),
    MAX_MOVES,
  );
}

function weightsOf(plan: Plan | undefined, service: string): ReadonlyMap<string, EndpointWeight> {
  const endpoints = own(plan?.decisions, service)?.endpoints ?? [];
  return new Map(endpoints.map(({ id, weight, share }) => [id, { weight, share }]));
}

function moved({
  before,
  after,
}: {
  readonly before?: EndpointWeight | undefined;
  readonly after?: EndpointWeight | undefined;
}): number {
  return Math.abs((after?.share ?? 0) - (before?.share ?? 0));
}
