import type { z } from 'zod';
import type { DrainPolicy, HealthCheck } from '../policy.ts';
import { mapping, wholeNumber } from './shape.ts';
import { duration } from './units.ts';
import { urlPath } from './words.ts';

/** Active health checks by each sidecar. */
export const healthCheck: z.ZodType<HealthCheck> = mapping({
  path: urlPath('Page').prefault('/health'),
  interval: duration(1).prefault('5s'),
  noTrafficInterval: duration(1).prefault('5s'),
  timeout: duration(1).prefault('2s'),
  unhealthyThreshold: wholeNumber(1, 1000).default(2),
  healthyThreshold: wholeNumber(1, 1000).default(2),
}).transform(({ interval, noTrafficInterval, timeout, ...rest }) => ({
  ...rest,
  intervalMs: interval,
  noTrafficIntervalMs: noTrafficInterval,
  timeoutMs: timeout,
}));

/** How long an endpoint that leaves its pool may finish its streams. */
export const drain: z.ZodType<DrainPolicy> = mapping({ deadline: duration(1).prefault('2m') }).transform(
  ({ deadline }) => ({ deadlineMs: deadline }),
);
