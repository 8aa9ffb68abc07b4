import type { z } from 'zod';
import type { LoadBalancer } from '../policy.ts';
import { mapping, numberBetween, oneOf } from './shape.ts';
import { durationOrNone } from './units.ts';

/** Weights are integers 1..1000, so no wider ratio can be sent. */
const MAX_RATIO = 1000;

export const loadBalancer: z.ZodType<LoadBalancer> = mapping({
  type: oneOf(['LeastRequest', 'RoundRobin']).default('LeastRequest'),
  weights: oneOf(['Active', 'Shadow', 'Disabled']).default('Active'),
  blendRatio: numberBetween(0, 1).default(1),
  maxWeightRatio: numberBetween(1, MAX_RATIO).default(20),
  warmup: durationOrNone(3_600_000).prefault('30s'),
})
  .prefault({})
  .transform(({ warmup, ...rest }) => ({ ...rest, warmupMs: warmup }));
