import type { FailoverView } from '../observe/index.ts';
import { fromEnum, list, number, numberOrNull, text, texts, toEnum, type Wire } from './wire-values.ts';

/** FailoverView as loadline.admin.v1.TierFailover. */
export function encodeFailover({ phase, percent, reason, tiers }: FailoverView): Wire {
  return {
    phase: toEnum('FAILOVER_PHASE', phase),
    percent,
    reason,
    tiers: tiers.map(({ pools, firstTokenP95Sec, firstTokens }) => ({
      pools,
      ...(firstTokenP95Sec === null ? {} : { firstTokenP95: firstTokenP95Sec }),
      firstTokens,
    })),
  };
}

/** loadline.admin.v1.TierFailover as FailoverView. */
export function decodeFailover(wire: Wire): FailoverView {
  return {
    phase: fromEnum('FAILOVER_PHASE', wire.phase),
    percent: number(wire.percent),
    reason: text(wire.reason),
    tiers: list(wire.tiers, (tier) => ({
      pools: texts(tier.pools),
      firstTokenP95Sec: numberOrNull(tier.firstTokenP95),
      firstTokens: number(tier.firstTokens),
    })),
  };
}
