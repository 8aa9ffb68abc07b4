import type { z } from 'zod';
import type { Pool, PoolEndpoints, Signals, StaticEndpoint } from '../policy.ts';
import { ipAddress } from './ip-address.ts';
import { keepWarm } from './keep-warm.ts';
import { mapping, matching, nonEmptyList, oneOf, port, positiveNumber, refuse, wholeNumber } from './shape.ts';
import { signals } from './signals.ts';
import { exactlyOneOf, SPELLINGS } from './spelling.ts';
import { upstreamTls } from './upstream.ts';
import { dnsName, label } from './words.ts';

/** A pool without what only its surroundings know: its place in the text and the signals of the service. */
export type PoolSpec = Omit<Pool, 'origin' | 'signals'> & { readonly signals?: Signals };

const MAX_BATCH = 1_000_000;

const staticEndpoint: z.ZodType<StaticEndpoint> = mapping({
  address: ipAddress('Connect'),
  port: port(),
  /** Prior of relative capacity; 1.0 is the reference endpoint. */
  capacity: positiveNumber(1000).default(1),
  zone: shortText('the name of a zone').exactOptional(),
  /** By which notices that a machine goes away name it. */
  instance: matching(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/,
    'what the cloud calls the machine, such as i-0123456789abcdef0',
  ).exactOptional(),
  maxRunningRequests: wholeNumber(1, MAX_BATCH).exactOptional(),
});

const endpoints: z.ZodType<PoolEndpoints> = mapping({
  static: nonEmptyList(staticEndpoint, 'a list of at least one endpoint').exactOptional(),
  dns: mapping({ name: dnsName(), port: port() }).exactOptional(),
  kubernetes: mapping({ namespace: label(), service: label(), port: port() }).exactOptional(),
})
  .superRefine((value, context) => {
    const given = Object.keys(value);
    if (given.length === 0) refuse(context, [], 'static, dns or kubernetes');
    else if (given.length > 1) refuse(context, [given[1] as string], 'one of static, dns and kubernetes, not several');
  })
  .register(SPELLINGS, exactlyOneOf('static', 'dns', 'kubernetes'))
  .transform((value): PoolEndpoints => {
    if (value.dns !== undefined) return { kind: 'Dns', ...value.dns };
    if (value.kubernetes !== undefined) return { kind: 'Kubernetes', ...value.kubernetes };
    return { kind: 'Static', endpoints: value.static ?? [] };
  });

export const pool: z.ZodType<PoolSpec> = mapping({
  name: label(),
  capacityType: oneOf(['Reserved', 'OnDemand', 'Spot']).default('OnDemand'),
  maxRunningRequests: wholeNumber(1, MAX_BATCH).exactOptional(),
  modelRevision: shortText('a string such as "2026-10-01"').exactOptional(),
  /** TLS alone: all pools of a service may share one cluster, which has one protocol. */
  upstream: mapping({ tls: upstreamTls }).exactOptional(),
  keepWarm: keepWarm.exactOptional(),
  endpoints,
  signals: signals.exactOptional(),
});

function shortText(phrase: string): z.ZodType<string> {
  return matching(/^[ -~]{1,128}$/, phrase);
}
