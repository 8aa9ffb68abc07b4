import type { Issue, Result } from '../base/units/index.ts';
import { type Verdict, verdictIssues } from '../core/dry-run/index.ts';
import type { Policy, PolicyFile, PolicyVersion } from '../core/policy/index.ts';
import type { PolicyRead } from '../edge/store/index.ts';

export type PolicyGateOptions = {
  readonly load: (files: readonly PolicyFile[]) => Promise<Result<Policy>>;
  readonly verdict: (candidate: PolicyVersion) => Promise<Verdict>;
  /** Revision in force; undefined: none is. */
  readonly inForce: () => string | undefined;
};

/**
 * Keeps a policy that a real Envoy refuses from coming into force. What is in force goes on meanwhile, and the newest read wins:
 * of those that come while Envoy is asked only the last is looked at.
 */
export class PolicyGate {
  readonly #options: PolicyGateOptions;
  #newest = 0;

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
    const issues = await this.#issues(read);
    return turn === this.#newest ? issues : undefined;
  }

  /** Whoever waits is told nothing any more. */
  stop(): void {
    this.#newest += 1;
  }

  async #issues(read: PolicyRead): Promise<readonly Issue[]> {
    if (!read.ok) return [];
    const { load, inForce, verdict } = this.#options;
    const loaded = await load(read.files);
    if (!loaded.ok || loaded.value.revision === inForce()) return [];
    return verdictIssues(await verdict({ policy: loaded.value, files: read.files }));
  }
}
