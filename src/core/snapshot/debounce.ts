export type DebounceOptions = {
  /** It is due after so much time without another change… */
  readonly quietMs: number;
  /** …or after so much time altogether. */
  readonly capMs: number;
};

/** Gathers changes that come in quick succession, but never holds one back for longer than the cap. */
export class Debounce {
  readonly #options: DebounceOptions;
  #firstMs: number | undefined;
  #lastMs = 0;

  constructor(options: DebounceOptions) {
    this.#options = options;
  }

  changed(nowMs: number): void {
    this.#firstMs ??= nowMs;
    this.#lastMs = nowMs;
  }

  /** When the changes are due; undefined without any. */
  get dueAtMs(): number | undefined {
    if (this.#firstMs === undefined) return undefined;
    return Math.min(this.#lastMs + this.#options.quietMs, this.#firstMs + this.#options.capMs);
  }

  /** The changes went out. */
  done(): void {
    this.#firstMs = undefined;
  }
}
