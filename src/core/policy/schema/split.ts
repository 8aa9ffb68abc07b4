import { z } from 'zod';
import { count, mapping, nonEmptyList, oneOf, refuse, wholeNumber } from './shape.ts';
import { SPELLINGS } from './spelling.ts';
import { duration } from './units.ts';
import { label } from './words.ts';

const tier = nonEmptyList(label(), 'a list of at least one pool');

/**
 * Between pools. With one pool every split says the same (all of it), so nothing is left to enforce; with several it
 * is accepted, not enforced yet. That the names are pools of the service is checked in `check/references.ts`.
 */
export const split: z.ZodType<unknown> = mapping({
  mode: oneOf(['Adaptive', 'Fixed', 'Failover']).default('Adaptive'),
  weights: z.record(label(), wholeNumber(0, 1_000_000), { error: 'a mapping of pools to weights' }).exactOptional(),
  tiers: nonEmptyList(tier, 'a list of tiers, each a list of pools').exactOptional(),
  failover: mapping({
    consecutiveGatewayFailure: count().exactOptional(),
    firstTokenP95Above: duration(1).exactOptional(),
    returnAfter: duration(1).exactOptional(),
  }).exactOptional(),
})
  .superRefine((value, context) => {
    const { mode, weights, tiers, failover } = value;
    if (mode === 'Fixed' && weights === undefined) refuse(context, ['weights'], 'weights, because mode is Fixed');
    if (mode !== 'Fixed' && weights !== undefined) refuse(context, ['weights'], `no weights, because mode is ${mode}`);
    if (mode === 'Failover' && tiers === undefined) refuse(context, ['tiers'], 'tiers, because mode is Failover');
    if (failover !== undefined && tiers === undefined) refuse(context, ['failover'], 'tiers to fail over between');
    if (weights !== undefined && Object.values(weights).every((weight) => weight === 0)) {
      refuse(context, ['weights'], 'weights that do not sum to zero');
    }
  })
  .register(SPELLINGS, { dependencies: { failover: ['tiers'], weights: ['mode'] } });
