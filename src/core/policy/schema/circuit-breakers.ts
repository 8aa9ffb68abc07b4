import type { z } from 'zod';
import type { CircuitBreakers } from '../policy.ts';
import { count, mapping } from './shape.ts';

export const circuitBreakers: z.ZodType<CircuitBreakers> = mapping({
  maxConnections: count().default(512),
  maxPendingRequests: count().default(256),
  maxRequests: count().default(512),
}).prefault({});
