import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { LoadlineError } from '../base/errors.ts';
import type { Result } from '../base/units/index.ts';
import {
  type DocumentTexts,
  diffPoliciesInTurns,
  documentTexts,
  formatIssue,
  loadPolicy,
  loadPolicyInTurns,
  type Policy,
  type PolicyChange,
  type PolicyFile,
  type PolicyVersion,
  type ReadFile,
} from '../core/policy/index.ts';
import { PolicyThreads } from './policy-threads.ts';

/** In force, checked, and about to be. */
const KEPT = 4;
/** Texts up to here cost less than a thread, and no turn that heartbeats and weights would feel. */
const SMALL_CHARS = 32 * 1024;

/** Policies that were loaded lately, by their texts: what was checked before it is written is not read anew when it is served. */
export class PolicyLoads {
  readonly #threads: Pick<PolicyThreads, 'do'>;
  readonly #known = new Map<string, Result<Policy>>();
  /** What is refused is tried again when it comes again, but who asks next why it was refused is told at once. */
  #refused: { readonly id: string; readonly result: Result<Policy> } | undefined;

  constructor(threads: Pick<PolicyThreads, 'do'> = new PolicyThreads()) {
    this.#threads = threads;
  }

  /** In one turn, however long: for what was loaded before, and for the start, when nobody waits yet. */
  load(files: readonly PolicyFile[]): Result<Policy> {
    const id = idOf(files);
    const refused = this.#refused?.id === id ? this.#refused.result : undefined;
    return this.#known.get(id) ?? refused ?? this.#keep(id, loadPolicy(files));
  }

  /** As {@link load}, with a turn for others after each document; what is large is read in another thread. */
  async loadInTurns(files: readonly PolicyFile[], reads?: ReadonlyMap<PolicyFile, ReadFile>): Promise<Result<Policy>> {
    const id = idOf(files);
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if (isSmall(files)) return this.#keep(id, await loadPolicyInTurns(files, () => turn(), reads));
    return this.#keep(id, await this.#threads.do({ kind: 'Load', files }));
  }

  /** The documents of a file, from another thread where it is large. */
  async documentsOf(file: PolicyFile): Promise<DocumentTexts> {
    if (isSmall([file])) return documentTexts(file);
    const done = await this.#threads.do({ kind: 'Split', file });
    return done.ok ? { documents: done.value, issues: [] } : { documents: [], issues: done.issues };
  }

  /**
   * What differs between two policies, from another thread where they are large.
   * @throws LoadlineError LOADLINE_ADMIN when it cannot be found out within the limits of that thread
   */
  async diff(before: PolicyVersion | undefined, after: PolicyVersion): Promise<readonly PolicyChange[]> {
    if (isSmall([...(before?.files ?? []), ...after.files])) return inTurns(diffPoliciesInTurns(before, after));
    const done = await this.#threads.do({ kind: 'Diff', before, after });
    if (!done.ok) throw new LoadlineError('LOADLINE_ADMIN', done.issues.map(formatIssue).join('; '));
    return done.value;
  }

  #keep(id: string, result: Result<Policy>): Result<Policy> {
    if (!result.ok) {
      this.#refused = { id, result };
      return result;
    }
    const [oldest] = this.#known.keys();
    if (this.#known.size >= KEPT && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(id, result);
    return result;
  }
}

async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await turn();
  }
}

function isSmall(files: readonly PolicyFile[]): boolean {
  return files.reduce((chars, { text }) => chars + text.length, 0) <= SMALL_CHARS;
}

/** All of the hash: who may write policies must not be able to make two that are taken for one. */
function idOf(files: readonly PolicyFile[]): string {
  const said = files.map(({ name, text, firstLine = 1 }) => [name, firstLine, text]);
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
