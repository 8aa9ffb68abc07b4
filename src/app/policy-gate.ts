import type { Issue, Result } from '../base/units/index.ts';
import { shrinkOf, type Verdict, verdictIssues } from '../core/dry-run/index.ts';
import type { Policy, PolicyFile, PolicyVersion } from '../core/policy/index.ts';
import type { PolicyRead } from '../edge/store/index.ts';

export type PolicyGateOptions = {
  readonly load: (files: readonly PolicyFile[]) => Promise<Result<Policy>>;
  readonly verdict: (candidate: PolicyVersion) => Promise<Verdict>;
  /** Revision that is wanted already; undefined: none is. */
  readonly inForce: () => string | undefined;
  /** What all sidecars have that try nothing; undefined: there is nothing yet. */
  readonly stable: () => Policy | undefined;
  /** Whether a revision was in force before: who undoes a change has no time to force it. */
  readonly isGood: (revision: string) => boolean;
  /** Of endpoints, or of clusters, that one change may take away without being forced: 0..1. */
  readonly maxShrinkRatio: number;
};

/**
 * Keeps a policy from coming into force that a real Envoy refuses, or that takes too much away. What is in force goes on meanwhile, and the newest read wins:
 * of those that come while Envoy is asked only the last is looked at.
 */
export class PolicyGate {
  readonly #options: PolicyGateOptions;
  #newest = 0;
  /** Of reads that come faster than they are loaded only the last is. */
  #loading: Promise<unknown> | undefined;
  /** Revisions that may take away as much as they do, and how often somebody said so. */
  readonly #forced = new Map<string, number>();

  constructor(options: PolicyGateOptions) {
    this.#options = options;
  }

  /**
   * @returns why it must not come into force; nothing: it may, or it is refused for what it says, which others tell better.
   * Undefined: a newer one has come, or the server is ending.
   */
  async judge(read: PolicyRead): Promise<readonly Issue[] | undefined> {
    this.#newest += 1;
    const turn = this.#newest;
    const isNewest = (): boolean => turn === this.#newest;
    while (this.#loading !== undefined) {
      await this.#loading;
      if (!isNewest()) return undefined;
    }
    const issues = await this.#issues(read);
    return isNewest() ? issues : undefined;
  }

  /** Lets a revision take away as much as it does. @returns what forgets that this was said: the revision did not come */
  force(revision: string): () => void {
    const times = this.#forced.get(revision) ?? 0;
    this.#forced.set(revision, times + 1);
    return () => {
      const left = (this.#forced.get(revision) ?? 0) - 1;
      if (left > 0) this.#forced.set(revision, left);
      else this.#forced.delete(revision);
    };
  }

  /** Why a change takes too much away; undefined where it does not, or was forced. */
  shrinks(candidate: Policy): Issue | undefined {
    const { stable, isGood, maxShrinkRatio } = this.#options;
    const { endpoints, clusters } = shrinkOf(stable(), candidate);
    // One thing alone is never most of a fleet, whatever its share.
    const isMuch = ({ before, removed }: typeof endpoints): boolean => removed > 1 && removed > before * maxShrinkRatio;
    if ((!isMuch(endpoints) && !isMuch(clusters)) || this.#forced.has(candidate.revision)) return undefined;
    if (isGood(candidate.revision)) return undefined;
    const many = ({ before, removed }: typeof endpoints, what: string): string => `${removed} of ${before} ${what}`;
    return {
      code: 'POLICY_SHRINKS',
      path: '',
      message: `it takes away ${many(endpoints, 'endpoints')} and ${many(clusters, 'clusters')}; at most ${Math.round(maxShrinkRatio * 100)} % may go in one change`,
      hint: 'go in smaller steps, or force it: loadline apply --force, or loadline rollout force for policies in files',
    };
  }

  /** Whoever waits is told nothing any more. */
  stop(): void {
    this.#newest += 1;
  }

  async #issues(read: PolicyRead): Promise<readonly Issue[]> {
    if (!read.ok) return [];
    const { load, inForce, verdict } = this.#options;
    const loading = load(read.files).finally(() => {
      this.#loading = undefined;
    });
    this.#loading = loading;
    const loaded = await loading;
    if (!loaded.ok || loaded.value.revision === inForce()) return [];
    const shrinks = this.shrinks(loaded.value);
    if (shrinks !== undefined) return [shrinks];
    return verdictIssues(await verdict({ policy: loaded.value, files: read.files }));
  }
}
