import { LoadlineError } from '../../base/errors.ts';
import { type Backoff, backoffMs, type Random } from '../../base/units/index.ts';
import type { PushClient } from '../admin/index.ts';
import type { PushAnswer, PushRefusal, SignalLog, Timers } from '../signals/index.ts';
import type { Outbox } from './outbox.ts';

export type PushLoopOptions = {
  readonly intervalMs: number;
  readonly clock: () => number;
  readonly random: Random;
  readonly timers: Timers;
  readonly log: SignalLog;
  readonly outbox: Outbox;
  /** A new stream. */
  readonly connect: () => PushClient;
  /** Called before each message: brings the outbox up to date and says what cannot be read. */
  readonly gather: () => readonly string[];
};

/** A server that restarts is found again well within a lease; a fleet of agents does not all come at once. */
const BACKOFF: Backoff = { baseMs: 500, maxMs: 5000 };
/** A lease should outlive two words that are lost. */
const WORDS_PER_LEASE = 3;

/** Pushes once an interval, one message at a time; when the stream breaks, a new one after a pause. Never gives up. */
export class PushLoop {
  readonly #options: PushLoopOptions;
  #client: PushClient | undefined;
  #cancel: () => void = () => {};
  #stopped = false;
  #failures = 0;
  #refused: ReadonlySet<string> = new Set();
  #toldLeaseMs: number | undefined;

  constructor(options: PushLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#after(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#client?.close();
  }

  #after(delayMs: number): void {
    if (!this.#stopped) this.#cancel = this.#options.timers.after(delayMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const { clock, random, intervalMs, outbox } = this.#options;
    const startedAtMs = clock();
    try {
      const problems = this.#options.gather();
      if (this.#client === undefined) {
        this.#client = this.#options.connect();
        outbox.reset();
      }
      const nowMs = clock();
      const push = { uptimeMs: nowMs, reports: outbox.next(nowMs), problems };
      const answer = await this.#client.send(push);
      if (this.#stopped) return;
      this.#answered(answer);
      this.#after(Math.max(0, intervalMs - (clock() - startedAtMs)));
    } catch (error) {
      if (this.#stopped) return;
      if (!(error instanceof LoadlineError)) throw error;
      this.#client?.close();
      this.#client = undefined;
      this.#failures += 1;
      if (this.#failures === 1) this.#options.log.warn({ error: error.message }, 'server cannot be reached');
      this.#after(backoffMs(BACKOFF, this.#failures, random));
    }
  }

  #answered(answer: PushAnswer): void {
    const { log, intervalMs, outbox } = this.#options;
    if (this.#failures > 0) log.info({ failures: this.#failures }, 'server is reached again');
    this.#failures = 0;
    outbox.answered(answer);
    const refused = new Set<string>();
    for (const refusal of answer.refusals) {
      const { reason, message } = refusal;
      const about = aboutOf(refusal);
      const key = `${reason} ${about}`;
      if (!this.#refused.has(key)) log.warn({ reason, error: `${about}: ${message}` }, 'server refuses a value');
      refused.add(key);
    }
    if (this.#refused.size > 0 && refused.size === 0) log.info({}, 'server takes everything');
    this.#refused = refused;
    const { leaseMs } = answer;
    if (leaseMs === undefined || leaseMs === this.#toldLeaseMs) return;
    this.#toldLeaseMs = leaseMs;
    if (intervalMs * WORDS_PER_LEASE > leaseMs) {
      log.warn(
        { intervalMs, leaseMs },
        'the lease is too short for the interval: one lost message and values are unknown',
      );
    }
  }
}

/** Who and what was refused: its message may have an age in it, and is told once. */
function aboutOf({ subject, metric }: PushRefusal): string {
  const who = Object.entries(subject).map(([key, value]) => `${key} ${value}`);
  return [...who, ...(metric === undefined ? [] : [metric])].join(', ');
}
