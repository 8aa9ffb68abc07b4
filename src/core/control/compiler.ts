import { AssignmentEncoder } from '../../base/codec/index.ts';
import type { SidecarGroup } from '../policy/index.ts';
import {
  checkResource,
  compileAssignments,
  compileRuntime,
  compileStructure,
  type Resource,
} from '../resources/index.ts';
import {
  danglingRefs,
  makeSnapshot,
  type Snapshot,
  type SnapshotKey,
  snapshotKeyText,
  viewOf,
} from '../snapshot/index.ts';
import type { Plan } from './plan.ts';

/** A resource that our own rule check refused: it was not published, its last good version stays. */
export type Refusal = { readonly resource: Resource; readonly reason: string };

type Compiled = {
  /** What the structural resources depend on: policy revision and key. */
  readonly structureOf: string;
  readonly structure: readonly Resource[];
  readonly plan: Plan;
  readonly snapshot: Snapshot;
};

/**
 * Turns the Plan into one snapshot per key and remembers what it made: structure is compiled when the policy changes,
 * assignments when a Plan comes, and a snapshot keeps its identity while its bytes are the same.
 */
export class Compiler {
  readonly #compiled = new Map<string, Compiled>();
  readonly #assignments = new Map<string, { readonly plan: Plan; readonly resources: readonly Resource[] }>();
  readonly #encoder = new AssignmentEncoder();
  /** Versions that passed the rule check, by type and name. */
  readonly #checked = new Map<string, string>();
  readonly #refusals = new Map<string, Refusal>();

  /** Undefined when the policy has no such group. Rule violations never leave: see {@link refusals}. */
  snapshot(plan: Plan, key: SnapshotKey): Snapshot | undefined {
    const group = plan.policy.groups.find((candidate) => candidate.name === key.group);
    if (group === undefined) return undefined;
    const text = snapshotKeyText(key);
    const before = this.#compiled.get(text);
    if (before?.plan === plan) return before.snapshot;
    const structureOf = `${plan.policyRevision} ${text}`;
    const structure = before?.structureOf === structureOf ? before.structure : this.#structure(plan, group, key);
    const resources = [...structure, ...this.#assignmentsOf(plan, group)];
    const snapshot = this.#admit(makeSnapshot(key, resources, before?.snapshot), before?.snapshot);
    this.#compiled.set(text, { structureOf, structure, plan, snapshot });
    return snapshot;
  }

  /** Resources held back by the rule check, until a version passes. */
  refusals(): readonly Refusal[] {
    return [...this.#refusals.values()];
  }

  /** Drops what belongs to keys that no connected node has. */
  retain(keys: readonly string[]): void {
    for (const text of this.#compiled.keys()) if (!keys.includes(text)) this.#compiled.delete(text);
  }

  #structure(plan: Plan, group: SidecarGroup, key: SnapshotKey): readonly Resource[] {
    return [
      ...compileStructure(plan.policy, group, { release: key.release, listenerOverrides: key.listenerOverrides }),
      ...compileRuntime(plan.policy, group),
    ];
  }

  #assignmentsOf(plan: Plan, group: SidecarGroup): readonly Resource[] {
    const before = this.#assignments.get(group.name);
    if (before?.plan === plan) return before.resources;
    const resources = compileAssignments(plan, group, this.#encoder);
    this.#assignments.set(group.name, { plan, resources });
    return resources;
  }

  /**
   * The last gate before publication: a resource that breaks one of Envoy's own rules would make Envoy refuse the whole
   * response (law 5), so its last good version goes out instead; a snapshot with a reference to nothing is not published.
   */
  #admit(snapshot: Snapshot, before: Snapshot | undefined): Snapshot {
    const good: Resource[] = [];
    let replaced = false;
    for (const view of snapshot.types.values()) {
      for (const resource of view.values()) {
        const reason = this.#violation(resource);
        if (reason === undefined) {
          good.push(resource);
          continue;
        }
        replaced = true;
        const last = before === undefined ? undefined : viewOf(before, resource.typeUrl).get(resource.name);
        if (last !== undefined) good.push(last);
      }
    }
    const admitted = replaced ? makeSnapshot(snapshot.key, good, before) : snapshot;
    if (admitted === before || danglingRefs(admitted).length === 0 || before === undefined) return admitted;
    return before;
  }

  #violation(resource: Resource): string | undefined {
    const id = `${resource.typeUrl}\n${resource.name}`;
    if (this.#checked.get(id) === resource.version) return undefined;
    const violations = checkResource(resource);
    if (violations.length === 0) {
      this.#checked.set(id, resource.version);
      this.#refusals.delete(id);
      return undefined;
    }
    const reason = violations.map(({ path, message }) => `${path}: ${message}`).join('; ');
    this.#refusals.set(id, { resource, reason });
    return reason;
  }
}
