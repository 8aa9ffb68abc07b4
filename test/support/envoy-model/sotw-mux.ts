import { contentOf, type ModelRequest, type ModelResource, type ModelResponse } from './messages.ts';
import { earliest, type Held, type Mux, paused, type Reaction, type Watchers } from './mux.ts';

type TypeState = {
  wildcard: boolean;
  /** Watchers by name. */
  readonly names: Map<string, number>;
  /** Whether the type was ever watched. A type that was only held back is known but not asked for. */
  subscribed: boolean;
  /** Of the last response that was accepted; outlives the stream. */
  versionInfo: string;
  /** Of the last response, accepted or not. */
  nonce: string;
  errorMessage: string | undefined;
  holds: number;
  pending: boolean;
  readonly held: Map<string, Held>;
  readonly ttl: Map<string, number>;
};

/**
 * Envoy's state-of-the-world mux (`GrpcMuxImpl`): every change of a watcher says all names again, with the nonce and the
 * version of the last response. A repeated request with the same names is therefore normal, and so is an empty one for a
 * type that nobody watches any more.
 */
export class SotwMux implements Mux {
  readonly #watchers: Watchers;
  readonly #types = new Map<string, TypeState>();
  #out: ModelRequest[] = [];
  #connected = false;
  #nodeSent = false;

  constructor(watchers: Watchers) {
    this.#watchers = watchers;
  }

  watch(typeUrl: string, name?: string): void {
    const state = this.#state(typeUrl);
    if (name === undefined) state.wildcard = true;
    else state.names.set(name, (state.names.get(name) ?? 0) + 1);
    if (!state.subscribed) {
      state.subscribed = true;
      // The order of the first watch is the order after a reconnect, and holding back is no watch.
      this.#types.delete(typeUrl);
      this.#types.set(typeUrl, state);
    }
    this.#queue(typeUrl);
  }

  unwatch(typeUrl: string, name: string): void {
    const state = this.#state(typeUrl);
    const watchers = state.names.get(name) ?? 0;
    if (watchers > 1) state.names.set(name, watchers - 1);
    else {
      state.names.delete(name);
      state.held.delete(name);
      state.ttl.delete(name);
    }
    this.#queue(typeUrl);
  }

  watches(typeUrl: string, name: string): boolean {
    const state = this.#types.get(typeUrl);
    return state !== undefined && (state.wildcard || state.names.has(name));
  }

  hold(typeUrl: string): void {
    this.#state(typeUrl).holds += 1;
  }

  release(typeUrl: string): void {
    const state = this.#state(typeUrl);
    state.holds -= 1;
    if (state.holds > 0 || !state.pending || !state.subscribed) return;
    state.pending = false;
    this.#queue(typeUrl);
  }

  connect(): void {
    this.#connected = true;
    this.#nodeSent = false;
    for (const [typeUrl, state] of this.#types) {
      state.nonce = '';
      if (state.subscribed) this.#queue(typeUrl);
    }
  }

  disconnect(): void {
    this.#connected = false;
    this.#out = [];
  }

  receive(response: ModelResponse, nowMs: number): Reaction {
    const { typeUrl, nonce, resources, versionInfo } = response;
    const state = this.#types.get(typeUrl);
    if (state === undefined || !state.subscribed) return { kind: 'Dropped' };
    if (!state.wildcard && state.names.size === 0) {
      state.nonce = nonce;
      // Neither ACK nor NACK: the old version under the new nonce, and not even that when there is nothing to ignore.
      if (resources.length > 0) this.#queue(typeUrl);
      else state.versionInfo = versionInfo;
      return { kind: 'Dropped' };
    }
    return paused(this, [typeUrl], () => {
      const message = this.#apply(state, response, nowMs);
      state.nonce = nonce;
      if (message === undefined) state.versionInfo = versionInfo;
      else {
        this.#watchers.refused(typeUrl);
        state.errorMessage = message;
      }
      this.#queue(typeUrl);
      return message === undefined ? { kind: 'Acked' } : { kind: 'Nacked', message };
    });
  }

  take(): ModelRequest[] {
    return this.#out.splice(0);
  }

  held(typeUrl: string): ReadonlyMap<string, Held> {
    return this.#types.get(typeUrl)?.held ?? new Map();
  }

  nextLapseMs(): number | undefined {
    return earliest([...this.#types.values()].flatMap((state) => [...state.ttl.values()]));
  }

  lapse(nowMs: number): readonly string[] {
    const types: string[] = [];
    for (const [typeUrl, state] of this.#types) {
      const lapsed = [...state.ttl].filter(([, lapsesMs]) => lapsesMs <= nowMs).map(([name]) => name);
      if (lapsed.length === 0) continue;
      for (const name of lapsed) {
        state.ttl.delete(name);
        state.held.delete(name);
      }
      this.#watchers.update(
        typeUrl,
        [],
        lapsed.filter((name) => this.watches(typeUrl, name)),
      );
      types.push(typeUrl);
    }
    return types;
  }

  #apply(state: TypeState, response: ModelResponse, nowMs: number): string | undefined {
    const { typeUrl, versionInfo } = response;
    // A heartbeat has no body and the version_info of before (that in the resource itself does not count). Measured: it
    // is dropped before its TTL is looked at. Without a body under another version_info it is an empty message.
    const resources = response.resources.filter(({ body }) => body !== undefined || versionInfo !== state.versionInfo);
    const full = resources.filter(({ body }) => body !== undefined);
    const refusal = this.#watchers.check(typeUrl, full);
    if (refusal !== undefined) return refusal;
    for (const { name, ttlMs } of resources) {
      if (ttlMs === undefined) state.ttl.delete(name);
      else state.ttl.set(name, nowMs + ttlMs);
    }
    const empty = resources.find(({ name, body }) => body === undefined && this.watches(typeUrl, name));
    if (empty !== undefined) return `Unexpected ${typeUrl} (expecting ${empty.name}): `;
    const message = state.wildcard
      ? this.#watchers.replace(typeUrl, full)
      : this.#watchers.update(typeUrl, this.#wanted(state, full), []);
    if (message !== undefined) return message;
    if (state.wildcard) state.held.clear();
    for (const resource of full) {
      if (!this.watches(typeUrl, resource.name)) continue;
      state.held.set(resource.name, { version: resource.version, content: contentOf(resource) });
    }
    return undefined;
  }

  /** The watched ones; of a repeated name only the first counts. */
  #wanted(state: TypeState, resources: readonly ModelResource[]): readonly ModelResource[] {
    const first = new Map<string, ModelResource>();
    for (const resource of resources) {
      if (state.names.has(resource.name) && !first.has(resource.name)) first.set(resource.name, resource);
    }
    return [...first.values()];
  }

  #queue(typeUrl: string): void {
    const state = this.#state(typeUrl);
    if (!this.#connected) return;
    if (state.holds > 0) {
      state.pending = true;
      return;
    }
    this.#out.push({
      typeUrl,
      ...(this.#nodeSent ? {} : { node: true as const }),
      nonce: state.nonce,
      ...(state.errorMessage === undefined ? {} : { errorMessage: state.errorMessage }),
      subscribe: [],
      unsubscribe: [],
      initialVersions: {},
      names: [...state.names.keys()].sort(),
      versionInfo: state.versionInfo,
    });
    this.#nodeSent = true;
    state.errorMessage = undefined;
  }

  #state(typeUrl: string): TypeState {
    let state = this.#types.get(typeUrl);
    if (state === undefined) {
      state = {
        wildcard: false,
        names: new Map(),
        subscribed: false,
        versionInfo: '',
        nonce: '',
        errorMessage: undefined,
        holds: 0,
        pending: false,
        held: new Map(),
        ttl: new Map(),
      };
      this.#types.set(typeUrl, state);
    }
    return state;
  }
}
