import { type ListenerBody, TYPE } from './messages.ts';
import { earliest } from './mux.ts';
import type { NamedTable } from './named-table.ts';

export type Listener = {
  readonly name: string;
  readonly version: string;
  readonly content: string;
  readonly body: ListenerBody;
};

/**
 * Listeners as Envoy's listener manager keeps them. One goes live when all that it waits for is there; what it replaces
 * serves meanwhile, and keeps what it uses while it drains.
 */
export class ListenerTable {
  readonly #named: NamedTable;
  readonly #drainMs: number;
  readonly #live = new Map<string, Listener>();
  readonly #warming = new Map<string, Listener>();
  readonly #draining: { readonly listener: Listener; readonly untilMs: number }[] = [];

  constructor(named: NamedTable, drainMs: number) {
    this.#named = named;
    this.#drainMs = drainMs;
  }

  get live(): ReadonlyMap<string, Listener> {
    return this.#live;
  }

  get warming(): ReadonlyMap<string, Listener> {
    return this.#warming;
  }

  names(): readonly string[] {
    return [...new Set([...this.#live.keys(), ...this.#warming.keys()])];
  }

  upsert(listener: Listener, nowMs: number): void {
    const { name, content } = listener;
    const warming = this.#warming.get(name);
    if (warming?.content === content) return;
    if (this.#live.get(name)?.content === content) {
      // Back to what is live: unlike a cluster, a listener then simply drops what was warming.
      this.#warming.delete(name);
      if (warming !== undefined) this.#letGo(warming);
      return;
    }
    this.#warming.set(name, listener);
    // What both use stays; what only the old one used is let go before the new one asks for anything.
    for (const [typeUrl, need] of uses(listener)) this.#named.acquire(typeUrl, need);
    if (warming !== undefined) this.#letGo(warming);
    for (const [typeUrl, need] of uses(listener)) this.#named.start(typeUrl, need, nowMs);
  }

  remove(name: string, nowMs: number): void {
    const warming = this.#warming.get(name);
    const live = this.#live.get(name);
    this.#warming.delete(name);
    this.#live.delete(name);
    if (warming !== undefined) this.#letGo(warming);
    if (live !== undefined) this.#drain(live, nowMs);
  }

  everyOneReady(): boolean {
    return [...this.#warming.values()].every((listener) => this.#isReady(listener));
  }

  /** Makes live what waits for nothing any more. */
  settle(nowMs: number): void {
    for (const listener of [...this.#warming.values()]) {
      if (!this.#isReady(listener)) continue;
      const replaced = this.#live.get(listener.name);
      this.#warming.delete(listener.name);
      this.#live.set(listener.name, listener);
      if (replaced !== undefined) this.#drain(replaced, nowMs);
    }
  }

  nextDeadlineMs(): number | undefined {
    return earliest(this.#draining.map(({ untilMs }) => untilMs));
  }

  timeOut(nowMs: number): void {
    for (const one of [...this.#draining]) {
      if (one.untilMs > nowMs) continue;
      this.#draining.splice(this.#draining.indexOf(one), 1);
      this.#letGo(one.listener);
    }
  }

  #isReady({ body }: Listener): boolean {
    return waitsFor(body).every(([typeUrl, name]) => this.#named.isReady(typeUrl, name));
  }

  #drain(listener: Listener, nowMs: number): void {
    if (this.#drainMs > 0) this.#draining.push({ listener, untilMs: nowMs + this.#drainMs });
    else this.#letGo(listener);
  }

  #letGo(listener: Listener): void {
    for (const [typeUrl, name] of uses(listener)) this.#named.release(typeUrl, name);
  }
}

type Use = readonly [typeUrl: string, name: string];

function waitsFor({ route, secrets = [], extensions = [] }: ListenerBody): readonly Use[] {
  return [
    ...(route === undefined ? [] : [[TYPE.route, route] as Use]),
    ...extensions.map((name): Use => [TYPE.extension, name]),
    ...secrets.map((name): Use => [TYPE.secret, name]),
  ];
}

function uses({ body }: Listener): readonly Use[] {
  return [...waitsFor(body), ...(body.slots ?? []).map((name): Use => [TYPE.extension, name])];
}
