import type { Issue } from '../../../base/units/index.ts';
import { formatPath, select } from '../text/path.ts';
import type { Entry } from './catalogue.ts';
import type { Kind } from './read-kind.ts';

const CODE = 'POLICY_NOT_ENFORCED';

/**
 * What the language has and this release checks strictly, but does not act on; TrafficClasses as whole documents. The
 * list shrinks with each release.
 */
const NOT_ENFORCED: Readonly<Record<Exclude<Kind, 'TrafficClasses'>, readonly string[]>> = {
  SidecarGroup: ['spec.trafficClasses'],
  ModelService: [
    'spec.healthCheck',
    'spec.drain',
    'spec.pools.*.endpoints.dns',
    'spec.pools.*.endpoints.kubernetes',
    'spec.split.failover.firstTokenP95Above',
    'spec.split.failover.returnAfter',
    'spec.rateLimits.*.class',
    'spec.overload',
    'spec.admissionQueue',
  ],
};

export function notEnforcedIn({ document, kind, name }: Entry): Issue[] {
  if (kind === 'TrafficClasses') {
    return [document.issue(CODE, [], `accepted, not enforced yet: ${kind}/${name ?? ''}`)];
  }
  return NOT_ENFORCED[kind].flatMap((pattern) => {
    return select(document.value, pattern.split('.')).map(({ path }) => {
      // A limit of a class is not enforced as a whole, not only its class.
      const at = pattern.endsWith('.class') ? path.slice(0, -1) : path;
      return document.keyIssue(CODE, at, `accepted, not enforced yet: ${formatPath(at)}`);
    });
  });
}
