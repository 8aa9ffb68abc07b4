/** How the schedule waits: the seam that lets its tests run on a clock of their own. */
export interface Timers {
  /** Calls `callback` once after `delayMs`. The returned function cancels; calling it late or twice does nothing. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Timers that do not keep the process alive. */
export const nodeTimers: Timers = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
