import type { TierFailover } from '../control/index.ts';

/** What an assignment says so that a part of the requests goes from one priority to another. */
export type TierShares = {
  readonly overprovisioningFactor: number;
  /** Whether the endpoints of a tier are sent as DEGRADED. */
  readonly isDegraded: (tier: number) => boolean;
};

/**
 * How Envoy is told to send a part of the requests to the next priority, by health alone. (Both tiers as one priority, with weights,
 * would be a share that least_request changes: it sends more to who is emptier, and a weak backup is to get no more than it can hold.)
 *
 * Envoy lets a priority have its healthy part times the overprovisioning factor, in whole percents, and the next one what is left, up
 * to its own healthy part times the same factor. Up to a half, the factor is what the first tier keeps. From a half on it is what the
 * next tier gets, and all others are DEGRADED: they have what the healthy ones leave, the first of them first. What dies then is made
 * good by the others, as ever; test/e2e/traffic/tier-shares.test.ts measures it.
 */
export function tierShares({ to, percent }: TierFailover): TierShares {
  const most = percent >= 50;
  return {
    overprovisioningFactor: most ? percent : 100 - percent,
    isDegraded: (tier) => most && tier !== to,
  };
}
