import { type Body, TYPE } from './messages.ts';
import { earliest, type Interest } from './mux.ts';

type Entry = {
  users: number;
  started: boolean;
  /** Whether nobody has to wait for it any longer: it came, was refused, or its fetch timed out. */
  ready: boolean;
  deadlineMs: number | undefined;
  body: Body | undefined;
};

/**
 * Resources that are fetched by name and shared by all who use the name: routes, extensions, secrets, runtime layers.
 * (Not assignments: of those every cluster object has a watch of its own.)
 */
export class NamedTable {
  readonly #interest: Interest;
  readonly #fetchTimeoutMs: (typeUrl: string) => number;
  readonly #types = new Map<string, Map<string, Entry>>();

  constructor(interest: Interest, fetchTimeoutMs: (typeUrl: string) => number) {
    this.#interest = interest;
    this.#fetchTimeoutMs = fetchTimeoutMs;
  }

  /** One more user. Nothing is asked for before `start`. */
  acquire(typeUrl: string, name: string): void {
    const entries = this.#entries(typeUrl);
    const entry = entries.get(name);
    if (entry !== undefined) entry.users += 1;
    else entries.set(name, { users: 1, started: false, ready: false, deadlineMs: undefined, body: undefined });
  }

  start(typeUrl: string, name: string, nowMs: number): void {
    const entry = this.#entries(typeUrl).get(name) as Entry;
    if (entry.started) return;
    entry.started = true;
    entry.deadlineMs = nowMs + this.#fetchTimeoutMs(typeUrl);
    this.#interest.watch(typeUrl, name);
  }

  release(typeUrl: string, name: string): void {
    const entries = this.#entries(typeUrl);
    const entry = entries.get(name) as Entry;
    entry.users -= 1;
    if (entry.users > 0) return;
    entries.delete(name);
    this.#interest.unwatch(typeUrl, name);
  }

  isReady(typeUrl: string, name: string): boolean {
    return this.#entries(typeUrl).get(name)?.ready === true;
  }

  allReady(typeUrl: string): boolean {
    return [...this.#entries(typeUrl).values()].every(({ ready }) => ready);
  }

  /** What came, by name. */
  bodies(typeUrl: string): ReadonlyMap<string, Body> {
    return new Map(
      [...this.#entries(typeUrl)].flatMap(([name, { body }]) => (body === undefined ? [] : [[name, body] as const])),
    );
  }

  put(typeUrl: string, name: string, body: Body): void {
    const entry = this.#entries(typeUrl).get(name);
    if (entry === undefined) return;
    entry.body = body;
    becomeReady(entry);
  }

  /**
   * A runtime layer empties and counts as answered. Of the others Envoy only stops the fetch time-out: nothing is ready,
   * so a listener that waits will wait until the resource comes. A route and a secret that are there stay.
   */
  removed(typeUrl: string, name: string): void {
    const entry = this.#entries(typeUrl).get(name);
    if (entry === undefined) return;
    entry.deadlineMs = undefined;
    if (typeUrl === TYPE.runtime || typeUrl === TYPE.extension) entry.body = undefined;
    if (typeUrl === TYPE.runtime) becomeReady(entry);
  }

  refused(typeUrl: string): void {
    for (const entry of this.#entries(typeUrl).values()) becomeReady(entry);
  }

  nextDeadlineMs(): number | undefined {
    return earliest([...this.#types.values()].flatMap((entries) => [...entries.values()].map((one) => one.deadlineMs)));
  }

  timeOut(nowMs: number): void {
    for (const entries of this.#types.values()) {
      for (const entry of entries.values()) {
        if (entry.deadlineMs !== undefined && entry.deadlineMs <= nowMs) becomeReady(entry);
      }
    }
  }

  #entries(typeUrl: string): Map<string, Entry> {
    let entries = this.#types.get(typeUrl);
    if (entries === undefined) {
      entries = new Map();
      this.#types.set(typeUrl, entries);
    }
    return entries;
  }
}

function becomeReady(entry: Entry): void {
  entry.ready = true;
  entry.deadlineMs = undefined;
}
