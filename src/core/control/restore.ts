import { restoreSidecars } from './sidecars.ts';
import type { ControlState } from './tick.ts';

/** Fields that hold an instant; others in milliseconds are durations. */
const INSTANT = /^(?:atMs|\w+(?:At|Since|Until|Push)Ms)$/;

/**
 * The state of a checkpoint as the start of a new process. Where the clock was set back in between, every remembered
 * instant moves with it: one that lies in the future would hold weights, ramps and gates until it is reached again.
 */
export function restoreState(stored: ControlState, nowMs: number): ControlState {
  const aheadMs = stored.atMs - nowMs;
  const state = aheadMs > 0 ? setBack(stored, aheadMs) : stored;
  return { ...state, sidecars: restoreSidecars(state.sidecars, nowMs) };
}

function setBack(stored: ControlState, byMs: number): ControlState {
  const { plan, ...rest } = stored;
  return {
    ...(moved(rest, byMs) as typeof rest),
    // The policy holds durations alone.
    plan: plan && {
      ...plan,
      decisions: moved(plan.decisions, byMs) as typeof plan.decisions,
      endpoints: moved(plan.endpoints, byMs) as typeof plan.endpoints,
    },
  };
}

/** A copy whose instants are earlier; 0 and null mean never and stay. */
function moved(value: unknown, byMs: number): unknown {
  if (Array.isArray(value)) return value.map((item) => moved(item, byMs));
  if (typeof value !== 'object' || value === null) return value;
  const earlier = (item: unknown): unknown => (typeof item === 'number' && item > 0 ? Math.max(1, item - byMs) : item);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (!INSTANT.test(key)) return [key, moved(item, byMs)];
      if (Array.isArray(item)) return [key, item.map(earlier)];
      return [key, typeof item === 'object' ? moved(item, byMs) : earlier(item)];
    }),
  );
}
