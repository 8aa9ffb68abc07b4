import type { Resource } from '../resources/index.ts';
import { changesBetween, type TypeView } from '../snapshot/index.ts';
import { sortedByName, sortedNames } from './by-name.ts';
import { firstWithin } from './byte-budget.ts';
import { culpritsOf, hintOf } from './culprit.ts';
import { CulpritSearch } from './culprit-search.ts';
import { Heartbeats } from './heartbeats.ts';
import { type Held, resourceOf, versionOf } from './held.ts';
import type { Answer, Outgoing, Refusal } from './messages.ts';
import { type Refused, RefusedVersions } from './refused-versions.ts';
import { type Sent, Unanswered } from './unanswered.ts';

/** Responses that may be un-ACKed at once; a client that answers none of them is not sent more of the type. */
const MAX_UNANSWERED = 32;

export type Due = {
  readonly resources: readonly Resource[];
  /** They go out by themselves, to find out whether one of them is what the client refused. */
  readonly trial: boolean;
  /** Something is due that may not go yet. */
  readonly later: boolean;
};

/**
 * One type on one stream, whatever the variant: what the client wants, what it has, what it refused. How a request is read
 * and a response put together differs between delta and state of the world; those rooms work on this.
 *
 * `acked` is the truth. What was sent and not answered lies over it (`#pending`) and is taken away by a NACK, so nothing of
 * a refused response ever counts as delivered. It does not wait for one ACK before the next response (the protocol does not
 * ask for it, and a slow sidecar should get the newest weights); how much may wait unsent is the writer's concern.
 */
export class Subscription {
  readonly typeUrl: string;
  readonly names: Set<string> = new Set();
  readonly acked: Map<string, Held> = new Map();
  readonly heartbeats: Heartbeats = new Heartbeats();
  started = false;
  wildcard = false;
  /** State of the world: the wildcard came from an empty list, and another empty list keeps it. */
  legacyWildcard = false;
  /** State of the world: names that stale requests left out. */
  gaveUp: Set<string> | undefined;
  /** The client had something of the type before this stream. */
  resumed = false;
  /** The client took something of the type, on this stream or before. */
  served = false;
  /** Nonce of the newest response; kept after its ACK, so that a stale request is known as one. */
  lastNonce = '';
  answerOwed = false;
  readonly #pending = new Map<string, { readonly resource: Resource | undefined; readonly nonce: string }>();
  readonly #unanswered = new Unanswered();
  /** To be sent whatever is held: re-subscriptions, and assignments after a change of their cluster. */
  #forced: Set<string> | undefined;
  #forcedAll = false;
  /** Of what was forced, that which was sent and not taken: if it is refused, the last good version must go instead. */
  #neededAgain: Set<string> | undefined;
  #refused: RefusedVersions | undefined;
  #search: CulpritSearch | undefined;
  #toldAbsent: Set<string> | undefined;
  /** The view of which nothing is due, so that the next one need only be compared with it; and the one without losses. */
  #upsertsOf: TypeView | undefined;
  #noneGoneIn: TypeView | undefined;
  /** The view in which there is nothing to do at all, until something is heard. */
  #calmIn: TypeView | undefined;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** Nothing is due, owed, gone or sought (heartbeats apart): by far the most frequent answer, so it is asked first. */
  isSettled(view: TypeView): boolean {
    if (this.#calmIn === view) return true;
    const calm =
      this.#upsertsOf === view &&
      this.#noneGoneIn === view &&
      (this.#forced === undefined || this.#forced.size === 0) &&
      !this.searching &&
      !this.answerOwed &&
      this.#refused === undefined &&
      this.#unanswered.size < MAX_UNANSWERED;
    if (calm) this.#calmIn = view;
    return calm;
  }

  get searching(): boolean {
    return this.#search?.isOn === true;
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** What the client has once it takes everything that was sent. */
  held(name: string): Held | undefined {
    const pending = this.#pending.get(name);
    return pending === undefined ? this.acked.get(name) : pending.resource;
  }

  /** Whether the client has taken something under the name and is not about to lose it. */
  has(name: string): boolean {
    return this.acked.has(name) && this.held(name) !== undefined;
  }

  /** Names that the client has or will have. */
  heldNames(): Iterable<string> {
    if (this.#pending.size === 0) return this.acked.keys();
    const names = new Set(this.acked.keys());
    for (const [name, { resource }] of this.#pending) {
      if (resource === undefined) names.delete(name);
      else names.add(name);
    }
    return names;
  }

  /** Resources that are on their way or held, as far as they are known: what the client may be using now. */
  *inUse(): Iterable<readonly [string, Resource]> {
    for (const [name, held] of this.acked) if (typeof held === 'object') yield [name, held];
    for (const [name, { resource }] of this.#pending) if (resource !== undefined) yield [name, resource];
  }

  /** A name under which the client has, from before this stream, nobody knows what. One that was refused comes first. */
  unknownHeld(): string | undefined {
    if (!this.resumed) return undefined;
    let found: string | undefined;
    for (const [name, held] of this.acked) {
      if (typeof held === 'object') continue;
      if (this.#refused?.get(name) !== undefined) return name;
      found = name;
    }
    // In state of the world it does not even say which versions it has.
    for (const name of this.names) {
      if (this.acked.has(name) || this.#toldAbsent?.has(name)) continue;
      if (this.#refused?.get(name) !== undefined) return name;
      found = name;
    }
    return found;
  }

  refusal(name: string): Refusal | undefined {
    const refused = this.#refused?.get(name);
    if (refused === undefined) return undefined;
    const lastGood = resourceOf(this.acked.get(name));
    return { typeUrl: this.typeUrl, name, ...refused, ...(lastGood === undefined ? {} : { lastGood }) };
  }

  /** What stands refused: the version that the view has, or a removal. A refused version is remembered all the same. */
  refusals(view: TypeView): readonly Refusal[] {
    return [...(this.#refused?.all() ?? [])].flatMap(([name, { version }]) => {
      const stands = (view.get(name)?.version ?? '') === version;
      return stands ? (this.refusal(name) ?? []) : [];
    });
  }

  /** Whether this version, or (with `undefined`) the removal, was refused by the client. */
  isRefused(name: string, resource: Resource | undefined): boolean {
    return this.#refused?.is(name, resource) === true;
  }

  /** Takes over what the same client refused on an earlier stream. */
  remember(refusal: Refusal): void {
    const { name, version, message, atMs, lastGood } = refusal;
    // It has taken meanwhile what it refused once: another process, or a port that was free again.
    if (version !== '' && versionOf(this.acked.get(name)) === version) return;
    this.#note(name, { version, message, atMs });
    if (lastGood !== undefined && this.acked.get(name) === lastGood.version) this.acked.set(name, lastGood);
  }

  want(name: string): void {
    this.names.add(name);
    this.#toldAbsent?.delete(name);
    this.#unsettle();
  }

  /** Sent again even if unchanged. */
  force(name: string): void {
    this.#forced ??= new Set();
    this.#forced.add(name);
    this.#noneGoneIn = undefined;
    this.#calmIn = undefined;
  }

  forceAll(): void {
    this.#forcedAll = true;
    this.oweAnswer();
  }

  /** The client waits for an answer even if there is nothing to put into it. */
  oweAnswer(): void {
    this.answerOwed = true;
    this.#unsettle();
  }

  /** The client no longer wants the name and forgets what it has. */
  drop(name: string): void {
    this.acked.delete(name);
    this.#pending.delete(name);
    this.#forced?.delete(name);
    this.#neededAgain?.delete(name);
    this.#refused?.forget(name);
    this.#toldAbsent?.delete(name);
    this.heartbeats.delete(name);
  }

  /** The client lost what it had under the name, but still wants it. */
  lose(name: string): void {
    this.acked.delete(name);
    this.#pending.delete(name);
    this.#unsettle();
  }

  /**
   * What is due of this view, sorted by name. `allowed` says whether a resource may go now; one that may not is due later.
   * While a culprit is sought only one group at a time goes, and only after every response was answered. What is above
   * `maxBytes` is due the next time; one resource always goes.
   */
  due(view: TypeView, allowed: (resource: Resource) => boolean, maxBytes: number, nowMs: number): Due {
    if (!this.started || this.#unanswered.size >= MAX_UNANSWERED) return NOTHING_DUE;
    if (this.searching) {
      const resources = this.#nextTrial(view, allowed, nowMs);
      if (resources.length > 0 || this.searching) return { resources, trial: true, later: false };
    }
    if (this.#upsertsOf === view && !this.#forces) return NOTHING_DUE;
    if (this.#forcedAll) {
      this.#forcedAll = false;
      for (const name of view.keys()) if (this.wants(name)) this.force(name);
    }
    const resources: Resource[] = [];
    let later = false;
    for (const resource of this.#candidates(view)) {
      const has = this.held(resource.name);
      const changed = versionOf(has) !== resource.version;
      const forced = this.#forced?.has(resource.name) === true;
      // A version that the client only named is one that we know after all.
      if (!changed && typeof has === 'string') this.acked.set(resource.name, resource);
      if (!changed && !forced) continue;
      const refused = this.isRefused(resource.name, resource);
      const held = changed && !refused && !allowed(resource);
      if (held) later = true;
      if (!held && !refused) resources.push(resource);
      else if (forced && !this.#pending.has(resource.name)) {
        // The client asked again, or has nothing: the last good version stands in.
        const lastGood = resourceOf(this.acked.get(resource.name));
        if (lastGood !== undefined) resources.push(lastGood);
      }
    }
    this.#refused?.prune((name) => view.has(name) || this.names.has(name));
    const sorted = sortedByName(resources);
    const now = firstWithin(this.#apart(sorted), maxBytes);
    this.#upsertsOf = later || now.length < sorted.length ? undefined : view;
    return { resources: now, trial: false, later };
  }

  /** What was refused in an older version goes by itself, after the rest: it must not take others along again. */
  #apart(resources: readonly Resource[]): readonly Resource[] {
    const refused = this.#refused;
    if (refused === undefined || resources.length < 2) return resources;
    const trusted = resources.filter(({ name }) => !refused.hasVersion(name));
    return trusted.length > 0 ? trusted : resources.slice(0, 1);
  }

  /** Names that do not exist: `absent` were asked for and their absence was not told, `lost` the client has. Both sorted. */
  gone(view: TypeView): { readonly absent: readonly string[]; readonly lost: readonly string[] } {
    if (!this.started || this.#noneGoneIn === view || this.#unanswered.size >= MAX_UNANSWERED) return NOTHING_GONE;
    if (!this.#forces && this.#noneGoneIn !== undefined) {
      if (changesBetween(this.#noneGoneIn, view).removed.length === 0) {
        this.#noneGoneIn = view;
        return NOTHING_GONE;
      }
    }
    let absent: Set<string> | undefined;
    const isAbsent = (name: string): void => {
      if (view.has(name) || this.held(name) !== undefined) return;
      absent ??= new Set();
      absent.add(name);
    };
    for (const name of this.names) if (this.#toldAbsent?.has(name) !== true) isAbsent(name);
    // Asked again, it is told again.
    for (const name of this.#forced ?? []) isAbsent(name);
    let lost: string[] | undefined;
    const isLost = (name: string): void => {
      if (view.has(name) || !this.wants(name) || this.isRefused(name, undefined)) return;
      lost ??= [];
      lost.push(name);
    };
    for (const name of this.acked.keys()) if (this.held(name) !== undefined) isLost(name);
    for (const [name, { resource }] of this.#pending) if (resource !== undefined && !this.acked.has(name)) isLost(name);
    // Otherwise the next view is looked at in full: a name may have come and gone in between.
    this.#noneGoneIn = absent === undefined && lost === undefined ? view : undefined;
    return { absent: sortedNames(absent), lost: sortedNames(lost) };
  }

  /** What is gone from this view stays with the client: there is no way, or no good way, to take it away. */
  keepGone(view: TypeView): void {
    this.#noneGoneIn = view;
  }

  /** Books a response. To be called before it is written: an answer may race the write. */
  sent(out: Outgoing, nonce: string, nowMs: number): void {
    this.lastNonce = nonce;
    this.answerOwed = false;
    for (const resource of out.changed) {
      // It goes and comes back: what the client has is not what it had.
      const goes = this.#pending.get(resource.name);
      if (goes !== undefined && goes.resource === undefined) this.acked.delete(resource.name);
      this.#pending.set(resource.name, { resource, nonce });
      if (this.#forced?.has(resource.name) === true) {
        this.#neededAgain ??= new Set();
        this.#neededAgain.add(resource.name);
      }
    }
    for (const resource of out.resources) {
      this.#forced?.delete(resource.name);
      this.heartbeats.sent(resource, nowMs);
    }
    for (const resource of out.heartbeats) this.heartbeats.sent(resource, nowMs);
    for (const name of out.dropped) {
      this.#pending.set(name, { resource: undefined, nonce });
      this.heartbeats.delete(name);
    }
    for (const name of out.removed) {
      this.#forced?.delete(name);
      if (!this.names.has(name)) continue;
      this.#toldAbsent ??= new Set();
      this.#toldAbsent.add(name);
    }
    if (out.trial) this.#search?.sent();
    const { changed, dropped, version } = out;
    const isBeat = changed.length === 0 && dropped.length === 0;
    // A client that answers no heartbeat still gets them, but they are not all booked.
    if (isBeat && this.#unanswered.size >= MAX_UNANSWERED) return;
    this.#unanswered.add({ nonces: [nonce], sentAtMs: nowMs, changed, dropped, version });
  }

  /** What a request says about the response of its nonce; see {@link Unanswered}. */
  answer(
    nonce: string,
    errorDetail: { readonly message: string } | undefined,
    nowMs: number,
    takenVersion?: string,
  ): Answer {
    const answered = this.#unanswered.answer(nonce, errorDetail !== undefined, takenVersion);
    if (answered === undefined) return SPONTANEOUS;
    const { sent, taken, refused } = answered;
    // Nothing else is on its way: all of it at once, which is cheaper than name by name.
    if (this.#unanswered.size === 0) this.#pending.clear();
    this.#search?.answered(refused === undefined);
    for (const one of taken) this.#take(one);
    const latencyMs = nowMs - sent.sentAtMs;
    const told = { resources: sent.changed, removed: sent.dropped, latencyMs };
    if (errorDetail === undefined || refused === undefined) return { kind: 'Acked', ...told };
    const { message } = errorDetail;
    return { kind: 'Nacked', ...told, message, culprits: this.#refuse(refused, message, nowMs) };
  }

  #take(sent: Sent): void {
    if (sent.changed.length > 0) {
      this.served = true;
      this.#allowRemovals();
    }
    for (const resource of sent.changed) {
      const { name } = resource;
      this.#settle(name, sent);
      this.#neededAgain?.delete(name);
      if (!this.wants(name)) continue;
      // A version that it had before is the last good one, sent again in place of what is refused.
      if (this.#refused !== undefined && versionOf(this.acked.get(name)) !== resource.version)
        this.#refused.forget(name);
      this.acked.set(name, resource);
      // An answer may come after the name has gone from the view.
      if (this.#noneGoneIn !== undefined && !this.#noneGoneIn.has(name)) this.#unsettle();
    }
    for (const name of sent.dropped) {
      this.#settle(name, sent);
      this.acked.delete(name);
      this.#refused?.forget(name);
    }
  }

  /** Nothing of a refused response counts as delivered; what is not the culprit goes out again without it. */
  #refuse(sent: Sent, message: string, nowMs: number): readonly Resource[] {
    this.#unsettle();
    const suspects: Resource[] = [];
    for (const resource of sent.changed) {
      this.#settle(resource.name, sent);
      // Also what it does not want just now: it may want it again in the same request.
      if (versionOf(this.acked.get(resource.name)) !== resource.version) suspects.push(resource);
      else if (!this.#pending.has(resource.name) && this.#neededAgain?.has(resource.name)) this.force(resource.name);
    }
    for (const name of sent.dropped) {
      this.#settle(name, sent);
    }
    if (suspects.length === 0) {
      // Unchanged content or a removal: sending it again would go round for ever.
      for (const resource of sent.changed) this.#forced?.delete(resource.name);
      for (const name of sent.dropped) this.#note(name, { version: '', message, atMs: nowMs });
      return sent.changed.length === 1 ? sent.changed : NO_RESOURCES;
    }
    const known = suspects.filter((resource) => this.isRefused(resource.name, resource));
    const suspected = suspects.map(({ name }) => name);
    const names = culpritsOf(message, suspected);
    const culprits = suspects.filter((one) => names.includes(one.name) && !known.includes(one));
    for (const { name, version } of culprits) {
      this.#note(name, { version, message, atMs: nowMs });
      // Unless a newer version is on its way already.
      if (!this.#pending.has(name) && this.#neededAgain?.delete(name)) this.force(name);
    }
    // It was on its way when one of its members was refused: that explains it, and nothing new is learnt.
    if (culprits.length === 0 && known.length === 0 && this.#search?.explains(suspects) !== true) {
      this.#search ??= new CulpritSearch();
      this.#search.start(suspects, message, hintOf(message, suspected));
    }
    return culprits.length > 0 ? culprits : known;
  }

  /** What was on its way in this response is not any more. */
  #settle(name: string, { nonces }: Sent): void {
    if (this.#pending.size === 0) return;
    const pending = this.#pending.get(name);
    if (pending !== undefined && nonces.includes(pending.nonce)) this.#pending.delete(name);
  }

  /** A removal that was refused may be tried again after something else was taken. */
  #allowRemovals(): void {
    if (this.#refused?.forgetRemovals() === true) this.#unsettle();
  }

  #note(name: string, refused: Refused): void {
    this.#refused ??= new RefusedVersions();
    this.#refused.note(name, refused);
  }

  get #forces(): boolean {
    return this.#forced !== undefined && this.#forced.size > 0;
  }

  /** A superset of what may be due. The fast path looks only at what changed since the last settled view. */
  #candidates(view: TypeView): Iterable<Resource> {
    const settled = this.#upsertsOf;
    if (settled === undefined) return this.wildcard ? view.values() : this.#named(view);
    const changed = settled === view ? NO_RESOURCES : changesBetween(settled, view).upserts;
    if (!this.#forces) return this.wildcard ? changed : changed.filter(({ name }) => this.names.has(name));
    const candidates = new Set(changed.filter(({ name }) => this.wants(name)));
    for (const name of this.#forced ?? []) {
      const resource = view.get(name);
      if (resource !== undefined) candidates.add(resource);
    }
    return candidates;
  }

  #named(view: TypeView): readonly Resource[] {
    const resources: Resource[] = [];
    for (const name of this.names) {
      const resource = view.get(name);
      if (resource !== undefined) resources.push(resource);
    }
    return resources;
  }

  #unsettle(): void {
    this.#calmIn = undefined;
    this.#upsertsOf = undefined;
    this.#noneGoneIn = undefined;
  }

  #nextTrial(view: TypeView, allowed: (resource: Resource) => boolean, nowMs: number): readonly Resource[] {
    if (this.#unanswered.size > 0) return NO_RESOURCES;
    for (;;) {
      const openOf = (name: string): Resource | undefined => {
        const resource = this.#openOf(name, view);
        // A newer version may have to wait; then it goes its ordinary way.
        return resource !== undefined && allowed(resource) ? resource : undefined;
      };
      const step = this.#search?.next(openOf) ?? { kind: 'Over' };
      if (step.kind === 'Over') return NO_RESOURCES;
      if (step.kind === 'Try') return sortedByName([...step.resources]);
      const { name, version } = step.resource;
      this.#note(name, { version, message: step.message, atMs: nowMs });
    }
  }

  #openOf(name: string, view: TypeView): Resource | undefined {
    const resource = view.get(name);
    if (resource === undefined || !this.wants(name) || this.isRefused(name, resource)) return undefined;
    return versionOf(this.held(name)) === resource.version ? undefined : resource;
  }
}

const SPONTANEOUS: Answer = { kind: 'Spontaneous' };
const NO_RESOURCES: readonly Resource[] = [];
const NOTHING_DUE: Due = { resources: NO_RESOURCES, trial: false, later: false };
const NOTHING_GONE: ReturnType<Subscription['gone']> = { absent: [], lost: [] };
