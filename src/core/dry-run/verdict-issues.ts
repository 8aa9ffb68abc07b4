import type { Issue } from '../../base/units/index.ts';
import type { Verdict } from './report.ts';
import { OWN_RULES } from './verdict.ts';

/** Why a verdict keeps a policy from being published, as issues with positions; none when it does not. */
export function verdictIssues({ publishable, checks, mode, reason }: Verdict): readonly Issue[] {
  if (publishable) return [];
  const refusals = new Map<string, Issue>();
  for (const { outcome, envoy, group, problems } of checks) {
    if (outcome !== 'Refused') continue;
    for (const { message, resource, position } of problems) {
      const who = envoy === OWN_RULES ? 'Envoy' : `Envoy ${envoy}`;
      const what = resource === undefined ? `the configuration of group ${group}` : `${resource.type} ${resource.name}`;
      const issue: Issue = {
        code: 'POLICY_ENVOY_REFUSED',
        path: '',
        message: `${who} refuses ${what}: ${message}`,
        ...(position === undefined ? {} : { position }),
      };
      // Several groups and releases say the same of one resource.
      const id = JSON.stringify([message, resource, position]);
      if (!refusals.has(id)) refusals.set(id, issue);
    }
  }
  if (refusals.size > 0) return [...refusals.values()];
  const message = `no Envoy has seen it, and with --validate ${mode} one must: ${reason}`;
  const hint = 'name an Envoy with serve --envoy PATH; --validate Prefer publishes what no Envoy could be asked about';
  return [{ code: 'POLICY_NOT_VALIDATED', path: '', message, hint }];
}
