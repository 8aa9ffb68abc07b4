import type { DryRunReport, Verdict } from '../../core/dry-run/index.ts';
import type { PolicyVersion } from '../../core/policy/index.ts';

/** What a change of policy would do. Neither question changes or sends anything, and none waits for the control loop. */
export interface DryRunSeam {
  /**
   * @param current what the candidate is compared with; undefined: there is nothing yet
   * Never rejects over what the policies say, nor over an Envoy that does not answer: both are in the report.
   */
  report(current: PolicyVersion | undefined, candidate: PolicyVersion): Promise<DryRunReport>;
  /** The verdict alone: before a write. Cheap when the same bytes were judged before. */
  verdict(candidate: PolicyVersion): Promise<Verdict>;
}
