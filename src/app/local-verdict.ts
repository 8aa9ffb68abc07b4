import { INITIAL_STATE } from '../core/control/index.ts';
import type { Verdict } from '../core/dry-run/index.ts';
import { diffPolicies, type PolicyVersion } from '../core/policy/index.ts';
import { EnvoyJudge, EnvoysAtHand, JudgementCache } from '../edge/envoy/index.ts';
import { DryRuns } from './dry-run.ts';

/**
 * What Envoys of this machine say of a policy, without a server: of what the first sidecar of each group would be sent.
 *
 * @param envoys none: those at hand
 */
export async function localVerdict(candidate: PolicyVersion, envoys: readonly string[]): Promise<Verdict> {
  const judge = new EnvoyJudge({ cache: new JudgementCache() });
  const dryRuns = new DryRuns({
    mode: 'Require',
    atHand: new EnvoysAtHand({ binaries: envoys }),
    judge,
    state: () => INITIAL_STATE,
    operations: () => [],
    connected: () => [],
    diff: async (current, after) => diffPolicies(current, after),
    now: () => 0,
  });
  try {
    return await dryRuns.verdict(candidate);
  } finally {
    await judge.stop();
  }
}
