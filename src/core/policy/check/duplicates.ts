import type { Issue } from '../../../base/units/index.ts';
import { canonicalAddress } from '../schema/ip-address.ts';
import { type Path, printable, type Selected, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Kind } from './read-kind.ts';

export type Rule = {
  readonly pattern: readonly string[];
  readonly what: string;
  /** What must be unique; undefined for values that the schema has refused anyway. */
  readonly key: (value: unknown) => string | undefined;
  /** Relative path of the value to point at. */
  readonly at: Path;
};

const item = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
const member = (name: string) => (value: unknown) => item(valueAt(value, [name]));

/** Addresses are compared as Envoy spells them: `::1` and `0:0:0:0:0:0:0:1` are one endpoint. */
function addressAndPort(value: unknown): string | undefined {
  const address = valueAt(value, ['address']);
  const port = valueAt(value, ['port']);
  if (typeof address !== 'string' || typeof port !== 'number') return undefined;
  return `${canonicalAddress(address) ?? address}|${port}`;
}

export const named = (pattern: string, what: string): Rule => ({
  pattern: pattern.split('.'),
  what,
  key: member('name'),
  at: ['name'],
});
const plain = (pattern: string, what: string): Rule => ({
  pattern: pattern.split('.'),
  what,
  key: item,
  at: [],
});
const addressed = (pattern: string, what: string): Rule => ({
  pattern: pattern.split('.'),
  what,
  key: addressAndPort,
  at: [],
});

const RULES: Readonly<Record<Kind, readonly Rule[]>> = {
  SidecarGroup: [
    named('spec.listeners.*', 'listener name'),
    addressed('spec.listeners.*', 'address and port in a group'),
    plain('spec.modelServices.*', 'service in a group'),
    plain('spec.identities.*', 'identity'),
    plain('spec.trafficClasses.allow.*', 'class'),
    plain('spec.rollout.haltOn.*', 'event'),
  ],
  TrafficClasses: [named('spec.classes.*', 'class')],
  ModelService: [
    plain('spec.hostnames.*', 'host name'),
    named('spec.match.headers.*', 'header'),
    plain('spec.match.models.*', 'model'),
    plain('spec.upstream.tls.subjectAltNames.*', 'name in a certificate'),
    named('spec.pools.*', 'pool name'),
    addressed('spec.pools.*.endpoints.static.*', 'endpoint in a service'),
    named('spec.rateLimits.*', 'rate limit name'),
    plain('spec.retry.retryOn.*', 'retry condition'),
    plain('spec.retry.retriableStatusCodes.*', 'status code'),
    { pattern: ['spec', 'classes', '*'], what: 'class', key: member('class'), at: ['class'] },
    plain('spec.classes.*.retry.retryOn.*', 'retry condition'),
    plain('spec.split.tiers.*.*', 'pool in the tiers'),
    {
      pattern: 'spec.overload.actions.*.degrade'.split('.'),
      what: 'degraded class',
      key: member('class'),
      at: ['class'],
    },
  ],
};

/** Things that may be there only once in a document. The second is reported, with the place of the first. */
export function duplicatesIn(document: PolicyDocument, kind: Kind): Issue[] {
  return repeatedIn(document, RULES[kind]);
}

export function repeatedIn(document: PolicyDocument, rules: readonly Rule[]): Issue[] {
  return rules.flatMap((rule) => repeated(document, rule, select(document.value, rule.pattern)));
}

function repeated(document: PolicyDocument, rule: Rule, found: readonly Selected[]): Issue[] {
  const issues: Issue[] = [];
  const seen = new Map<string, Path>();
  for (const { path, value } of found) {
    const key = rule.key(value);
    if (key === undefined) continue;
    const first = seen.get(key);
    const at = [...path, ...rule.at];
    if (first === undefined) {
      seen.set(key, at);
      continue;
    }
    const { line, column } = document.position(first);
    const got = printable(key.replace('|', ' port '), 60);
    const message = `expected each ${rule.what} once, got ${got} again; the first is at ${line}:${column}`;
    issues.push(document.issue('POLICY_DUPLICATE', at, message));
  }
  return issues;
}
