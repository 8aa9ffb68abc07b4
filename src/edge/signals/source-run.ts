import { type Backoff, backoffMs, type Random } from '../../base/units/index.ts';
import type { SourceHealth } from '../../core/topology/index.ts';
import type { Admission } from './admission.ts';
import { type Collected, failed, type SignalSource } from './signal-source.ts';
import type { Target } from './targets.ts';
import type { Timers } from './timers.ts';

/** What one try came to: for the counters and durations of `/metrics`. */
export type CollectReport = {
  readonly target: Target;
  readonly collected: Collected;
  readonly durationMs: number;
  readonly health: SourceHealth;
};

/** What a run needs from its schedule. */
export type RunContext = {
  readonly clock: () => number;
  readonly random: Random;
  readonly timers: Timers;
  readonly admission: Admission;
  readonly settled: (report: CollectReport) => void;
};

/** A hanging source must not make its samples older than this by being waited for. */
const MAX_TIMEOUT_MS = 2000;
/** How long a source may take to let go after its time-out before it is called stuck. */
const GRACE_MS = 1000;
/** Longest pause between tries of a failing endpoint: its recovery is seen within this time. */
const ENDPOINT_MAX_BACKOFF_MS = 5000;
/** A Prometheus server serves a fleet; it is spared more. */
const SERVER_MAX_BACKOFF_MS = 30_000;

/**
 * The life of one source: tries at a steady beat with a phase of its own, one at a time, slower while they fail. A beat
 * that a slow try runs over is left out, not caught up.
 */
export class SourceRun {
  readonly target: Target;
  readonly #source: SignalSource;
  readonly #context: RunContext;
  readonly #timeoutMs: number;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  #cancel: () => void = () => {};
  #stopped = false;
  #dueAtMs: number;
  #health: SourceHealth;

  constructor(target: Target, source: SignalSource, context: RunContext) {
    this.target = target;
    this.#source = source;
    this.#context = context;
    this.#timeoutMs = Math.min(target.intervalMs, MAX_TIMEOUT_MS);
    const longestMs = target.kind === 'Prometheus' ? SERVER_MAX_BACKOFF_MS : ENDPOINT_MAX_BACKOFF_MS;
    this.#backoff = { baseMs: target.intervalMs, maxMs: Math.max(longestMs, target.intervalMs) };
    const { source: name, service, pool } = target;
    this.#health = {
      source: name,
      service,
      pool,
      lastSuccessMs: undefined,
      consecutiveFailures: 0,
      lastError: undefined,
    };
    this.#dueAtMs = context.clock() + context.random() * target.intervalMs;
    this.#wait();
  }

  get health(): SourceHealth {
    return this.#health;
  }

  /** Ends it: no further try, and what a try under way still brings is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#abort.abort('Stopped');
  }

  #wait(): void {
    const delayMs = Math.max(0, this.#dueAtMs - this.#context.clock());
    this.#cancel = this.#context.timers.after(delayMs, () => {
      this.#cancel = this.#context.admission.request(this.#health.consecutiveFailures > 0, (leave) => this.#try(leave));
    });
  }

  #try(leave: () => void): void {
    const startedAtMs = this.#context.clock();
    const deadline = new AbortController();
    let reported = false;
    const report = (collected: Collected): void => {
      leave();
      if (reported || this.#stopped) return;
      reported = true;
      const durationMs = this.#context.clock() - startedAtMs;
      this.#health = nextHealth(this.#health, collected, this.#context.clock());
      this.#context.settled({ target: this.target, collected, durationMs, health: this.#health });
    };
    let cancel = this.#context.timers.after(this.#timeoutMs, () => {
      deadline.abort('Timeout');
      cancel = this.#context.timers.after(GRACE_MS, () => report(failed('Timeout', 'hangs and cannot be interrupted')));
    });
    // A try ends by its deadline or with the run; both are one signal to the source.
    const stop = (): void => deadline.abort('Stopped');
    this.#abort.signal.addEventListener('abort', stop, { once: true });
    this.#collect(startedAtMs, deadline.signal).then((collected) => {
      cancel();
      this.#abort.signal.removeEventListener('abort', stop);
      report(collected);
      this.#next();
    });
  }

  /** The contract says that a source never rejects; one that does is a bug that must not end its schedule. */
  async #collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    try {
      return await this.#source.collect(nowMs, signal);
    } catch (error) {
      return failed('Internal', `failed in an unforeseen way (${error instanceof Error ? error.name : typeof error})`);
    }
  }

  #next(): void {
    if (this.#stopped) return;
    const nowMs = this.#context.clock();
    const { consecutiveFailures } = this.#health;
    if (consecutiveFailures > 0) {
      this.#dueAtMs = nowMs + backoffMs(this.#backoff, consecutiveFailures, this.#context.random);
    } else {
      const missed = Math.max(0, Math.floor((nowMs - this.#dueAtMs) / this.target.intervalMs));
      this.#dueAtMs += (missed + 1) * this.target.intervalMs;
    }
    this.#wait();
  }
}

function nextHealth(before: SourceHealth, collected: Collected, nowMs: number): SourceHealth {
  const { failure, samples } = collected;
  if (failure === undefined) {
    return { ...before, lastSuccessMs: nowMs, consecutiveFailures: 0, lastError: complaint(collected) };
  }
  return {
    ...before,
    lastSuccessMs: samples.length > 0 ? nowMs : before.lastSuccessMs,
    consecutiveFailures: before.consecutiveFailures + 1,
    lastError: failure.reason === 'Refused' ? (complaint(collected) ?? failure.message) : failure.message,
  };
}

/** What is wrong with a page that was read: refused values first. Undefined when nothing is. */
function complaint({ refusals, note }: Collected): string | undefined {
  const first = refusals[0];
  if (first === undefined) return note;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  return `refused: ${first.name} ${first.words}${more}`;
}
