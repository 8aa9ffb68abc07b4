import { AssignmentEncoder } from '../../base/codec/index.ts';
import { own } from '../../base/units/index.ts';
import type { Policy, SidecarGroup } from '../policy/index.ts';
import {
  checkResource,
  compileAssignments,
  compileEndpointsOnly,
  compileRuntime,
  compileStructure,
  type Resource,
  sharers,
  TYPE_URL,
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

/** What one key got of a policy's structure: without assignments and runtime, which follow the load. */
export type KeptStructure = {
  readonly key: SnapshotKey;
  /** How many sidecars shared the limits of the group. */
  readonly sidecars: number;
  readonly resources: readonly Resource[];
};

type Compiled = {
  /** What the structural resources depend on besides the key: policy revision, how many share the group's limits, what ladders give up, cut retries. */
  readonly structureOf: string;
  readonly structure: readonly Resource[];
  /** Of it, what is worth keeping over a restart; undefined for endpoints alone. */
  readonly kept: KeptStructure | undefined;
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  /** Versions that passed the rule check, by type and name. Per key: Envoys of two releases have two versions of a name. */
  readonly checked: ReadonlyMap<string, string>;
  readonly refusals: readonly Refusal[];
};

/**
 * Turns the Plan into one snapshot per key and remembers what it made: structure is compiled when the policy changes,
 * assignments when a Plan comes, and a snapshot keeps its identity while its bytes are the same.
 */
export class Compiler {
  readonly #compiled = new Map<string, Compiled>();
  /** By group and zone. */
  readonly #assignments = new Map<
    string,
    { readonly group: string; readonly plan: Plan; readonly resources: readonly Resource[] }
  >();
  readonly #encoder = new AssignmentEncoder();
  readonly #frozen: readonly KeptStructure[];
  readonly #frozenResources: ReadonlyMap<string, readonly Resource[]>;
  readonly #parent: Compiler | undefined;

  /**
   * @param frozen structures that are to be sent as they are, whatever this release would compile
   * @param parent whose snapshots those of canaries begin with
   */
  constructor(frozen: readonly KeptStructure[] = [], parent?: Compiler) {
    this.#frozen = frozen;
    this.#frozenResources = new Map(frozen.map(({ key, resources }) => [snapshotKeyText(key), resources]));
    this.#parent = parent;
  }

  /**
   * For canaries that have the same policy as all others, and other operations: what they get begins with what the others have, what is frozen
   * or held back included, so that only the operations make a difference.
   */
  fork(): Compiler {
    return new Compiler(this.#frozen, this);
  }

  /** Undefined when the policy has no such group. Rule violations never leave: see {@link refusals}. */
  snapshot(plan: Plan, key: SnapshotKey): Snapshot | undefined {
    const group = plan.policy.groups.find((candidate) => candidate.name === key.group);
    const text = snapshotKeyText(key);
    const before = this.#compiled.get(text) ?? this.#inherited(key);
    if (before?.plan === plan) return before.snapshot;
    if (key.endpointsOnly === true) {
      const assignments = attributed(compileEndpointsOnly(plan, group, this.#encoder), plan);
      const admitted = admit(makeSnapshot(key, assignments, before?.snapshot), before);
      this.#compiled.set(text, { structureOf: '', structure: [], kept: undefined, plan, ...admitted });
      return admitted.snapshot;
    }
    if (group === undefined) return undefined;
    const sidecars = sharers(own(plan.sidecars, group.name)?.length ?? 1);
    const structureOf = `${plan.policyRevision} ${sidecars} ${JSON.stringify([plan.sheds, plan.degrades, plan.retryCuts])}`;
    const same = before?.structureOf === structureOf ? before : this.#otherZone(key, structureOf);
    const kept = same?.kept ?? {
      key: withoutZone(key),
      sidecars,
      resources:
        this.#frozenResources.get(stableText(withoutZone(key))) ?? compileKept(plan.policy, group, key, sidecars),
    };
    const structure = same?.structure ?? structureFor(plan, group, kept.resources);
    const resources = [...structure, ...this.#assignmentsOf(plan, group, key.zone)];
    const admitted = admit(makeSnapshot(key, resources, before?.snapshot), before);
    this.#compiled.set(text, { structureOf, structure, kept, plan, ...admitted });
    return admitted.snapshot;
  }

  /** What a key would get that nobody has yet. Nothing is remembered of it, so that looking changes nothing. */
  preview(plan: Plan, key: SnapshotKey): Snapshot | undefined {
    return new Compiler(this.#frozen).snapshot(plan, key);
  }

  /** The structures that are in force, by key. */
  structures(): readonly KeptStructure[] {
    return [...new Set([...this.#compiled.values()].flatMap(({ kept }) => kept ?? []))];
  }

  /** What is held back by the rule check now: until a version passes, or the policy asks for it no more. */
  refusals(): readonly Refusal[] {
    return [...this.#compiled.values()].flatMap(({ refusals }) => refusals);
  }

  /** Of the last snapshot for one key. */
  refusalsOf(key: SnapshotKey): readonly Refusal[] {
    return this.#compiled.get(snapshotKeyText(key))?.refusals ?? [];
  }

  /** Drops what belongs to keys that no connected node has. */
  retain(keys: readonly string[]): void {
    const wanted = new Set(keys);
    const groups = new Set<string>();
    for (const [text, { snapshot }] of this.#compiled) {
      if (wanted.has(text)) groups.add(snapshot.key.group);
      else this.#compiled.delete(text);
    }
    for (const [text, { group }] of this.#assignments) if (!groups.has(group)) this.#assignments.delete(text);
  }

  /** What everybody else of that kind has. */
  #inherited(key: SnapshotKey): Compiled | undefined {
    const parent = this.#parent;
    const compiled = parent === undefined ? undefined : parent.#compiled.get(stableText(key));
    if (compiled === undefined) return undefined;
    const { snapshot, kept } = compiled;
    return { ...compiled, snapshot: { ...snapshot, key }, kept: kept && { ...kept, key: withoutZone(key) } };
  }

  /** The structure of a kind of node is the same in all zones: it is made once. */
  #otherZone(key: SnapshotKey, structureOf: string): Compiled | undefined {
    if (key.zone === undefined) return undefined;
    const text = snapshotKeyText(withoutZone(key));
    for (const one of this.#compiled.values())
      if (one.structureOf === structureOf && snapshotKeyText(withoutZone(one.snapshot.key)) === text) return one;
    return undefined;
  }

  #assignmentsOf(plan: Plan, group: SidecarGroup, zone: string | undefined): readonly Resource[] {
    const text = JSON.stringify([group.name, zone]);
    const before = this.#assignments.get(text);
    if (before?.plan === plan) return before.resources;
    const resources = attributed(compileAssignments(plan, group, this.#encoder, zone), plan);
    this.#assignments.set(text, { group: group.name, plan, resources });
    return resources;
  }
}

/** Of the key that a node has when it tries nothing. */
function stableText({ track: _, ...key }: SnapshotKey): string {
  return snapshotKeyText(key);
}

function withoutZone({ zone: _, ...key }: SnapshotKey): SnapshotKey {
  return key;
}

/** Whether this release compiles a structure to the bytes that were kept of it. A group that is gone has none. */
export function compilesAlike(policy: Policy, { key, sidecars, resources }: KeptStructure): boolean {
  const group = policy.groups.find(({ name }) => name === key.group);
  if (group === undefined) return true;
  const now = compileKept(policy, group, key, sidecars);
  const versions = new Map(now.map(({ typeUrl, name, version }) => [`${typeUrl}\n${name}`, version]));
  return (
    now.length === resources.length &&
    resources.every(({ typeUrl, name, version }) => versions.get(`${typeUrl}\n${name}`) === version)
  );
}

function compileKept(policy: Policy, group: SidecarGroup, key: SnapshotKey, sidecars: number): readonly Resource[] {
  const { release, listenerOverrides } = key;
  return compileStructure(policy, group, { release, listenerOverrides, sidecars });
}

function structureFor(plan: Plan, group: SidecarGroup, kept: readonly Resource[]): readonly Resource[] {
  return attributed([...kept, ...compileRuntime(plan.policy, group, plan)], plan);
}

/** With the revision of the policy beside each place in it: after the next edit the place alone would mislead. */
function attributed(resources: readonly Resource[], { policyRevision: revision }: Plan): readonly Resource[] {
  return resources.map((one) => (one.origin === undefined ? one : { ...one, origin: { ...one.origin, revision } }));
}

/**
 * The last gate before publication: a resource that breaks one of Envoy's own rules would make Envoy refuse the whole
 * response (law 5), so its last good version goes out instead. Where that leaves a reference to nothing the whole structure
 * stays as it was, and only assignments go on: weights must follow the load under a bad policy too. A first snapshot has
 * nothing to stay with: what is good of it goes out.
 */
function admit(snapshot: Snapshot, before: Compiled | undefined): Pick<Compiled, 'snapshot' | 'checked' | 'refusals'> {
  if (snapshot === before?.snapshot) return { snapshot, checked: before.checked, refusals: [] };
  const checked = new Map<string, string>();
  const refusals: Refusal[] = [];
  const good: Resource[] = [];
  for (const view of snapshot.types.values()) {
    for (const resource of view.values()) {
      const id = `${resource.typeUrl}\n${resource.name}`;
      const reason = before?.checked.get(id) === resource.version ? undefined : violationOf(resource);
      if (reason === undefined) {
        checked.set(id, resource.version);
        good.push(resource);
        continue;
      }
      refusals.push({ resource, reason });
      const last = before && viewOf(before.snapshot, resource.typeUrl).get(resource.name);
      if (last !== undefined) {
        checked.set(id, last.version);
        good.push(last);
      }
    }
  }
  const admitted = refusals.length === 0 ? snapshot : makeSnapshot(snapshot.key, good, before?.snapshot);
  if (before === undefined || admitted === before.snapshot || danglingRefs(admitted).length === 0) {
    return { snapshot: admitted, checked, refusals };
  }
  return { snapshot: withAssignments(before.snapshot, admitted), checked, refusals };
}

/** The structure of one snapshot with the assignments of another; clusters that have none there keep their last. */
function withAssignments(structure: Snapshot, assignments: Snapshot): Snapshot {
  const resources = [...structure.types.values()].flatMap((view) => [...view.values()]);
  const newer = [...viewOf(assignments, TYPE_URL.endpoint).values()];
  return makeSnapshot(structure.key, [...resources, ...newer], structure);
}

function violationOf(resource: Resource): string | undefined {
  const violations = checkResource(resource);
  return violations.length === 0 ? undefined : violations.map(({ path, message }) => `${path}: ${message}`).join('; ');
}
