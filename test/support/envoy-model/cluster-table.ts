import { type ClusterBody, TYPE } from './messages.ts';
import { earliest, type Interest } from './mux.ts';

/** Why a cluster is live although no assignment came. */
export type Unfilled = 'TimedOut' | 'Removed' | 'Refused';

export type Cluster = {
  readonly name: string;
  readonly version: string;
  readonly content: string;
  readonly eds?: string;
  /** undefined: they stand in the cluster itself. */
  readonly endpoints: number | undefined;
  readonly unfilled?: Unfilled;
};

type Warming = { readonly cluster: Cluster; readonly deadlineMs: number };

/**
 * Clusters as Envoy's cluster manager keeps them. A new or changed one waits ("warms") for an assignment that arrives
 * after it, even an identical one, and what it replaces serves meanwhile. Every cluster object watches its assignment
 * itself, so for a while two objects of one name may watch two names.
 */
export class ClusterTable {
  readonly #interest: Interest;
  readonly #fetchTimeoutMs: number;
  readonly #active = new Map<string, Cluster>();
  readonly #warming = new Map<string, Warming>();
  /** Endpoints of the last accepted assignment of a watched name: Envoy's EDS cache, used when a fetch times out. */
  readonly #assigned = new Map<string, number>();

  #initialised = false;
  #holdsAcks = false;

  constructor(interest: Interest, fetchTimeoutMs: number) {
    this.#interest = interest;
    this.#fetchTimeoutMs = fetchTimeoutMs;
  }

  get active(): ReadonlyMap<string, Cluster> {
    return this.#active;
  }

  get warming(): ReadonlyMap<string, Cluster> {
    return new Map([...this.#warming].map(([name, { cluster }]) => [name, cluster]));
  }

  /** The start is over. From now on no CDS request leaves, ACKs included, while a cluster warms. */
  initialised(): void {
    this.#initialised = true;
  }

  names(): readonly string[] {
    return [...new Set([...this.#active.keys(), ...this.#warming.keys()])];
  }

  /** Endpoints in the last assignment that was accepted under this name. */
  assigned(eds: string): number | undefined {
    return this.#assigned.get(eds);
  }

  awaits(eds: string): boolean {
    return [...this.#warming.values()].some(({ cluster }) => cluster.eds === eds);
  }

  upsert(name: string, version: string, content: string, body: ClusterBody, nowMs: number): void {
    const warming = this.#warming.get(name);
    const active = this.#active.get(name);
    // Compared with the warming one if there is one, else with the active one (envoy#14598): going back to what is
    // active while something else warms is a change.
    if ((warming?.cluster ?? active)?.content === content) return;
    const { eds } = body;
    if (eds === undefined) {
      this.#warming.delete(name);
      this.#active.set(name, { name, version, content, endpoints: undefined });
    } else {
      const cluster = { name, version, content, eds, endpoints: 0 };
      this.#warming.set(name, { cluster, deadlineMs: nowMs + this.#fetchTimeoutMs });
      // Watched before what it replaces lets go: an assignment of the same name stays subscribed, unasked for.
      this.#interest.watch(TYPE.endpoint, eds);
    }
    if (warming !== undefined) this.#letGo(warming.cluster);
    if (eds === undefined && active !== undefined) this.#letGo(active);
    this.#holdAcks();
  }

  remove(name: string): void {
    const warming = this.#warming.get(name);
    const active = this.#active.get(name);
    this.#warming.delete(name);
    this.#active.delete(name);
    if (warming !== undefined) this.#letGo(warming.cluster);
    if (active !== undefined) this.#letGo(active);
    this.#holdAcks();
  }

  assign(eds: string, endpoints: number): void {
    this.#assigned.set(eds, endpoints);
    for (const cluster of this.#active.values()) {
      if (cluster.eds === eds) this.#active.set(cluster.name, filled(cluster, endpoints));
    }
    for (const { cluster } of [...this.#warming.values()]) {
      if (cluster.eds === eds) this.#goLive(filled(cluster, endpoints));
    }
  }

  /** The assignment does not exist: nothing to an active cluster, the end of waiting to a warming one. */
  assignmentRemoved(eds: string): void {
    for (const { cluster } of [...this.#warming.values()]) {
      if (cluster.eds === eds) this.#goLive({ ...cluster, unfilled: 'Removed' });
    }
  }

  /** Whoever waits for an assignment goes on without: Envoy tells every watcher of the type of a refused response. */
  assignmentsRefused(): void {
    for (const { cluster } of [...this.#warming.values()]) this.#goLive({ ...cluster, unfilled: 'Refused' });
  }

  nextDeadlineMs(): number | undefined {
    return earliest([...this.#warming.values()].map(({ deadlineMs }) => deadlineMs));
  }

  timeOut(nowMs: number): void {
    for (const { cluster, deadlineMs } of [...this.#warming.values()]) {
      if (deadlineMs > nowMs) continue;
      const cached = this.#assigned.get(cluster.eds as string);
      this.#goLive(cached === undefined ? { ...cluster, unfilled: 'TimedOut' } : filled(cluster, cached));
    }
  }

  #goLive(cluster: Cluster): void {
    const replaced = this.#active.get(cluster.name);
    this.#warming.delete(cluster.name);
    this.#active.set(cluster.name, cluster);
    if (replaced !== undefined) this.#letGo(replaced);
    this.#holdAcks();
  }

  /**
   * Measured: the ACK of a cluster says that all clusters are warm, not just that they were accepted
   * (`ClusterManagerImpl::updateClusterCounts`: "prevents CDS ACK from being sent to ADS").
   */
  #holdAcks(): void {
    const hold = this.#initialised && this.#warming.size > 0;
    if (hold === this.#holdsAcks) return;
    this.#holdsAcks = hold;
    if (hold) this.#interest.hold(TYPE.cluster);
    else this.#interest.release(TYPE.cluster);
  }

  #letGo({ eds }: Cluster): void {
    if (eds === undefined) return;
    this.#interest.unwatch(TYPE.endpoint, eds);
    if (!this.#interest.watches(TYPE.endpoint, eds)) this.#assigned.delete(eds);
  }
}

function filled({ unfilled: _, ...cluster }: Cluster, endpoints: number): Cluster {
  return { ...cluster, endpoints };
}
