import { contentHash } from '../../base/units/index.ts';
import type { RolloutStrategy } from '../policy/index.ts';

/** A sidecar that a group counts among its own. */
export type Member = {
  readonly nodeId: string;
  readonly envoyVersion: string;
  readonly connected: boolean;
};

/** Where a canary is with what it is tried with. */
export type CanaryStanding =
  /** It is not connected. */
  | { readonly kind: 'Absent' }
  /** It was not sent everything, or has not answered. */
  | { readonly kind: 'Waiting'; readonly about: string }
  /** It has taken everything that it asked for. */
  | { readonly kind: 'Synced' }
  /** It refuses a resource that everybody else does not have. */
  | {
      readonly kind: 'Refused';
      /** `cds`, `eds`, … */
      readonly type: string;
      readonly resource: string;
      /** Envoy's words. */
      readonly message: string;
      /** `chat.yaml:12:3`: the policy text that asks for it. */
      readonly origin?: string;
    };

/** What is remembered of one canary over a rollout. */
export type Canary = {
  readonly nodeId: string;
  readonly standing: CanaryStanding['kind'];
  /** Since when it stands so. */
  readonly sinceMs: number;
  /** How long it has been away while others were there. */
  readonly awayMs: number;
  /** When it first had taken everything. */
  readonly syncedAtMs?: number;
  /** How often it went away while others were there. */
  readonly losses: number;
};

/**
 * Who tries a change first. The nodes that the strategy names, where any of them is connected; otherwise its share, at least
 * `minNodes` and never more than there are. One of each Envoy release before a second one of any, because what one release
 * takes another refuses; beyond that by a hash of node and revision, so that it is not always the same sidecar's users who
 * are the first. The same members and revision give the same canaries.
 */
export function chooseCanaries(
  members: readonly Member[],
  strategy: RolloutStrategy,
  revision: string,
): readonly string[] {
  const connected = members.filter((one) => one.connected);
  const named = connected.filter(({ nodeId }) => strategy.nodes.includes(nodeId));
  if (named.length > 0) return named.map(({ nodeId }) => nodeId).sort();
  const willing = connected.length > 0 ? connected : members;
  const share = Math.ceil((members.length * strategy.canaryPercent) / 100);
  const wanted = Math.min(willing.length, Math.max(share, strategy.minNodes));
  const byRelease = new Map<string, Member[]>();
  for (const member of sortedByHash(willing, revision)) {
    const release = member.envoyVersion.split('.').slice(0, 2).join('.');
    const same = byRelease.get(release);
    if (same === undefined) byRelease.set(release, [member]);
    else same.push(member);
  }
  // The release of most sidecars first: with one canary it must be one that stands for many.
  const releases = [...byRelease.values()].sort((a, b) => b.length - a.length);
  const chosen: string[] = [];
  for (let round = 0; chosen.length < wanted; round += 1) {
    for (const release of releases) {
      const member = release[round];
      if (member !== undefined && chosen.length < wanted) chosen.push(member.nodeId);
    }
  }
  return chosen.sort();
}

function sortedByHash(members: readonly Member[], revision: string): readonly Member[] {
  const keyed = members.map((member) => ({ member, key: contentHash(`${revision} ${member.nodeId}`) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ member }) => member);
}
