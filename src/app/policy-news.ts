import type { Issue } from '../base/units/index.ts';
import type { Policy } from '../core/policy/index.ts';
import type { EventTimeline, Log, Metrics } from '../edge/observe/index.ts';
import type { PolicyRead } from '../edge/store/index.ts';
import type { PolicyKeeper } from './policy-keeper.ts';

export type PolicyNewsOptions = {
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'policyLoaded'>;
  readonly timeline: EventTimeline;
  /** Where policies come from, in words. */
  readonly source: string;
  readonly mutualTls: boolean;
  readonly now: () => number;
};

/** Tells the log, the metrics and the timeline what became of the newest policies. */
export class PolicyNews {
  readonly #options: PolicyNewsOptions;

  constructor(options: PolicyNewsOptions) {
    this.#options = options;
  }

  tell(keeper: PolicyKeeper, read: PolicyRead, outcome?: 'Loaded' | 'Unchanged' | 'Refused'): void {
    const { log, metrics, timeline, source, now } = this.#options;
    const view = keeper.view();
    const refused = view.problems.length > 0;
    if (keeper.loaded === undefined) {
      for (const issue of view.problems) log.warn(issueFields(issue), 'no policy yet: Envoys wait');
      return;
    }
    metrics.policyLoaded(refused ? 'refused' : outcome === 'Unchanged' ? 'unchanged' : 'accepted');
    for (const issue of view.problems) log.error(issueFields(issue), 'policy refused');
    if (refused) {
      const message = `${view.problems.length} problem(s); revision ${view.revision} stays in force`;
      log.error({ revision: view.revision, problems: view.problems.length }, 'the last good policy stays in force');
      timeline.add({ atMs: now(), kind: 'PolicyRefused', subject: source, message });
      return;
    }
    for (const issue of view.warnings) log.warn(issueFields(issue), 'policy warning');
    this.#tellClosedGroups(keeper.loaded.policy);
    log.info({ revision: view.revision, files: read.ok ? read.files.map(({ name }) => name) : [] }, 'policy loaded');
    timeline.add({ atMs: now(), kind: 'PolicyLoaded', subject: source, message: `revision ${view.revision}` });
  }

  /** The policy changed while no server ran: what stood goes on until it was judged. */
  tellAwaited(revision: string, stands: string): void {
    this.#options.log.info({ revision, stands }, 'the policy changed while no server ran; it is judged first');
  }

  /** With mutual TLS a group without identities is one that nobody may join: most often they were forgotten. */
  #tellClosedGroups({ groups }: Policy): void {
    if (!this.#options.mutualTls) return;
    for (const { name, origin, identities } of groups) {
      if (identities.length > 0) continue;
      const at = `${origin.file}:${origin.line}`;
      this.#options.log.warn({ group: name, at }, 'no sidecar can join this group: it has no identities');
    }
  }
}

function issueFields({ position, code, path, message, hint }: Issue): Record<string, unknown> {
  const at = position === undefined ? undefined : `${position.file}:${position.line}:${position.column}`;
  return { at, code, path, detail: message, hint };
}
