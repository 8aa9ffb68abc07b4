/**
 * One job at a time, and a bounded number that wait: checking a large policy takes a second of the one thread that also
 * decides and pushes weights.
 */
export class WorkQueue {
  readonly #maxWaiting: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** undefined: too many wait already. */
  run<T>(job: () => Promise<T>): Promise<T> | undefined {
    if (this.#waiting >= this.#maxWaiting) return undefined;
    this.#waiting += 1;
    const done = this.#last.then(job).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = done.catch(() => undefined); // its caller hears of it
    return done;
  }
}
