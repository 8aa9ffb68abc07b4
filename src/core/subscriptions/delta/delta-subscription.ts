import type { TypeView } from '../../snapshot/index.ts';
import { culpritOf } from '../culprit.ts';
import type { Answer, DeltaRequest, Outgoing, Phase, Versioned } from './messages.ts';

/** Responses that may be un-ACKed at once; a client that answers none of them is not sent more of the type. */
const MAX_UNANSWERED = 32;
const REMOVED = '';

type Unanswered = {
  readonly sentAtMs: number;
  readonly upserts: readonly Versioned[];
  readonly removed: readonly string[];
};

/**
 * One type on one delta stream: what the client wants, what it has, what it refused. No socket and no clock: requests
 * and snapshot views come in, responses come out. The rules are those of the xDS protocol text; each branch names its.
 *
 * It does not wait for the ACK of one response before it makes the next (the protocol does not ask for it, and a slow
 * sidecar should get the newest weights); how much may wait unsent is the writer's concern.
 */
export class DeltaSubscription {
  readonly typeUrl: string;
  #started = false;
  #wildcard = false;
  readonly #names = new Set<string>();
  /** What the client has or will have once it takes everything that was sent. */
  readonly #known = new Map<string, string>();
  /** What it said it took. Basis to which a NACK returns. */
  readonly #acked = new Map<string, string>();
  /** To be sent whatever is known: re-subscriptions, and assignments after a change of their cluster. */
  readonly #forced = new Set<string>();
  /** Names that do not exist and whose absence was told. */
  readonly #toldAbsent = new Set<string>();
  /** Version of each resource that the client refused: never sent again (law 5). */
  readonly #refused = new Map<string, string>();
  /** Members of a refused response among which the culprit is not known: they go out one by one. */
  readonly #isolated: string[] = [];
  readonly #unanswered = new Map<string, Unanswered>();
  readonly #heartbeatAtMs = new Map<string, number>();
  /** The view of which all upserts were made, and the one that is settled altogether: nothing to compare until it changes. */
  #upsertsDone: TypeView | undefined;
  #settled: TypeView | undefined;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  /** Versions that the client ACKed, by name. */
  get acked(): ReadonlyMap<string, string> {
    return this.#acked;
  }

  /** Names whose current version the client refused. A version stays refused for as long as the stream lives. */
  refusedIn(view: TypeView): readonly string[] {
    return [...this.#refused.keys()].filter((name) => view.get(name)?.version === this.#refused.get(name));
  }

  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  /** Takes one request in. Subscription changes count even when the nonce is unknown (protocol: "Subscribing to Resources"). */
  receive(request: DeltaRequest, nowMs: number): Answer {
    const answer = this.#answer(request, nowMs);
    const first = !this.#started;
    this.#started = true;
    this.#settled = undefined;
    if (first) {
      for (const [name, version] of Object.entries(request.initialVersions)) {
        this.#known.set(name, version);
        this.#acked.set(name, version);
      }
      // "If the first request of the type subscribes to nothing, it is a wildcard."
      if (request.subscribe.length === 0 && request.unsubscribe.length === 0) this.#wildcard = true;
    }
    for (const name of request.subscribe) {
      if (name === '*') {
        this.#wildcard = true;
        continue;
      }
      this.#names.add(name);
      this.#toldAbsent.delete(name);
      // A name that is asked for again must be sent again: clients may have forgotten it. Not so on the first request of a
      // stream, which lists the versions that the client still holds; a TTL, though, must be re-armed (law 11).
      if (first && this.#known.has(name)) this.#heartbeatAtMs.set(name, nowMs);
      else this.#forced.add(name);
    }
    if (first) for (const name of this.#known.keys()) this.#heartbeatAtMs.set(name, nowMs);
    for (const name of request.unsubscribe) this.#unsubscribe(name);
    return answer;
  }

  /** Asks for these resources to be sent again even if unchanged (law 3: assignments after a change of their cluster). */
  force(names: readonly string[]): void {
    for (const name of names) {
      if (!this.wants(name)) continue;
      this.#forced.add(name);
      this.#settled = undefined;
    }
  }

  /**
   * The next response for this view, or undefined when there is nothing to say. In phase `Upsert` everything but the
   * removals of resources that the client holds; those come in phase `Remove` (make before break, law 4).
   * The caller sends what it gets: the books say "sent" from here on, before any ACK can race them.
   */
  next(view: TypeView, phase: Phase, nonce: string, nowMs: number): Outgoing | undefined {
    if (!this.#started || this.#unanswered.size >= MAX_UNANSWERED) return undefined;
    const single = phase === 'Upsert' ? this.#nextIsolated(view) : undefined;
    if (single === undefined && this.#settled === view && this.#forced.size === 0) return undefined;
    const upserts = single ?? (phase === 'Upsert' ? this.#dueUpserts(view) : []);
    const removed = single === undefined ? this.#dueRemovals(view, phase) : [];
    if (phase === 'Upsert') this.#upsertsDone = view;
    else if (this.#upsertsDone === view && this.#isolated.length === 0) this.#settled = view;
    if (upserts.length === 0 && removed.length === 0) return undefined;
    const resources = upserts.flatMap((name) => view.get(name) ?? []);
    for (const resource of resources) {
      this.#known.set(resource.name, resource.version);
      this.#forced.delete(resource.name);
      if (resource.ttlMs !== undefined) this.#heartbeatAtMs.set(resource.name, nowMs + resource.ttlMs / 3);
    }
    for (const name of removed) {
      this.#known.delete(name);
      this.#forced.delete(name);
      if (this.#names.has(name)) this.#toldAbsent.add(name);
    }
    this.#unanswered.set(nonce, {
      sentAtMs: nowMs,
      upserts: resources.map(({ name, version }) => ({ name, version })),
      removed,
    });
    return { resources, heartbeats: [], removed };
  }

  /** TTL resources whose heartbeat is due: name, version and TTL without a body (law 11). */
  dueHeartbeats(view: TypeView, nonce: string, nowMs: number): Outgoing | undefined {
    const heartbeats = [];
    for (const [name, dueMs] of this.#heartbeatAtMs) {
      const resource = view.get(name);
      // Not there yet, or about to be sent in full: neither is a heartbeat.
      if (resource === undefined || this.#known.get(name) !== resource.version || dueMs > nowMs) continue;
      if (resource.ttlMs === undefined) {
        this.#heartbeatAtMs.delete(name);
        continue;
      }
      heartbeats.push(resource);
      this.#heartbeatAtMs.set(name, nowMs + resource.ttlMs / 3);
    }
    if (heartbeats.length === 0) return undefined;
    this.#unanswered.set(nonce, { sentAtMs: nowMs, upserts: [], removed: [] });
    return { resources: [], heartbeats, removed: [] };
  }

  #answer(request: DeltaRequest, nowMs: number): Answer {
    const sent = request.nonce === '' ? undefined : this.#unanswered.get(request.nonce);
    if (sent === undefined) return { kind: 'Spontaneous' };
    this.#unanswered.delete(request.nonce);
    const latencyMs = nowMs - sent.sentAtMs;
    const resources = [...sent.upserts, ...sent.removed.map((name) => ({ name, version: REMOVED }))];
    // A NACK is the presence of error_detail, nothing else.
    if (request.errorDetail !== undefined) {
      const culprit = this.#refuse(sent, request.errorDetail.message);
      return {
        kind: 'Nacked',
        resources,
        latencyMs,
        message: request.errorDetail.message,
        ...(culprit === undefined ? {} : { culprit }),
      };
    }
    for (const { name, version } of sent.upserts) this.#acked.set(name, version);
    for (const name of sent.removed) this.#acked.delete(name);
    return { kind: 'Acked', resources, latencyMs };
  }

  /** Nothing of a refused response counts as delivered; what is not the culprit goes out again without it. */
  #refuse(sent: Unanswered, message: string): string | undefined {
    const names = sent.upserts.map(({ name }) => name);
    const culprit = culpritOf(message, names);
    for (const { name, version } of sent.upserts) {
      if (this.#known.get(name) === version) this.#forget(name);
      if (name === culprit) {
        this.#refused.set(name, version);
        continue;
      }
      // Forced, because it may be an unchanged assignment that a changed cluster waits for.
      this.#forced.add(name);
      if (culprit === undefined) this.#isolated.push(name);
    }
    return culprit;
  }

  #forget(name: string): void {
    const held = this.#acked.get(name);
    if (held === undefined) this.#known.delete(name);
    else this.#known.set(name, held);
  }

  #unsubscribe(name: string): void {
    if (name === '*') {
      this.#wildcard = false;
      for (const held of [...this.#known.keys()]) if (!this.#names.has(held)) this.#drop(held);
      return;
    }
    const had = this.#names.delete(name);
    // "…the server must then send the resource, or its removal": the client cannot know whether the wildcard covers it.
    if (this.#wildcard) {
      if (had) this.#forced.add(name);
    } else {
      this.#drop(name);
    }
  }

  #drop(name: string): void {
    this.#known.delete(name);
    this.#acked.delete(name);
    this.#forced.delete(name);
    this.#refused.delete(name);
    this.#toldAbsent.delete(name);
    this.#heartbeatAtMs.delete(name);
  }

  #nextIsolated(view: TypeView): string[] | undefined {
    for (let name = this.#isolated.shift(); name !== undefined; name = this.#isolated.shift()) {
      if (this.wants(name) && this.#isDue(name, view)) return [name];
    }
    return undefined;
  }

  #isDue(name: string, view: TypeView): boolean {
    const resource = view.get(name);
    if (resource === undefined || this.#refused.get(name) === resource.version) return false;
    return this.#forced.has(name) || this.#known.get(name) !== resource.version;
  }

  #dueUpserts(view: TypeView): string[] {
    const wanted = this.#wildcard ? view.keys() : this.#names.keys();
    return [...wanted].filter((name) => this.#isDue(name, view)).sort();
  }

  #dueRemovals(view: TypeView, phase: Phase): string[] {
    const due = new Set<string>();
    if (phase === 'Upsert') {
      // A name that does not exist is answered at once, so that the client does not wait for its fetch time-out.
      for (const name of this.#names) {
        if (!view.has(name) && !this.#known.has(name) && !this.#toldAbsent.has(name)) due.add(name);
      }
      for (const name of this.#forced) if (!view.has(name) && !this.#known.has(name)) due.add(name);
    } else {
      for (const name of this.#known.keys()) if (!view.has(name) && this.wants(name)) due.add(name);
    }
    return [...due].sort();
  }
}
