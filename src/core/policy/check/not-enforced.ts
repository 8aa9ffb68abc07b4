import type { Issue } from '../../../base/units/index.ts';
import { formatPath, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import type { Kind } from './read-kind.ts';
import { strings } from './references.ts';

const CODE = 'POLICY_NOT_ENFORCED';

/** What the language has and this release checks strictly, but does not act on. The list shrinks with each release. */
const NOT_ENFORCED: Readonly<Record<Kind, readonly string[]>> = {
  SidecarGroup: [],
  TrafficClasses: [],
  ModelService: ['spec.pools.*.endpoints.dns', 'spec.pools.*.endpoints.kubernetes', 'spec.admissionQueue'],
};

export function notEnforcedIn(entry: Entry, catalogue: Catalogue): Issue[] {
  const { document, kind } = entry;
  const unbuilt = NOT_ENFORCED[kind].flatMap((pattern) =>
    select(document.value, pattern.split('.')).map(({ path }) =>
      document.keyIssue(CODE, path, `accepted, not enforced yet: ${formatPath(path)}`),
    ),
  );
  if (kind !== 'ModelService') return unbuilt;
  return [...unbuilt, ...classesOfNobody(entry, catalogue), ...firstTokensUnread(document), ...zonesOfNobody(document)];
}

const DISTRIBUTION = ['spec', 'loadBalancer', 'trafficDistribution'];

/** Servers that are listed say here whether they have zones. */
function zonesOfNobody(document: PolicyDocument): Issue[] {
  if (valueAt(document.value, DISTRIBUTION) === undefined) return [];
  const listed = select(document.value, ['spec', 'pools', '*', 'endpoints', 'static', '*']);
  if (listed.length === 0 || listed.some(({ value }) => (value as { zone?: unknown } | null)?.zone !== undefined))
    return [];
  const message = 'not enforced: no endpoint of this service has a zone; give them zone: NAME';
  return [document.keyIssue(CODE, DISTRIBUTION, message)];
}

const FIRST_TOKEN = ['spec', 'split', 'failover', 'firstTokenP95Above'];

/** How long first tokens take stands in histograms on the pages of the engines; a Prometheus server is not asked for them. */
function firstTokensUnread(document: PolicyDocument): Issue[] {
  if (valueAt(document.value, FIRST_TOKEN) === undefined) return [];
  const tiers = select(document.value, ['spec', 'split', 'tiers', '*']).map(({ value }) => value);
  const given = new Set(tiers.slice(0, -1).flat());
  const shared = valueAt(document.value, ['spec', 'signals', 'engine']);
  const unread = select(document.value, ['spec', 'pools', '*']).flatMap(({ path, value }) => {
    const engine = valueAt(document.value, [...path, 'signals', 'engine']) ?? shared;
    const isRead = typeof engine === 'object' && engine !== null && !('prometheus' in engine);
    const name = (value as { name?: unknown } | null)?.name;
    return isRead || !given.has(name) || typeof name !== 'string' ? [] : [name];
  });
  if (unread.length === 0) return [];
  const message = `not enforced: nobody reads the first tokens of ${unread.join(', ')}, for which signals.engine must read the engines themselves`;
  return [document.keyIssue(CODE, FIRST_TOKEN, message)];
}

/** What is said of a class is of nothing where no group that reaches the service lets anybody choose that class. */
function classesOfNobody({ document, name }: Entry, catalogue: Catalogue): Issue[] {
  if (name === undefined || !catalogue.complete) return [];
  const groups = catalogue.entries.filter(
    (one) => one.kind === 'SidecarGroup' && strings(one.document, ['spec', 'modelServices', '*']).includes(name),
  );
  const chosen = new Set(groups.flatMap((one) => strings(one.document, ['spec', 'trafficClasses', 'allow', '*'])));
  if (groups.length === 0) return [];
  return [
    ...select(document.value, ['spec', 'classes', '*', 'class']),
    ...select(document.value, ['spec', 'rateLimits', '*', 'class']),
    ...select(document.value, ['spec', 'overload', 'actions', '*', 'shed', 'class']),
    ...select(document.value, ['spec', 'overload', 'actions', '*', 'degrade', 'class']),
  ]
    .filter(({ value }) => typeof value === 'string' && !chosen.has(value))
    .map(({ path, value }) =>
      document.keyIssue(CODE, path, `not enforced: no group that reaches ${name} allows the class ${value}`),
    );
}
