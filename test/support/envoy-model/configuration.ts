import { ClusterTable } from './cluster-table.ts';
import { ListenerTable } from './listener-table.ts';
import { type Body, contentOf, type Describe, type ModelResource, type RouteBody, TYPE } from './messages.ts';
import { earliest, type Interest, paused, type Watchers } from './mux.ts';
import { NamedTable } from './named-table.ts';
import type { Refuser } from './refusal.ts';

export type ConfigurationOptions = {
  readonly runtimeLayers: readonly string[];
  /** Clusters of the bootstrap whose assignments come by EDS: they warm before the first CDS request. */
  readonly staticClusters: readonly { readonly name: string; readonly eds: string }[];
  readonly fetchTimeoutMs: (typeUrl: string) => number;
  readonly drainMs: number;
  readonly describe: Describe;
  /** In which order the watchers of one EDS or RDS response get theirs: Envoy's is that of a hash table. */
  readonly order: (names: readonly string[]) => readonly string[];
};

/** In this order an Envoy starts; each step waits for the one before. */
type Phase = 'Runtime' | 'StaticClusters' | 'Clusters' | 'Listeners' | 'Serving';

/** What an Envoy is configured to do: clusters, listeners, routes and the order of its start. Knows nothing of the wire. */
export class Configuration implements Watchers {
  readonly clusters: ClusterTable;
  readonly listeners: ListenerTable;
  readonly named: NamedTable;
  readonly #interest: Interest;
  readonly #options: ConfigurationOptions;
  readonly #refuser: Refuser;
  #phase: Phase | undefined;
  #clustersAnswered = false;
  #listenersAnswered = false;
  /** Of the first CDS or LDS answer, whichever is waited for. */
  #wildcardDeadlineMs: number | undefined;
  #nowMs = 0;

  constructor(interest: Interest, options: ConfigurationOptions, refuser: Refuser) {
    this.#interest = interest;
    this.#options = options;
    this.#refuser = refuser;
    this.clusters = new ClusterTable(interest, options.fetchTimeoutMs(TYPE.endpoint));
    this.named = new NamedTable(interest, options.fetchTimeoutMs);
    this.listeners = new ListenerTable(this.named, options.drainMs);
  }

  get isServing(): boolean {
    return this.#phase === 'Serving';
  }

  /** Clusters by route configuration. */
  get routes(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.named.bodies(TYPE.route)].map(([name, body]) => [name, (body as RouteBody).clusters]));
  }

  setTime(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#phase !== undefined) return;
    this.#phase = 'Runtime';
    for (const layer of this.#options.runtimeLayers) {
      this.named.acquire(TYPE.runtime, layer);
      this.named.start(TYPE.runtime, layer, nowMs);
    }
    this.#settle();
  }

  check(typeUrl: string, resources: readonly ModelResource[]): string | undefined {
    return this.#refuser.rule(typeUrl, resources);
  }

  update(typeUrl: string, resources: readonly ModelResource[], removed: readonly string[]): string | undefined {
    const refusal = this.#update(typeUrl, resources, removed);
    this.#settle();
    return refusal;
  }

  replace(typeUrl: string, resources: readonly ModelResource[]): string | undefined {
    const kept = new Set(resources.map(({ name }) => name));
    const names = typeUrl === TYPE.cluster ? this.clusters.names() : this.listeners.names();
    return this.update(
      typeUrl,
      resources,
      names.filter((name) => !kept.has(name)),
    );
  }

  refused(typeUrl: string): void {
    if (typeUrl === TYPE.cluster) this.#clustersAnswered = true;
    else if (typeUrl === TYPE.listener) this.#listenersAnswered = true;
    else if (typeUrl === TYPE.endpoint) this.clusters.assignmentsRefused();
    else this.named.refused(typeUrl);
    this.#settle();
  }

  nextDeadlineMs(): number | undefined {
    return earliest([
      this.clusters.nextDeadlineMs(),
      this.named.nextDeadlineMs(),
      this.listeners.nextDeadlineMs(),
      this.#wildcardDeadlineMs,
    ]);
  }

  timeOut(nowMs: number): void {
    this.clusters.timeOut(nowMs);
    this.named.timeOut(nowMs);
    this.listeners.timeOut(nowMs);
    if (this.#wildcardDeadlineMs !== undefined && this.#wildcardDeadlineMs <= nowMs) {
      if (this.#phase === 'Clusters') this.#clustersAnswered = true;
      else this.#listenersAnswered = true;
    }
    this.#settle();
  }

  #update(typeUrl: string, resources: readonly ModelResource[], removed: readonly string[]): string | undefined {
    if (typeUrl === TYPE.cluster) {
      const failures = paused(this.#interest, [TYPE.endpoint], () => this.#updateClusters(resources, removed));
      this.#clustersAnswered = true;
      return failures.length === 0 ? undefined : `Error adding/updating cluster(s) ${failures.join(', ')}`;
    }
    if (typeUrl === TYPE.listener) {
      const failures = paused(this.#interest, [TYPE.route, TYPE.secret], () =>
        this.#updateListeners(resources, removed),
      );
      this.#listenersAnswered = true;
      return failures.length === 0 ? undefined : `Error adding/updating listener(s) ${failures.join('\n')}\n`;
    }
    return this.#updateNamed(typeUrl, resources, removed);
  }

  /** All good ones are applied, the bad ones are listed. */
  #updateClusters(resources: readonly ModelResource[], removed: readonly string[]): string[] {
    const failures = this.#applyEach(TYPE.cluster, resources, (resource, body) => {
      if (body.kind !== 'cluster') throw mismatch(TYPE.cluster, resource);
      if (this.#isStatic(resource.name)) return;
      this.clusters.upsert(resource.name, resource.version, contentOf(resource), body, this.#nowMs);
      this.#settle();
    });
    for (const name of removed) {
      if (this.#isStatic(name)) continue;
      this.clusters.remove(name);
      this.#settle();
    }
    return failures;
  }

  /** What stands in the bootstrap cannot be changed or removed by CDS. */
  #isStatic(name: string): boolean {
    return this.#options.staticClusters.some((one) => one.name === name);
  }

  #updateListeners(resources: readonly ModelResource[], removed: readonly string[]): string[] {
    // Removals first here, so that a new listener may take the address of an old one.
    for (const name of removed) {
      this.listeners.remove(name, this.#nowMs);
      this.#settle();
    }
    return this.#applyEach(TYPE.listener, resources, (resource, body) => {
      if (body.kind !== 'listener') throw mismatch(TYPE.listener, resource);
      const { name, version } = resource;
      this.listeners.upsert({ name, version, content: contentOf(resource), body }, this.#nowMs);
      this.#settle();
    });
  }

  #applyEach(
    typeUrl: string,
    resources: readonly ModelResource[],
    apply: (resource: ModelResource, body: Body) => void,
  ): string[] {
    const failures: string[] = [];
    const seen = new Set<string>();
    for (const resource of resources) {
      const refusal = seen.has(resource.name)
        ? this.#refuser.blame(resource.name, `duplicate ${resource.name} found`)
        : this.#refuser.semantic(typeUrl, resource);
      seen.add(resource.name);
      if (refusal === undefined) apply(resource, this.#options.describe(resource, typeUrl));
      else failures.push(refusal);
    }
    return failures;
  }

  /** Watchers get theirs one after the other; the first refusal ends it, so later ones and removals do not happen. */
  #updateNamed(typeUrl: string, resources: readonly ModelResource[], removed: readonly string[]): string | undefined {
    const byName = new Map(resources.map((resource) => [resource.name, resource]));
    for (const name of this.#options.order([...byName.keys()])) {
      const resource = byName.get(name) as ModelResource;
      // A name that was dropped in the course of this very response has no watcher any more.
      if (!this.#interest.watches(typeUrl, name)) continue;
      const refusal = this.#refuser.semantic(typeUrl, resource);
      if (refusal !== undefined) return refusal;
      const body = this.#options.describe(resource, typeUrl);
      if (typeUrl !== TYPE.endpoint) this.named.put(typeUrl, name, body);
      else if (body.kind === 'assignment') this.clusters.assign(name, body.endpoints);
      else throw mismatch(typeUrl, resource);
    }
    for (const name of removed) {
      if (typeUrl === TYPE.endpoint) this.clusters.assignmentRemoved(name);
      else this.named.removed(typeUrl, name);
    }
    return undefined;
  }

  /**
   * Takes every step of the start that is due, and makes live what is ready. Also in the middle of a response: what was
   * removed first may have been the last that the start waited for.
   */
  #settle(): void {
    if (this.#phase === 'Runtime' && this.named.allReady(TYPE.runtime)) {
      this.#phase = 'StaticClusters';
      paused(this.#interest, [TYPE.endpoint], () => {
        for (const { name, eds } of this.#options.staticClusters) {
          this.clusters.upsert(name, 'static', 'static', { kind: 'cluster', eds }, this.#nowMs);
        }
      });
    }
    const warm = this.clusters.warming.size === 0;
    if (this.#phase === 'StaticClusters' && warm) {
      this.#phase = 'Clusters';
      this.#wildcardDeadlineMs = this.#nowMs + this.#options.fetchTimeoutMs(TYPE.cluster);
      this.#interest.watch(TYPE.cluster);
    }
    if (this.#phase === 'Clusters' && this.#clustersAnswered) {
      this.#wildcardDeadlineMs = undefined;
      if (warm) {
        this.#phase = 'Listeners';
        this.clusters.initialised();
        this.#wildcardDeadlineMs = this.#nowMs + this.#options.fetchTimeoutMs(TYPE.listener);
        this.#interest.watch(TYPE.listener);
      }
    }
    if (this.#phase === 'Listeners' && this.#listenersAnswered) {
      this.#wildcardDeadlineMs = undefined;
      // The workers start when all that the first listeners wait for is there, not one by one.
      if (this.listeners.everyOneReady()) this.#phase = 'Serving';
    }
    if (this.#phase === 'Serving') this.listeners.settle(this.#nowMs);
  }
}

function mismatch(typeUrl: string, resource: ModelResource): Error {
  return new Error(`describe() gave something else for ${typeUrl} ${resource.name}`);
}
