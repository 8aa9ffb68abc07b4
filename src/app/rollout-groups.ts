import type { GroupRollout } from '../core/rollout/index.ts';
import type { GroupRolloutView } from '../edge/observe/index.ts';
import type { Fleet } from './rollouts.ts';

/** The groups that something is tried in, as people are shown them. */
export function groupViews(
  groups: readonly GroupRollout[],
  { members }: Pick<Fleet, 'members'>,
): readonly GroupRolloutView[] {
  return groups.map(({ group, strategy, canaries, heldSinceMs }) => ({
    group,
    sidecars: members(group).length,
    holdMs: strategy?.holdMs ?? null,
    heldSinceMs: heldSinceMs ?? null,
    canaries: canaries.map(({ nodeId, standing, sinceMs }) => ({ nodeId, standing, sinceMs })),
  }));
}
