import { contentOf, type ModelRequest, type ModelResource, type ModelResponse } from './messages.ts';
import { earliest, type Held, type Mux, type Reaction, type Watchers } from './mux.ts';

type TypeState = {
  wildcard: boolean;
  /** Watchers by name. */
  readonly names: Map<string, number>;
  readonly held: Map<string, Held>;
  readonly ttl: Map<string, number>;
  readonly added: Set<string>;
  readonly removed: Set<string>;
  /** Whether this stream has carried a request of the type. */
  asked: boolean;
};

type Ack = { readonly typeUrl: string; readonly nonce: string; readonly errorMessage?: string };

/**
 * Envoy's incremental mux (`NewGrpcMuxImpl`, `DeltaSubscriptionState`): requests leave as soon as something changed and
 * the type is not held back, answers first, then plain requests in the order in which the types were first watched.
 */
export class DeltaMux implements Mux {
  readonly #watchers: Watchers;
  readonly #types = new Map<string, TypeState>();
  readonly #holds = new Map<string, number>();
  #acks: Ack[] = [];
  #out: ModelRequest[] = [];
  #connected = false;
  #nodeSent = false;

  constructor(watchers: Watchers) {
    this.#watchers = watchers;
  }

  watch(typeUrl: string, name?: string): void {
    const state = this.#state(typeUrl);
    if (name === undefined) {
      state.wildcard = true;
    } else {
      const watchers = state.names.get(name) ?? 0;
      state.names.set(name, watchers + 1);
      // A second watcher of a name changes nothing on the wire: Envoy asks for a name once (envoy#47302).
      if (watchers > 0) return;
      state.removed.delete(name);
      state.added.add(name);
    }
    this.#send();
  }

  unwatch(typeUrl: string, name: string): void {
    const state = this.#state(typeUrl);
    const watchers = state.names.get(name) ?? 0;
    if (watchers > 1) {
      state.names.set(name, watchers - 1);
      return;
    }
    state.names.delete(name);
    // The client forgets: it has nothing of the name any more, and will need it in full (envoy#22418).
    state.held.delete(name);
    state.ttl.delete(name);
    state.added.delete(name);
    state.removed.add(name);
    this.#send();
  }

  watches(typeUrl: string, name: string): boolean {
    const state = this.#types.get(typeUrl);
    return state !== undefined && (state.wildcard || state.names.has(name));
  }

  hold(typeUrl: string): void {
    this.#holds.set(typeUrl, (this.#holds.get(typeUrl) ?? 0) + 1);
  }

  release(typeUrl: string): void {
    this.#holds.set(typeUrl, (this.#holds.get(typeUrl) ?? 0) - 1);
    this.#send();
  }

  connect(): void {
    this.#connected = true;
    this.#nodeSent = false;
    this.#acks = [];
    for (const state of this.#types.values()) state.asked = false;
    this.#send();
  }

  disconnect(): void {
    this.#connected = false;
    this.#out = [];
  }

  receive(response: ModelResponse, nowMs: number): Reaction {
    const { typeUrl, nonce } = response;
    const state = this.#types.get(typeUrl);
    if (state === undefined) return { kind: 'Dropped' };
    const message = this.#apply(state, response, nowMs);
    if (message !== undefined) this.#watchers.refused(typeUrl);
    this.#acks.push({ typeUrl, nonce, ...(message === undefined ? {} : { errorMessage: message }) });
    this.#send();
    return message === undefined ? { kind: 'Acked' } : { kind: 'Nacked', message };
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
      const names = [...state.ttl].filter(([, lapsesMs]) => lapsesMs <= nowMs).map(([name]) => name);
      if (names.length === 0) continue;
      for (const name of names) {
        state.ttl.delete(name);
        state.held.delete(name);
      }
      this.#watchers.update(typeUrl, [], names);
      types.push(typeUrl);
    }
    return types;
  }

  #apply(state: TypeState, response: ModelResponse, nowMs: number): string | undefined {
    const { typeUrl, resources, removed } = response;
    const seen = new Set<string>();
    for (const resource of resources) {
      if (seen.has(resource.name)) return `duplicate name ${resource.name} found among added/updated resources`;
      seen.add(resource.name);
      if (resource.body === undefined && !isHeartbeat(state, resource)) {
        return `type URL  embedded in an individual Any does not match the message-wide type URL ${typeUrl}`;
      }
    }
    for (const name of removed) {
      if (seen.has(name)) return `duplicate name ${name} found in the union of added+removed resources`;
      seen.add(name);
    }
    const wanted = resources.filter(({ name, body }) => body !== undefined && this.watches(typeUrl, name));
    const gone = removed.filter((name) => this.watches(typeUrl, name));
    const refusal = this.#watchers.check(typeUrl, wanted) ?? this.#watchers.update(typeUrl, wanted, gone);
    if (refusal !== undefined) return refusal;
    for (const resource of resources) {
      if (!this.watches(typeUrl, resource.name)) continue;
      if (resource.ttlMs === undefined) state.ttl.delete(resource.name);
      else state.ttl.set(resource.name, nowMs + resource.ttlMs);
      if (resource.body !== undefined) {
        state.held.set(resource.name, { version: resource.version, content: contentOf(resource) });
      }
    }
    for (const name of removed) {
      state.held.delete(name);
      state.ttl.delete(name);
    }
    return undefined;
  }

  #send(): void {
    while (this.#connected) {
      const at = this.#acks.findIndex(({ typeUrl }) => !this.#isHeld(typeUrl));
      const ack = at === -1 ? undefined : this.#acks.splice(at, 1)[0];
      const typeUrl =
        ack?.typeUrl ?? [...this.#types.keys()].find((type) => !this.#isHeld(type) && this.#isPending(type));
      if (typeUrl === undefined) return;
      this.#out.push(this.#request(typeUrl, ack));
    }
  }

  #isHeld(typeUrl: string): boolean {
    return (this.#holds.get(typeUrl) ?? 0) > 0;
  }

  #isPending(typeUrl: string): boolean {
    const state = this.#state(typeUrl);
    if (state.added.size > 0 || state.removed.size > 0) return true;
    // The first request of a stream states everything again; where nothing is wanted there is nothing to state.
    return !state.asked && (state.wildcard || state.names.size > 0);
  }

  #request(typeUrl: string, ack: Ack | undefined): ModelRequest {
    const state = this.#state(typeUrl);
    const first = !state.asked;
    state.asked = true;
    const subscribe = first ? state.names.keys() : state.added;
    const request = {
      typeUrl,
      ...(this.#nodeSent ? {} : { node: true as const }),
      nonce: ack?.nonce ?? '',
      ...(ack?.errorMessage === undefined ? {} : { errorMessage: ack.errorMessage }),
      subscribe: [...subscribe].sort(),
      unsubscribe: first ? [] : [...state.removed].sort(),
      initialVersions: first
        ? Object.fromEntries([...state.held].map(([name, { version }]) => [name, version]).sort())
        : {},
      names: [],
      versionInfo: '',
    };
    this.#nodeSent = true;
    state.added.clear();
    state.removed.clear();
    return request;
  }

  #state(typeUrl: string): TypeState {
    let state = this.#types.get(typeUrl);
    if (state === undefined) {
      state = {
        wildcard: false,
        names: new Map(),
        held: new Map(),
        ttl: new Map(),
        added: new Set(),
        removed: new Set(),
        asked: false,
      };
      this.#types.set(typeUrl, state);
    }
    return state;
  }
}

function isHeartbeat(state: TypeState, { name, version, body }: ModelResource): boolean {
  return body === undefined && state.held.get(name)?.version === version;
}
