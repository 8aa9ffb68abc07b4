import { z } from 'zod';
import type { Failover } from '../policy.ts';
import { count, mapping, nonEmptyList, oneOf, refuse, wholeNumber } from './shape.ts';
import { SPELLINGS } from './spelling.ts';
import { duration } from './units.ts';
import { label } from './words.ts';

/** As it is written: which pools there are is known to the service alone. */
export type SplitSpec =
  | { readonly kind: 'Adaptive' }
  | { readonly kind: 'Fixed'; readonly weights: Readonly<Record<string, number>> }
  | { readonly kind: 'Tiers'; readonly tiers: readonly (readonly string[])[]; readonly failover: Failover };

const DEFAULT_RETURN_AFTER_MS = 60_000;
/** A tier is a priority of Envoy's, of which there are 129, and one may go before them all: a pool that takes what is degraded. */
const MAX_TIERS = 128;

const tier = nonEmptyList(label(), 'a list of at least one pool');

const failover = mapping({
  consecutiveGatewayFailure: count().exactOptional(),
  firstTokenP95Above: duration(1).exactOptional(),
  returnAfter: duration(1).exactOptional(),
});

/** Between pools. That the names are pools of the service is checked in `check/references.ts`. */
export const split: z.ZodType<SplitSpec> = mapping({
  mode: oneOf(['Adaptive', 'Fixed', 'Failover']).default('Adaptive'),
  weights: z.record(label(), wholeNumber(0, 1_000_000), { error: 'a mapping of pools to weights' }).exactOptional(),
  tiers: nonEmptyList(tier, 'a list of tiers, each a list of pools')
    .max(MAX_TIERS, { error: `at most ${MAX_TIERS} tiers` })
    .exactOptional(),
  failover: failover.exactOptional(),
})
  .superRefine((value, context) => {
    const { mode, weights, tiers, failover: given } = value;
    if (mode === 'Fixed' && weights === undefined) refuse(context, ['weights'], 'weights, because mode is Fixed');
    if (mode !== 'Fixed' && weights !== undefined) refuse(context, ['weights'], `no weights, because mode is ${mode}`);
    if (mode === 'Failover' && tiers === undefined) refuse(context, ['tiers'], 'tiers, because mode is Failover');
    if (mode === 'Fixed' && tiers !== undefined) {
      const hint = 'the share of a pool without healthy endpoints goes to the others by itself';
      refuse(context, ['tiers'], 'no tiers, because mode is Fixed', hint);
    }
    if (given !== undefined && tiers === undefined) refuse(context, ['failover'], 'tiers to fail over between');
    if (weights !== undefined && Object.values(weights).every((weight) => weight === 0)) {
      refuse(context, ['weights'], 'weights that do not sum to zero');
    }
  })
  .register(SPELLINGS, { dependencies: { failover: ['tiers'], weights: ['mode'] } })
  // Between the pools of one tier the weights of the endpoints decide, whatever the mode is called.
  .transform(({ weights, tiers, failover: given = {} }): SplitSpec => {
    if (weights !== undefined) return { kind: 'Fixed', weights };
    if (tiers === undefined || tiers.length === 1) return { kind: 'Adaptive' };
    const { firstTokenP95Above: firstTokenP95AboveMs, returnAfter = DEFAULT_RETURN_AFTER_MS, ...rest } = given;
    const slow = firstTokenP95AboveMs === undefined ? {} : { firstTokenP95AboveMs };
    return { kind: 'Tiers', tiers, failover: { ...rest, ...slow, returnAfterMs: returnAfter } };
  });
