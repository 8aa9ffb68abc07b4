import { REMOVE_ORDER, type Resource, SEND_ORDER, TYPE_URL } from '../resources/index.ts';
import { type Snapshot, type TypeView, viewOf } from '../snapshot/index.ts';
import { receiveDelta } from './delta/receive.ts';
import { beatDelta, removeDelta, upsertDelta } from './delta/respond.ts';
import { WARMS_AT_MOST_MS, type Wait, waitOfRemoval, waitOfUpsert } from './gates.ts';
import { versionOf } from './held.ts';
import type { Answer, DeltaRequest, Outgoing, Refusal, SotwRequest, Variant } from './messages.ts';
import { isFullState } from './sotw/full-state.ts';
import type { KnownSets } from './sotw/known-sets.ts';
import { receiveSotw } from './sotw/receive.ts';
import { beatSotw, removeSotw, upsertSotw, versionOfAll } from './sotw/respond.ts';
import { Subscription } from './subscription.ts';
import { type Waiting, Waits } from './waits.ts';

/** What may go into one response: gRPC clients refuse messages above 4 MiB unless told otherwise. */
const MAX_RESPONSE_BYTES = 3 * 1024 * 1024;
/** Names that one delta response takes away: a megabyte or two. */
const MAX_REMOVED = 20_000;
/** Envoy asks for all its types in one go after a reconnect; this is for a slow network. */
const ASK_MORE_MS = 100;

export type ClientStreamOptions = {
  readonly variant: Variant;
  readonly sets: KnownSets;
  /** What the same client refused on an earlier stream; counts if it shows that it kept its state since. */
  readonly refusals?: readonly Refusal[];
  readonly maxResponseBytes?: number;
  /** Whether the stream carries several types. */
  readonly aggregated: boolean;
  /** State of the world: whether TTLs travel to this client. Without them nothing lapses, and no heartbeat is needed. */
  readonly ttlInSotw?: boolean;
  /**
   * Delta: what a client has from before this stream stays as it is, whatever its version, and is never taken away. For a
   * stand-in, which must not give anybody something older than it has.
   */
  readonly keepsHeld?: boolean;
};

/**
 * One stream of one client, as a pure state machine: requests and snapshots come in, responses come out one by one, in the
 * order that breaks nothing (make before break). No socket, no clock, and nothing of gRPC: the tests drive it with a model of
 * Envoy in virtual time.
 */
export class ClientStream {
  readonly variant: Variant;
  readonly #sets: KnownSets;
  readonly #remembered: readonly Refusal[];
  readonly #maxResponseBytes: number;
  readonly #subscriptions = new Map<string, Subscription>();
  /** In the order of sending, and of removing. */
  #upsertOrder: readonly Subscription[] = [];
  #removeOrder: readonly Subscription[] = [];
  readonly #waits = new Waits();
  readonly #aggregated: boolean;
  readonly #beats: boolean;
  readonly #keepsHeld: boolean;
  /** When a client with clusters of an earlier stream asked for them; undefined when that is long enough ago. */
  #resumedAtMs: number | undefined;
  #edsResumedAtMs: number | undefined;
  #mayBeWarming = false;
  /** Assignments of clusters that were sent before the client asked for assignments. */
  readonly #owedAssignments = new Set<string>();
  #snapshot: Snapshot | undefined;
  /** The last look found nothing to do, and nothing was heard since. */
  #calm = false;
  #beatAtMs = Number.POSITIVE_INFINITY;

  constructor(options: ClientStreamOptions) {
    this.variant = options.variant;
    this.#sets = options.sets;
    this.#aggregated = options.aggregated;
    this.#beats = options.variant === 'Delta' || options.ttlInSotw === true;
    this.#keepsHeld = options.keepsHeld === true;
    this.#remembered = options.refusals ?? [];
    this.#maxResponseBytes = options.maxResponseBytes ?? MAX_RESPONSE_BYTES;
  }

  subscription(typeUrl: string): Subscription | undefined {
    return this.#subscriptions.get(typeUrl);
  }

  get subscriptions(): readonly Subscription[] {
    return this.#upsertOrder;
  }

  /** What is held back, and why. */
  get waiting(): readonly Waiting[] {
    return this.#waits.all();
  }

  /** The snapshot to bring the client to. */
  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#calm = false;
  }

  receiveDelta(typeUrl: string, request: DeltaRequest, nowMs: number): Answer {
    const subscription = this.#subscriptionOf(typeUrl);
    const first = !subscription.started;
    const read = first && this.#keepsHeld ? this.#asCurrent(typeUrl, request) : request;
    const answer = receiveDelta(subscription, read, nowMs);
    const asks = request.subscribe.length > 0 || request.unsubscribe.length > 0;
    if (asks || first || answer.kind !== 'Acked' || !subscription.isSettled(this.view(typeUrl))) this.#calm = false;
    if (first && subscription.acked.size > 0) {
      this.#remind(subscription);
      this.#cameBack(typeUrl, nowMs);
    }
    if (first && typeUrl === TYPE_URL.endpoint) {
      for (const name of this.#owedAssignments) if (subscription.wants(name)) subscription.force(name);
      this.#owedAssignments.clear();
    }
    return answer;
  }

  receiveSotw(typeUrl: string, request: SotwRequest, nowMs: number): Answer {
    const subscription = this.#subscriptionOf(typeUrl);
    const first = !subscription.started;
    const answer = receiveSotw(subscription, request, nowMs);
    this.#calm = false;
    if (first && request.version !== '') this.#resume(subscription, request.version, nowMs);
    return answer;
  }

  view(typeUrl: string): TypeView {
    return this.#snapshot === undefined ? NOTHING : viewOf(this.#snapshot, typeUrl);
  }

  refusals(): readonly Refusal[] {
    return this.#upsertOrder.flatMap((subscription) => subscription.refusals(this.view(subscription.typeUrl)));
  }

  /**
   * The next response, or undefined when nothing may go now. `ready` says whether the transport has taken the last response of
   * the type. Whoever sends it calls `sent` before anything else.
   */
  next(nowMs: number, ready: (typeUrl: string) => boolean): Outgoing | undefined {
    if (this.#snapshot === undefined || (this.#calm && nowMs < this.#beatAtMs)) return undefined;
    if (this.#resumedAtMs !== undefined && nowMs - this.#resumedAtMs >= ASK_MORE_MS) this.#resumedAtMs = undefined;
    this.#endWarming(nowMs);
    if (this.#waits.size > 0) this.#waits.keep((waiting) => this.#stillWaits(waiting));
    let settled = true;
    for (const subscription of this.#upsertOrder) {
      const isSettled = subscription.isSettled(this.view(subscription.typeUrl));
      if (!isSettled) settled = false;
      if ((isSettled && (!this.#beats || subscription.heartbeats.isEmpty)) || !ready(subscription.typeUrl)) continue;
      const out =
        (isSettled ? undefined : this.#nextUpsert(subscription, nowMs)) ?? this.#nextBeat(subscription, nowMs);
      if (out !== undefined) return out;
    }
    if (settled) {
      this.#calmDown();
      return undefined;
    }
    for (const subscription of this.#removeOrder) {
      if (subscription.isSettled(this.view(subscription.typeUrl)) || !ready(subscription.typeUrl)) continue;
      const out = this.#nextRemoval(subscription, nowMs);
      if (out !== undefined) return out;
    }
    return undefined;
  }

  /** Books what `next` gave. The nonce must be new on this stream. */
  sent(out: Outgoing, nonce: string, nowMs: number): void {
    this.#calm = false;
    const subscription = this.#subscriptionOf(out.typeUrl);
    if (out.typeUrl === TYPE_URL.cluster) this.#assignmentsFollow(subscription, out.changed);
    subscription.sent(out, nonce, nowMs);
    if (out.version !== '' && isFullState(out.typeUrl)) this.#sets.remember(out.version, out.resources);
  }

  /** When something is due that no request and no snapshot triggers: a heartbeat, or the end of a bounded wait. */
  nextWakeMs(): number | undefined {
    if (this.#calm) return this.#beatAtMs === Number.POSITIVE_INFINITY ? undefined : this.#beatAtMs;
    let wakeMs = this.#waits.nextWakeMs();
    if (this.#resumedAtMs !== undefined) wakeMs = Math.min(this.#resumedAtMs + ASK_MORE_MS, wakeMs ?? Infinity);
    const untilAsked = (this.#edsResumedAtMs ?? 0) + ASK_MORE_MS;
    if (this.#mayBeWarming) wakeMs = Math.min(untilAsked, wakeMs ?? Infinity);
    for (const { heartbeats } of this.#beats ? this.#upsertOrder : []) {
      const dueMs = heartbeats.nextAtMs;
      if (dueMs !== undefined && (wakeMs === undefined || dueMs < wakeMs)) wakeMs = dueMs;
    }
    return wakeMs;
  }

  /** Nothing is to be done until something is heard, or a heartbeat is due. */
  #calmDown(): void {
    if (this.#waits.size > 0 || this.#resumedAtMs !== undefined || this.#mayBeWarming) return;
    this.#calm = true;
    this.#beatAtMs = Number.POSITIVE_INFINITY;
    if (!this.#beats) return;
    for (const { heartbeats } of this.#upsertOrder) {
      const dueMs = heartbeats.nextAtMs;
      if (dueMs !== undefined && dueMs < this.#beatAtMs) this.#beatAtMs = dueMs;
    }
  }

  #nextUpsert(subscription: Subscription, nowMs: number): Outgoing | undefined {
    const { typeUrl } = subscription;
    const view = this.view(typeUrl);
    const { absent, lost } = subscription.gone(view);
    const full = this.variant === 'Sotw' && isFullState(typeUrl);
    // One response says what is new and what is gone: it waits until both may be known.
    if (full && lost.length > 0 && this.#mayAskMore(nowMs)) return undefined;
    const maxBytes = full ? Number.POSITIVE_INFINITY : this.#maxResponseBytes;
    const due = subscription.due(view, (resource) => this.#mayGo(resource, nowMs), maxBytes, nowMs);
    if (this.variant === 'Delta') return upsertDelta(subscription, due, absent.slice(0, MAX_REMOVED));
    if (!full) return upsertSotw(subscription, due, absent, []);
    const mayVanish = lost.filter((name) => this.#mayVanish(typeUrl, name, nowMs));
    return upsertSotw(subscription, due, absent, mayVanish);
  }

  #nextBeat(subscription: Subscription, nowMs: number): Outgoing | undefined {
    if (!this.#beats) return undefined;
    const view = this.view(subscription.typeUrl);
    const beats = subscription.heartbeats.due(view, (name) => subscription.held(name), nowMs);
    if (beats.length === 0) return undefined;
    return this.variant === 'Sotw' ? beatSotw(subscription, beats) : beatDelta(subscription, beats);
  }

  #nextRemoval(subscription: Subscription, nowMs: number): Outgoing | undefined {
    const { typeUrl } = subscription;
    const view = this.view(typeUrl);
    const { lost } = subscription.gone(view);
    if (lost.length === 0 || subscription.searching) return undefined;
    if (this.#keepsHeld) {
      subscription.keepGone(view);
      return undefined;
    }
    // Envoy falls back to a filter's default when told of its removal, even while a listener uses it (envoy#32823): one that has
    // its listeners from here is not told. In state of the world nothing but clusters and listeners can be taken away.
    const inUse = typeUrl === TYPE_URL.extension && this.#subscriptions.has(TYPE_URL.listener);
    if (inUse || (this.variant === 'Sotw' && !isFullState(typeUrl))) {
      subscription.keepGone(view);
      return undefined;
    }
    const may = lost.filter((name) => this.#mayVanish(typeUrl, name, nowMs));
    if (may.length === 0) return undefined;
    if (this.variant === 'Delta') return removeDelta(subscription, may.slice(0, MAX_REMOVED));
    return removeSotw(subscription, may);
  }

  /**
   * A client that comes back asks for its clusters first, unless clusters of it warm: then its requests for them are paused until
   * their assignments come. It names the versions that it had before the change, so those must go again, unchanged as they are.
   */
  #endWarming(nowMs: number): void {
    if (!this.#mayBeWarming || nowMs - (this.#edsResumedAtMs ?? nowMs) < ASK_MORE_MS) return;
    this.#mayBeWarming = false;
    const eds = this.#subscriptions.get(TYPE_URL.endpoint);
    if (eds === undefined || this.#subscriptions.has(TYPE_URL.cluster)) return;
    // One that asks for nothing but endpoints has its clusters elsewhere.
    if (!this.#subscriptions.has(TYPE_URL.listener) && !this.#subscriptions.has(TYPE_URL.route)) return;
    for (const name of eds.names) eds.force(name);
  }

  #mayGo(resource: Resource, nowMs: number): boolean {
    if (resource.needs.length === 0) return true;
    const wait = this.#waitOf(resource);
    return this.#waits.over(resource.typeUrl, resource.name, wait, nowMs);
  }

  #waitOf(resource: Resource): Wait | undefined {
    return waitOfUpsert(resource, this.#subscriptions, this.view(TYPE_URL.cluster), this.#aggregated);
  }

  #mayVanish(typeUrl: string, name: string, nowMs: number): boolean {
    if (typeUrl !== TYPE_URL.cluster && typeUrl !== TYPE_URL.endpoint) return true;
    const wait = typeUrl === TYPE_URL.cluster ? this.#waitOfCluster(name, nowMs) : this.#waitForClusters(nowMs);
    return this.#waits.over(typeUrl, name, wait, nowMs);
  }

  /**
   * A client that comes back asks for one type after the other. Until it had the time to ask for its routes nothing of it may be
   * taken away that they may need.
   */
  #mayAskMore(nowMs: number): boolean {
    if (this.#resumedAtMs === undefined || nowMs - this.#resumedAtMs >= ASK_MORE_MS) return false;
    return !this.#subscriptions.has(TYPE_URL.route);
  }

  #waitOfCluster(name: string, nowMs: number): Wait | undefined {
    if (this.#mayAskMore(nowMs)) return MAY_ASK_MORE;
    const news = this.#waitForNews();
    return news?.forGood === true ? news : (waitOfRemoval(name, this.#subscriptions) ?? news);
  }

  /** Everything new must have been taken before something goes that it may replace. */
  #waitForNews(): Wait | undefined {
    let news: Wait | undefined;
    for (const { typeUrl, unanswered, searching } of this.#upsertOrder) {
      if (typeUrl === TYPE_URL.cluster || typeUrl === TYPE_URL.endpoint) continue;
      const waiting = this.#waits.of(typeUrl);
      // What waits for good keeps the old in use for good.
      if (waiting?.forGood === true) return { ...NEWS_NOT_TAKEN, forGood: true };
      if (unanswered > 0 || searching || waiting !== undefined) news = NEWS_NOT_TAKEN;
    }
    return news;
  }

  /** Assignments go after their clusters; Envoy mostly gives them up itself by then. */
  #waitForClusters(nowMs: number): Wait | undefined {
    const cds = this.#subscriptions.get(TYPE_URL.cluster);
    if (cds === undefined) {
      // One that asks for nothing but endpoints has its clusters elsewhere.
      const asksForMore = this.#subscriptions.has(TYPE_URL.listener) || this.#subscriptions.has(TYPE_URL.route);
      const mayAsk = asksForMore || nowMs - (this.#edsResumedAtMs ?? nowMs) < ASK_MORE_MS;
      return this.#edsResumedAtMs !== undefined && this.#aggregated && mayAsk ? MAY_ASK_FOR_CLUSTERS : undefined;
    }
    if (!cds.wildcard) return undefined;
    return cds.unanswered > 0 || cds.gone(this.view(TYPE_URL.cluster)).lost.length > 0 ? CLUSTERS_NOT_GONE : undefined;
  }

  #stillWaits({ typeUrl, name, gaveUp }: Waiting): boolean {
    const subscription = this.#subscriptionOf(typeUrl);
    const resource = this.view(typeUrl).get(name);
    const isRemoval = typeUrl === TYPE_URL.cluster || typeUrl === TYPE_URL.endpoint;
    if (isRemoval) return resource === undefined && subscription.held(name) !== undefined;
    if (resource === undefined || !subscription.wants(name)) return false;
    // One that went out in vain is shown until the client has what was missing.
    if (gaveUp) return this.#waitOf(resource) !== undefined;
    return versionOf(subscription.held(name)) !== resource.version;
  }

  /**
   * After every change of a cluster its assignment goes out again, even unchanged: the cluster warms until it comes. The
   * assignment of a cluster that the client does not have was lost with the old one.
   */
  #assignmentsFollow(clusters: Subscription, changed: readonly Resource[]): void {
    const eds = this.#subscriptions.get(TYPE_URL.endpoint);
    for (const cluster of changed) {
      const held = versionOf(clusters.held(cluster.name));
      // A set of state of the world carries again what is on its way already.
      if (held === cluster.version) continue;
      for (const { typeUrl, name } of cluster.needs) {
        if (typeUrl !== TYPE_URL.endpoint) continue;
        if (eds === undefined) this.#owedAssignments.add(name);
        if (eds?.wants(name) !== true) continue;
        if (held === undefined) eds.lose(name);
        eds.force(name);
      }
    }
  }

  /** As if the client had what it would be sent. */
  #asCurrent(typeUrl: string, request: DeltaRequest): DeltaRequest {
    const view = this.view(typeUrl);
    const versions = Object.entries(request.initialVersions).map(
      ([name, version]) => [name, view.get(name)?.version ?? version] as const,
    );
    return { ...request, initialVersions: Object.fromEntries(versions) };
  }

  /** A client of state of the world that reconnects says only which set it took last. */
  #resume(subscription: Subscription, version: string, nowMs: number): void {
    subscription.resumed = true;
    const { typeUrl, heartbeats } = subscription;
    this.#cameBack(typeUrl, nowMs);
    if (!isFullState(typeUrl) || !subscription.wildcard) return;
    const view = this.view(typeUrl);
    const known = versionOfAll(subscription, view) === version ? [...view.values()] : this.#sets.recall(version);
    if (known === undefined) return;
    for (const resource of known) {
      subscription.acked.set(resource.name, resource);
      if (resource.ttlMs !== undefined) heartbeats.atOnce(resource.name);
    }
    subscription.answerOwed = false;
    this.#remind(subscription);
  }

  #cameBack(typeUrl: string, nowMs: number): void {
    if (typeUrl === TYPE_URL.endpoint) {
      this.#edsResumedAtMs = nowMs;
      // In state of the world its assignments are sent in any case.
      const untold = this.variant === 'Delta' && this.#aggregated;
      this.#mayBeWarming = untold && !this.#subscriptions.has(TYPE_URL.cluster);
    }
    if (this.#aggregated && typeUrl === TYPE_URL.cluster) this.#resumedAtMs = nowMs;
  }

  #remind(subscription: Subscription): void {
    for (const refusal of this.#remembered) {
      if (refusal.typeUrl === subscription.typeUrl) subscription.remember(refusal);
    }
  }

  #subscriptionOf(typeUrl: string): Subscription {
    let subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) {
      subscription = new Subscription(typeUrl);
      this.#subscriptions.set(typeUrl, subscription);
      this.#upsertOrder = inOrder(this.#subscriptions, SEND_ORDER);
      this.#removeOrder = inOrder(this.#subscriptions, REMOVE_ORDER);
    }
    return subscription;
  }
}

/** Types that nobody knows come last. */
function inOrder(all: ReadonlyMap<string, Subscription>, order: readonly string[]): readonly Subscription[] {
  const sorted: Subscription[] = [];
  for (const typeUrl of order) {
    const subscription = all.get(typeUrl);
    if (subscription !== undefined) sorted.push(subscription);
  }
  if (sorted.length === all.size) return sorted;
  for (const subscription of all.values()) if (!order.includes(subscription.typeUrl)) sorted.push(subscription);
  return sorted;
}

const NOTHING: TypeView = new Map();
const MAY_ASK_MORE: Wait = { reason: 'the client may still ask for its routes', forGood: false };
const MAY_ASK_FOR_CLUSTERS: Wait = {
  reason: 'the client may still ask for its clusters',
  forGood: false,
  maxMs: WARMS_AT_MOST_MS,
};
const NEWS_NOT_TAKEN: Wait = { reason: 'the client has not taken everything new yet', forGood: false };
const CLUSTERS_NOT_GONE: Wait = { reason: 'its cluster is still there', forGood: false };
