import { recentre, sharesOf, toGrid } from './grid.ts';
import { STEP_DOWN_PER_SEC, STEP_UP_PER_SEC } from './step-limit.ts';

/** One endpoint's computed log weight: what stood at the last tick (undefined: a newcomer) and what stands now. */
export type BlendMove = { readonly before: number | undefined; readonly after: number };

/**
 * How much of the computed weights is sent, 0..1: 0 is equal weights, 1 the computed ones, between them their logs are
 * scaled (a geometric mean of equal and computed). When an operator raises the ratio, or leaves Shadow, the way up is
 * walked within the limits that hold for a push: computed weights may be far from the equal ones that Envoys have. The
 * way down to a smaller ratio is limited as well; `Shadow` and `Disabled` take all weights out at once.
 */
export function stepBlend(
  before: number | undefined,
  goal: number,
  moves: readonly BlendMove[],
  sinceSec: number,
): number {
  if (before === undefined || goal === 0) return goal;
  let way = Math.abs(goal - before);
  const towards = Math.sign(goal - before);
  for (const move of moves) {
    if (move.before === undefined) continue;
    const own = before * (move.after - move.before);
    const perRatio = towards * move.after;
    const room = perRatio > 0 ? STEP_UP_PER_SEC * sinceSec - own : STEP_DOWN_PER_SEC * sinceSec + own;
    if (perRatio !== 0) way = Math.min(way, Math.max(0, room) / Math.abs(perRatio));
  }
  return before + towards * way;
}

/** The integers for a part of computed log weights. All of it is exactly the computed weights; none exactly equal ones. */
export function blendedWeights(logs: readonly number[], ratio: number): readonly number[] {
  return toGrid(recentre(logs.map((log) => log * ratio)));
}

/** What a part of the way from even to these shares is. */
export function blendedShares(shares: readonly number[], ratio: number): readonly number[] {
  if (ratio === 1) return shares;
  return sharesOf(
    shares.map((share) => Math.log(Math.max(share, 1e-9)) * ratio),
    0,
  );
}
