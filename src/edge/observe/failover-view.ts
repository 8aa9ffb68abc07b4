import { own } from '../../base/units/index.ts';
import type { FailoverState } from '../../core/failover/index.ts';
import type { ModelService } from '../../core/policy/index.ts';
import type { ViewInput } from './view-input.ts';

/** What Loadline does with the tiers of a service by itself. What somebody fails over by hand stands among the operations. */
export type FailoverView = {
  readonly phase: FailoverState['phase'];
  /** Of a hundred new requests, so many go to the next tier because Loadline says so. */
  readonly percent: number;
  /** Why it is so, in a sentence. */
  readonly reason: string;
  /** In the order of the policy. */
  readonly tiers: readonly TierView[];
};

export type TierView = {
  readonly pools: readonly string[];
  /** 95th percentile of the time to the first token over the last half of `returnAfter`; `null`: too few requests, or not asked. */
  readonly firstTokenP95Sec: number | null;
  /** First tokens that were heard of in that time. */
  readonly firstTokens: number;
};

/** `null` for a service without tiers, and before its first tick. */
export function failoverView({ failover }: ViewInput, { name, split }: ModelService): FailoverView | null {
  const state = own(failover, name);
  if (state === undefined || split?.kind !== 'Tiers') return null;
  const { phase, percent, reason, measured } = state;
  const tiers = split.tiers.map((pools, tier): TierView => {
    const { p95Sec = null, requests = 0 } = measured[tier] ?? {};
    return { pools, firstTokenP95Sec: p95Sec, firstTokens: requests };
  });
  return { phase, percent, reason, tiers };
}
