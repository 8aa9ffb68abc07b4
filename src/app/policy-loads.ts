import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { Result } from '../base/units/index.ts';
import { loadPolicy, loadPolicyInTurns, type Policy, type PolicyFile, type ReadFile } from '../core/policy/index.ts';

/** In force, checked, and about to be. */
const KEPT = 4;

/** Policies that were loaded lately, by their texts: what was checked before it is written is not read anew when it is served. */
export class PolicyLoads {
  readonly #known = new Map<string, Result<Policy>>();

  load(files: readonly PolicyFile[]): Result<Policy> {
    const id = idOf(files);
    return this.#known.get(id) ?? this.#keep(id, loadPolicy(files));
  }

  /** As {@link load}, with a turn for others after each document. */
  async loadInTurns(files: readonly PolicyFile[], reads?: ReadonlyMap<PolicyFile, ReadFile>): Promise<Result<Policy>> {
    const id = idOf(files);
    return this.#known.get(id) ?? this.#keep(id, await loadPolicyInTurns(files, () => turn(), reads));
  }

  #keep(id: string, result: Result<Policy>): Result<Policy> {
    // What is refused is not met again.
    if (!result.ok) return result;
    const [oldest] = this.#known.keys();
    if (this.#known.size >= KEPT && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(id, result);
    return result;
  }
}

/** All of the hash: who may write policies must not be able to make two that are taken for one. */
function idOf(files: readonly PolicyFile[]): string {
  const said = files.map(({ name, text, firstLine = 1 }) => [name, firstLine, text]);
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
