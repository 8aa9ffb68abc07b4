import { LoadlineError } from '../base/errors.ts';
import type { Issue } from '../base/units/index.ts';
import { formatIssue, type Policy } from '../core/policy/index.ts';
import type { PolicyView } from '../edge/observe/index.ts';
import type { PolicyRead, PolicyText } from '../edge/store/index.ts';
import { PolicyLoads } from './policy-loads.ts';

/** A policy, and the texts that it came from (they are stored as the last good ones). */
export type Loaded = {
  readonly policy: Policy;
  readonly files: readonly PolicyText[];
  readonly warnings: readonly Issue[];
  readonly loadedAtMs: number;
};

/** Texts that were good once; undefined when this release takes them for good no more. */
export function loadTexts(
  files: readonly PolicyText[],
  nowMs: number,
  loads: PolicyLoads = new PolicyLoads(),
): Loaded | undefined {
  const result = loads.load(files);
  return result.ok ? { policy: result.value, files, warnings: result.warnings, loadedAtMs: nowMs } : undefined;
}

/**
 * Knows which policy is wanted. A bad set of files never replaces a good one: it is remembered as the problem of the
 * newest load, and the last good policy goes on (also over a restart, from the store).
 */
export class PolicyKeeper {
  readonly #loads: PolicyLoads;
  #loaded: Loaded | undefined;
  #problems: readonly Issue[] = [];

  constructor(loads: PolicyLoads = new PolicyLoads()) {
    this.#loads = loads;
  }

  get loaded(): Loaded | undefined {
    return this.#loaded;
  }

  /** What is wrong with the newest files; empty when they are in force. */
  get problems(): readonly Issue[] {
    return this.#problems;
  }

  /** Takes a read of the files in. Returns what became of it. */
  take(read: PolicyRead, nowMs: number): 'Loaded' | 'Unchanged' | 'Refused' {
    if (!read.ok) {
      this.#problems = [{ code: 'POLICY_UNREADABLE', path: '', message: read.reason }];
      return 'Refused';
    }
    const result = this.#loads.load(read.files);
    if (!result.ok) {
      this.#problems = result.issues;
      return 'Refused';
    }
    this.#problems = [];
    const before = this.#loaded?.policy.revision;
    this.#loaded = { policy: result.value, files: read.files, warnings: result.warnings, loadedAtMs: nowMs };
    return before === result.value.revision ? 'Unchanged' : 'Loaded';
  }

  /** The newest files are good by themselves, and something else speaks against them. */
  refuse(problems: readonly Issue[]): void {
    this.#problems = problems;
  }

  /**
   * The first load. When the files are bad the last good texts from the checkpoint go on, with the problems in view.
   * @throws LoadlineError LOADLINE_POLICY_UNUSABLE when there is neither, and none can come later
   */
  startWith(
    read: PolicyRead,
    stored: readonly PolicyText[] | undefined,
    nowMs: number,
    mayWait: boolean = false,
  ): void {
    if (this.take(read, nowMs) !== 'Refused') return;
    const problems = this.#problems;
    if (stored !== undefined && this.take({ ok: true, files: stored, hash: '' }, nowMs) !== 'Refused') {
      this.#problems = problems;
      return;
    }
    this.#problems = problems;
    if (mayWait) return;
    throw new LoadlineError(
      'LOADLINE_POLICY_UNUSABLE',
      `there is no policy to serve:\n${problems.map(formatIssue).join('\n')}`,
    );
  }

  view(): PolicyView {
    return {
      files: this.#loaded?.files.map(({ name }) => name) ?? [],
      revision: this.#loaded?.policy.revision ?? '',
      loadedAtMs: this.#loaded?.loadedAtMs ?? 0,
      problems: this.#problems,
      warnings: this.#loaded?.warnings ?? [],
    };
  }
}
