import { type Backoff, backoffMs, type Random } from '../../base/units/index.ts';
import type { Api } from './api-client.ts';
import { linesOf } from './lines.ts';
import { readList, readWatchEvent } from './watch-event.ts';

export interface WatchTimers {
  /** Calls `callback` once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export type ObjectWatchOptions = {
  readonly api: Api;
  /** Where objects of its kind are listed: `/api/v1/nodes`. */
  readonly path: string;
  readonly name: string;
  /** Called with what the object is now, also where it is as it was; undefined: there is none of that name. */
  readonly seen: (object: unknown) => void;
  /** Called when the API cannot be read, with words that follow "the Kubernetes API", once for each cause; undefined: it can again. */
  readonly troubled: (words: string | undefined) => void;
  readonly timers: WatchTimers;
  readonly random: Random;
};

/** Also between two watches that both went well: a server that ends each at once is not asked in a loop. */
const BACKOFF: Backoff = { baseMs: 500, maxMs: 15_000 };
/** An API server ends a watch by itself after this, or up to a fifth sooner, so that a fleet of agents does not come back at once. */
const WATCH_SEC = 300;
/** It sends a bookmark about once a minute: what says nothing for longer may be a connection that nobody told of its end. */
const SILENT_MS = 90_000;
const ANSWER_WITHIN_MS = 30_000;
/** An object has at most 1.5 MB in etcd. */
const MAX_CHARS = 4 * 1024 * 1024;
const GONE = 410;

/** What happens to every watch: its connection broke, or its version is so old that the API does not know it any more. */
class Passing extends Error {}

/**
 * Follows one object of the Kubernetes API: lists it, then watches from the version of that list, and from the newest version
 * that it has heard of whenever a watch ends. It polls nothing, and never gives up.
 */
export class ObjectWatch {
  readonly #options: ObjectWatchOptions;
  readonly #stop = new AbortController();
  /** From where to watch on; undefined: it has to be listed first. */
  #version: string | undefined;
  #failures = 0;
  #hasListed = false;
  /** As it was told. */
  #trouble: string | undefined;

  constructor(options: ObjectWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#turn();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #turn(): Promise<void> {
    try {
      if (this.#version === undefined) await this.#list();
      else await this.#watch(this.#version);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failed(error as Error);
    }
    if (this.#stop.signal.aborted) return;
    // A list is followed by its watch.
    const delayMs = this.#hasListed ? 0 : backoffMs(BACKOFF, this.#failures, this.#options.random);
    this.#hasListed = false;
    const cancel = this.#options.timers.after(delayMs, () => {
      this.#stop.signal.removeEventListener('abort', cancel);
      void this.#turn();
    });
    this.#stop.signal.addEventListener('abort', cancel, { once: true });
  }

  async #list(): Promise<void> {
    const { path, seen } = this.#options;
    const text = await this.#read(`${path}?${this.#query({ limit: '2' })}`, ANSWER_WITHIN_MS, async (body) => {
      let all = '';
      for await (const piece of body) {
        all += piece;
        if (all.length > MAX_CHARS) throw new Error(`answers more than ${MAX_CHARS} characters`);
      }
      return all;
    });
    const { items, version } = readList(text);
    this.#version = version;
    this.#hasListed = true;
    this.#well();
    seen(items[0]);
  }

  async #watch(from: string): Promise<void> {
    const { path, random, seen } = this.#options;
    const query = this.#query({
      watch: '1',
      resourceVersion: from,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.round(WATCH_SEC * (1 - random() / 5))),
    });
    await this.#read(`${path}?${query}`, SILENT_MS, async (body, alive) => {
      for await (const line of linesOf(body, MAX_CHARS)) {
        alive();
        if (line === '') continue;
        const event = readWatchEvent(line);
        if (event.kind === 'Error') throw event.code === GONE ? new Passing(event.words) : new Error(event.words);
        this.#version = event.version;
        this.#well();
        if (event.kind === 'Is') seen(event.object);
        else if (event.kind === 'Gone') seen(undefined);
      }
      this.#well();
    });
  }

  #query(more: Readonly<Record<string, string>>): URLSearchParams {
    return new URLSearchParams({ fieldSelector: `metadata.name=${this.#options.name}`, ...more });
  }

  /** Ends the request when nothing is heard for so long, from its beginning or from the last `alive`. */
  async #read<T>(
    path: string,
    silentMs: number,
    use: (body: AsyncIterable<string>, alive: () => void) => Promise<T>,
  ): Promise<T> {
    const { api, timers } = this.#options;
    const over = new AbortController();
    const end = (): void => over.abort();
    let isOpen = false;
    let isSilent = false;
    const arm = (ms: number): (() => void) =>
      timers.after(ms, () => {
        isSilent = true;
        end();
      });
    let disarm = arm(ANSWER_WITHIN_MS);
    const alive = (): void => {
      disarm();
      disarm = arm(silentMs);
    };
    this.#stop.signal.addEventListener('abort', end, { once: true });
    try {
      const answer = await api.open(path, over.signal);
      if (!answer.ok) throw answer.status === GONE ? new Passing(answer.words) : new Error(answer.words);
      isOpen = true;
      alive();
      return await use(answer.body, alive);
    } catch (error) {
      if (isSilent) throw new Error('says nothing');
      const isBroken = isOpen && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      throw isBroken ? new Passing('breaks its connection') : error;
    } finally {
      disarm();
      this.#stop.signal.removeEventListener('abort', end);
      // Whatever is left of the answer is not read.
      end();
    }
  }

  #well(): void {
    this.#failures = 0;
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#options.troubled(undefined);
  }

  /** What is known may be wrong now, and a list tells. */
  #failed(error: Error): void {
    this.#failures += 1;
    this.#version = undefined;
    if (error.message === this.#trouble || (error instanceof Passing && this.#failures === 1)) return;
    this.#trouble = error.message;
    this.#options.troubled(error.message);
  }
}
