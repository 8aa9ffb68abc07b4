import type { z } from 'zod';
import type { OutlierDetection } from '../policy.ts';
import { count, flag, mapping } from './shape.ts';
import { duration, percent } from './units.ts';

/**
 * Envoy's own default ejects at most 10 %, which in a pool below ten endpoints is nobody at all; half of them is what
 * still leaves capacity.
 */
export const outlierDetection: z.ZodType<OutlierDetection> = mapping({
  consecutiveGatewayFailure: count().default(3),
  consecutiveLocalOriginFailure: count().default(3),
  interval: duration(1).prefault('5s'),
  baseEjectionTime: duration(1).prefault('30s'),
  maxEjectionPercent: percent('Whole').prefault('50%'),
  alwaysEjectOneHost: flag().default(true),
})
  .prefault({})
  .transform(({ interval, baseEjectionTime, ...rest }) => ({
    ...rest,
    intervalMs: interval,
    baseEjectionTimeMs: baseEjectionTime,
  }));
