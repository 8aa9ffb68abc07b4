/**
 * Lets a bounded number of tries run at once. Sources that fail may hold only half of the places: however many of them
 * hang until their time-out, those that answer are never kept waiting for them.
 */
export class Admission {
  readonly #places: number;
  readonly #doubtfulPlaces: number;
  readonly #waiting: Set<Entry> = new Set();
  #running = 0;
  #doubtfulRunning = 0;

  constructor(places: number) {
    this.#places = places;
    this.#doubtfulPlaces = Math.max(1, Math.floor(places / 2));
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs `enter` as soon as there is a place, at once if there is one; `enter` gets the function that gives the place
   * back. Returns a function that withdraws a request that still waits.
   */
  request(doubtful: boolean, enter: (leave: () => void) => void): () => void {
    const entry: Entry = { doubtful, enter };
    this.#waiting.add(entry);
    this.#admit();
    return () => {
      this.#waiting.delete(entry);
    };
  }

  #admit(): void {
    for (const entry of this.#waiting) {
      if (this.#running >= this.#places) return;
      if (entry.doubtful && this.#doubtfulRunning >= this.#doubtfulPlaces) continue;
      this.#waiting.delete(entry);
      this.#running++;
      if (entry.doubtful) this.#doubtfulRunning++;
      let left = false;
      entry.enter(() => {
        if (left) return;
        left = true;
        this.#running--;
        if (entry.doubtful) this.#doubtfulRunning--;
        this.#admit();
      });
    }
  }
}

type Entry = { readonly doubtful: boolean; readonly enter: (leave: () => void) => void };
