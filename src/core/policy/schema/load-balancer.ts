import type { z } from 'zod';
import type { LoadBalancer } from '../policy.ts';
import { mapping, numberBetween, oneOf, refuse } from './shape.ts';
import { durationOrNone } from './units.ts';
import { headerName } from './words.ts';

/** Weights are integers 1..1000, so no wider ratio can be sent. */
const MAX_RATIO = 1000;

export const loadBalancer: z.ZodType<LoadBalancer> = mapping({
  type: oneOf(['LeastRequest', 'RoundRobin', 'Maglev', 'RingHash']).default('LeastRequest'),
  trafficDistribution: oneOf(['PreferSameZone']).exactOptional(),
  hash: mapping({ header: headerName() }).exactOptional(),
  weights: oneOf(['Active', 'Shadow', 'Disabled']).exactOptional(),
  blendRatio: numberBetween(0, 1).default(1),
  maxWeightRatio: numberBetween(1, MAX_RATIO).default(20),
  warmup: durationOrNone(3_600_000).prefault('30s'),
})
  .prefault({})
  .superRefine(({ type, trafficDistribution, hash, weights }, context) => {
    const hashes = type === 'Maglev' || type === 'RingHash';
    if (hashes && hash === undefined)
      refuse(context, ['hash'], `hash, because type is ${type}`, 'add hash: { header: NAME }');
    if (!hashes && hash !== undefined) refuse(context, ['hash'], `no hash, because type is ${type}`, 'type: Maglev');
    if (hashes && trafficDistribution !== undefined) {
      refuse(
        context,
        ['trafficDistribution'],
        `no trafficDistribution, because type is ${type}`,
        'a hash sends a session to one server, whatever its zone',
      );
    }
    if (hashes && weights !== undefined && weights !== 'Disabled') {
      refuse(
        context,
        ['weights'],
        `Disabled, because type is ${type}`,
        'each change of a weight would send sessions elsewhere',
      );
    }
  })
  .transform(({ type, trafficDistribution, hash, weights, warmup, ...rest }) => ({
    type,
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    ...(hash === undefined ? {} : { hash }),
    weights: weights ?? (hash === undefined ? 'Active' : 'Disabled'),
    ...rest,
    warmupMs: warmup,
  }));
