import type { Issue } from '../../../base/units/index.ts';
import { formatPath, select } from '../text/path.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import type { Kind } from './read-kind.ts';
import { strings } from './references.ts';

const CODE = 'POLICY_NOT_ENFORCED';

/** What the language has and this release checks strictly, but does not act on. The list shrinks with each release. */
const NOT_ENFORCED: Readonly<Record<Kind, readonly string[]>> = {
  SidecarGroup: [],
  TrafficClasses: [],
  ModelService: [
    'spec.pools.*.endpoints.dns',
    'spec.pools.*.endpoints.kubernetes',
    'spec.split.failover.firstTokenP95Above',
    'spec.split.failover.returnAfter',
    'spec.admissionQueue',
  ],
};

export function notEnforcedIn(entry: Entry, catalogue: Catalogue): Issue[] {
  const { document, kind } = entry;
  const unbuilt = NOT_ENFORCED[kind].flatMap((pattern) =>
    select(document.value, pattern.split('.')).map(({ path }) =>
      document.keyIssue(CODE, path, `accepted, not enforced yet: ${formatPath(path)}`),
    ),
  );
  return [...unbuilt, ...(kind === 'ModelService' ? classesOfNobody(entry, catalogue) : [])];
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
