import type { ValidateMode, Verdict, VerdictCheck } from './report.ts';

/** What is said in the name of an Envoy by our copy of its rules. */
export const OWN_RULES = 'rules of this build';

/** The verdict over all checks. `reason` is why nobody was asked. */
export function verdictOf(mode: ValidateMode, checks: readonly VerdictCheck[], reason = ''): Verdict {
  const said = (outcome: VerdictCheck['outcome']): boolean => checks.some((check) => check.outcome === outcome);
  if (said('Refused')) return { mode, outcome: 'Refused', publishable: false, reason, checks };
  const silent = checks.filter(({ outcome }) => outcome === 'NoAnswer');
  const complete = said('Accepted') && silent.length === 0;
  const words =
    reason === '' ? silent.flatMap(({ problems }) => problems.map(({ message }) => message)).join('; ') : reason;
  return {
    mode,
    outcome: said('Accepted') ? 'Accepted' : 'NotAsked',
    publishable: complete || mode !== 'Require',
    reason: words,
    checks,
  };
}
