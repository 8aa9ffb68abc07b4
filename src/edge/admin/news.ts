/** Remembers that there is something new until somebody waits for it. */
export class News {
  #isThere = false;
  #wake: (() => void) | undefined;

  tell(): void {
    this.#isThere = true;
    this.#wake?.();
  }

  /** @throws an AbortError when the signal is aborted first */
  async come(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isThere)
      await new Promise<void>((resolve, reject) => {
        const aborted = (): void => reject(signal.reason);
        this.#wake = () => {
          signal.removeEventListener('abort', aborted);
          resolve();
        };
        signal.addEventListener('abort', aborted, { once: true });
      });
    this.#isThere = false;
    this.#wake = undefined;
  }
}
