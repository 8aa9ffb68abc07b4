import type { z } from 'zod';
import { mapping, wholeNumber } from './shape.ts';
import { duration } from './units.ts';
import { urlPath } from './words.ts';

/** Active health checks by Envoy; accepted, not enforced yet. */
export const healthCheck: z.ZodType<unknown> = mapping({
  path: urlPath('Page').prefault('/health'),
  interval: duration(1).prefault('5s'),
  noTrafficInterval: duration(1).prefault('5s'),
  timeout: duration(1).prefault('2s'),
  unhealthyThreshold: wholeNumber(1, 1000).default(2),
  healthyThreshold: wholeNumber(1, 1000).default(2),
});

/** How long a leaving endpoint may finish its streams; accepted, not enforced yet. */
export const drain: z.ZodType<unknown> = mapping({ deadline: duration(1).prefault('2m') });
