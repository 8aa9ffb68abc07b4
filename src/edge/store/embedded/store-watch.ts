import type { Revision, Transaction } from '../documents/document.ts';
import type { WatchEvent } from '../documents/document-store.ts';

/** What a watch reads from. */
export type WatchSource = {
  readonly newest: () => Revision;
  readonly floor: () => Revision;
  /** undefined when it is no longer there, or damaged. */
  readonly transaction: (revision: Revision) => Transaction | undefined;
};

/**
 * One reader of the transactions of a store. It holds a revision and nothing else: what is next is read from the history
 * when it is asked for, so a slow reader costs nothing, and a fast one waits for {@link wake}.
 */
export class StoreWatch implements AsyncIterableIterator<WatchEvent> {
  readonly #source: WatchSource;
  readonly #ended: () => void;
  #cursor: Revision;
  #open = true;
  readonly #waiting: (() => void)[] = [];

  constructor(source: WatchSource, after: Revision, ended: () => void) {
    this.#source = source;
    this.#cursor = after;
    this.#ended = ended;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchEvent>> {
    while (this.#open) {
      const event = this.#read();
      if (event !== undefined) return { done: false, value: event };
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<WatchEvent>> {
    this.end();
    return { done: true, value: undefined };
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ended();
    this.wake();
  }

  #read(): WatchEvent | undefined {
    const newest = this.#source.newest();
    if (this.#cursor === newest) return undefined;
    const floor = this.#source.floor();
    const next = this.#cursor + 1;
    // A reader may know a later revision than the store when the store was lost since.
    const transaction = this.#cursor < floor || this.#cursor > newest ? undefined : this.#source.transaction(next);
    if (transaction === undefined) {
      this.end();
      return { kind: 'Compacted', floor: Math.max(floor, Math.min(next, newest)) };
    }
    this.#cursor = next;
    return { kind: 'Changed', ...transaction };
  }
}
