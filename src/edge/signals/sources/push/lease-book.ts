import type { EndpointId, Metric } from '../../../../core/topology/index.ts';

/** Whoever speaks; the newer of two is heard. */
export type Speaker = { readonly agent: string; readonly order: number; readonly ended: boolean };

/** What one speaker said about one device, or about the engine, of one endpoint. */
export type Lease = {
  readonly endpoint: EndpointId;
  /** Empty for the engine. */
  readonly gpu: string;
  readonly speaker: Speaker;
  readonly leaseMs: number;
  readonly values: Map<Metric, { readonly value: number; readonly changedAtMs: number }>;
  /** When the newest of it was read. */
  readAtMs: number;
};

export type Granted =
  | { readonly kind: 'Granted'; readonly lease: Lease; readonly supersedes?: Speaker }
  | { readonly kind: 'Superseded'; readonly by: Speaker };

/** Who speaks for what, until when. */
export class LeaseBook {
  readonly #leases = new Map<string, Lease>();
  readonly #counts = new Map<Speaker, number>();

  get all(): Iterable<Lease> {
    return this.#leases.values();
  }

  /** The lease under which this speaker may speak now: its own, or one that it takes over. */
  grant(about: Omit<Lease, 'values'>, nowMs: number): Granted {
    const key = keyOf(about);
    const held = this.#leases.get(key);
    if (held !== undefined && held.speaker === about.speaker && held.leaseMs === about.leaseMs) {
      return { kind: 'Granted', lease: held };
    }
    const rival = held !== undefined && held.speaker !== about.speaker && !held.speaker.ended && !over(held, nowMs);
    if (rival && held.speaker.order > about.speaker.order) return { kind: 'Superseded', by: held.speaker };
    const lease: Lease = { ...about, values: new Map() };
    if (held !== undefined) this.#count(held.speaker, -1);
    this.#count(about.speaker, 1);
    this.#leases.set(key, lease);
    return { kind: 'Granted', lease, ...(rival ? { supersedes: held.speaker } : {}) };
  }

  /** Whether this speaker has one for that, and how many it has in all. */
  of(about: Pick<Lease, 'endpoint' | 'gpu' | 'speaker'>): { readonly has: boolean; readonly count: number } {
    const has = this.#leases.get(keyOf(about))?.speaker === about.speaker;
    return { has, count: this.#counts.get(about.speaker) ?? 0 };
  }

  /** Takes out those that are over. */
  expire(nowMs: number): readonly Lease[] {
    return this.#drop((lease) => over(lease, nowMs));
  }

  /** Takes out those of endpoints that nobody may speak for any more. */
  retain(wanted: (endpoint: EndpointId) => boolean): void {
    this.#drop(({ endpoint }) => !wanted(endpoint));
  }

  #drop(unwanted: (lease: Lease) => boolean): readonly Lease[] {
    const dropped: Lease[] = [];
    for (const [key, lease] of this.#leases) {
      if (!unwanted(lease)) continue;
      this.#leases.delete(key);
      this.#count(lease.speaker, -1);
      dropped.push(lease);
    }
    return dropped;
  }

  #count(speaker: Speaker, change: number): void {
    const count = (this.#counts.get(speaker) ?? 0) + change;
    if (count > 0) this.#counts.set(speaker, count);
    else this.#counts.delete(speaker);
  }
}

function keyOf({ endpoint, gpu }: Pick<Lease, 'endpoint' | 'gpu'>): string {
  return `${endpoint}|${gpu}`;
}

function over({ readAtMs, leaseMs }: Lease, nowMs: number): boolean {
  return nowMs - readAtMs > leaseMs;
}
