import type { z } from 'zod';
import type { ModelService } from '../policy.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { classSettings, refuseClassSettings, resolvedSettings } from './class-settings.ts';
import { documentOf } from './document.ts';
import { drain, healthCheck } from './health.ts';
import { loadBalancer } from './load-balancer.ts';
import { outlierDetection } from './outlier-detection.ts';
import { admissionQueue, overload } from './overload.ts';
import { type PoolSpec, pool } from './pool.ts';
import { type RateLimitSpec, rateLimit } from './rate-limit.ts';
import { requestMatch } from './request-match.ts';
import { retry } from './retry.ts';
import { list, mapping, nonEmptyList, refuse } from './shape.ts';
import { type ServiceSignals, serviceSignals } from './signals.ts';
import { type SplitSpec, split } from './split.ts';
import { timeouts } from './timeouts.ts';
import { percent } from './units.ts';
import { upstream } from './upstream.ts';
import { hostname, label } from './words.ts';

export type ServiceSpec = Omit<ModelService, 'name' | 'origin' | 'pools' | 'split' | 'rateLimits' | 'orca'> & {
  readonly split?: SplitSpec;
  readonly signals: ServiceSignals;
  readonly pools: readonly PoolSpec[];
  readonly rateLimits: readonly RateLimitSpec[];
};

const spec: z.ZodType<ServiceSpec> = mapping({
  hostnames: nonEmptyList(hostname(), 'a list of at least one host name, or ["*"]'),
  match: requestMatch,
  upstream,
  timeouts,
  signals: serviceSignals.prefault({}),
  healthCheck: healthCheck.exactOptional(),
  drain: drain.exactOptional(),
  pools: nonEmptyList(pool, 'a list of at least one pool'),
  split: split.exactOptional(),
  mirror: mapping({ toService: label(), percent: percent('Whole') }).exactOptional(),
  loadBalancer,
  outlierDetection,
  retry,
  classes: nonEmptyList(classSettings, 'a list of at least one class').exactOptional(),
  circuitBreakers,
  rateLimits: list(rateLimit, 'a list of rate limits').default(() => []),
  overload: overload.exactOptional(),
  admissionQueue: admissionQueue.exactOptional(),
})
  .superRefine(({ upstream: { protocol, tls }, pools }, context) => {
    const plain = protocol === 'Auto' && tls === undefined && pools.find((one) => one.upstream === undefined);
    if (!plain) return;
    const hint = 'the protocol is agreed on in the TLS handshake: add upstream.tls, or say which protocol it is';
    refuse(context, ['upstream', 'protocol'], `Http1 or Http2, because the pool ${plain.name} has no tls`, hint);
  })
  .superRefine(({ classes = [], ...service }, context) => {
    for (const [index, one] of classes.entries()) refuseClassSettings(one, service, index, context);
  })
  .transform(({ admissionQueue: _, classes, ...enforced }) => ({
    ...enforced,
    ...(classes === undefined ? {} : { classes: classes.map((one) => resolvedSettings(one, enforced)) }),
  }));

export const modelService: z.ZodType<{ metadata: { name: string }; spec: ServiceSpec }> = documentOf(
  'ModelService',
  spec,
);
