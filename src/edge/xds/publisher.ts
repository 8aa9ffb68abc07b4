import type { Snapshot } from '../../core/snapshot/index.ts';
import type { DiscoveryStream } from './discovery-stream.ts';

/**
 * So long a turn of the event loop may take: requests that came meanwhile wait no longer. Long enough to reach a thousand
 * streams in one: answers of the first that are served between slices make the last wait.
 */
const TURN_MS = 20;
/** The clock is read once for so many streams. */
const PER_READING = 32;

/**
 * Publishes to all streams in slices, so that requests, which clients wait for, are served between two of them. A stream that
 * comes up gets what is newest then, however often was published since it was put into the queue.
 */
export class Publisher {
  readonly #snapshotOf: (stream: DiscoveryStream) => Snapshot | undefined;
  #queue: DiscoveryStream[] = [];
  #at = 0;
  #scheduled = false;
  readonly #waiters: (() => void)[] = [];

  constructor(snapshotOf: (stream: DiscoveryStream) => Snapshot | undefined) {
    this.#snapshotOf = snapshotOf;
  }

  publish(streams: Iterable<DiscoveryStream>): void {
    for (const stream of streams) {
      if (stream.queued) continue;
      stream.queued = true;
      this.#queue.push(stream);
    }
    if (!this.#scheduled) this.#slice();
  }

  /** Resolves when everybody in the queue was published to. */
  async idle(): Promise<void> {
    if (this.#queue.length > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #slice(): void {
    this.#scheduled = false;
    const untilMs = performance.now() + TURN_MS;
    while (this.#at < this.#queue.length) {
      if (this.#at % PER_READING === PER_READING - 1 && performance.now() > untilMs) break;
      const stream = this.#queue[this.#at] as DiscoveryStream;
      // Before anything can fail: those behind it must not wait for it.
      this.#at += 1;
      stream.queued = false;
      const snapshot = this.#snapshotOf(stream);
      // A group that is gone from the policy keeps what it has: nothing is ever published empty for want of a source.
      if (snapshot !== undefined) stream.publish(snapshot);
    }
    if (this.#at < this.#queue.length) {
      this.#scheduled = true;
      setImmediate(() => this.#slice());
      return;
    }
    this.#queue = [];
    this.#at = 0;
    for (const done of this.#waiters.splice(0)) done();
  }
}
