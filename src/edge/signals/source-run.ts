import { type Backoff, backoffMs, type Random } from '../../base/units/index.ts';
import type { SourceHealth } from '../../core/topology/index.ts';
import type { Admission } from './admission.ts';
import { type Collected, failed, type SignalSource } from './signal-source.ts';
import { healthAfter, untriedHealth } from './source-health.ts';
import type { Target } from './target.ts';
import type { TargetGroup } from './target-groups.ts';
import type { Timers } from './timers.ts';

/** What one try came to for one target: for the counters and durations of `/metrics`. */
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

type Member = { readonly target: Target; readonly source: SignalSource; health: SourceHealth };

/** A hanging source must not make its samples older than this by being waited for. */
const MAX_TIMEOUT_MS = 2000;
/** A large fleet takes Prometheus seconds. It says itself how old its values are, so waiting makes none look younger. */
const SERVER_MAX_TIMEOUT_MS = 10_000;
/** nvidia-smi of a machine with many GPUs takes seconds where the driver has to be loaded first. */
const PROCESS_TIMEOUT_MS = 5000;
/** How long a source may take to let go after its time-out before it is called stuck. */
const GRACE_MS = 1000;
/** Longest pause between tries of a failing endpoint: its recovery is seen within this time. */
const ENDPOINT_MAX_BACKOFF_MS = 5000;
/** A Prometheus server serves a fleet; it is spared more. */
const SERVER_MAX_BACKOFF_MS = 30_000;

/**
 * The life of what one answer serves: tries at a steady beat with a phase of its own, one at a time, slower while they fail
 * for every target. A beat that a slow try runs over is left out, not caught up. The targets are read in one burst, so that
 * their sources can share the request; each has a health of its own.
 */
export class SourceRun {
  readonly #sourceOf: (target: Target) => SignalSource;
  readonly #context: RunContext;
  /** Of the try under way and, as long as it was not needed, of those after it: to make one costs more than a beat. */
  #deadline = new AbortController();
  readonly #isServer: boolean;
  readonly #isProcess: boolean;
  #members: ReadonlyMap<string, Member> = new Map();
  #intervalMs: number;
  #cancel: () => void = () => {};
  #waiting = false;
  #stopped = false;
  #dueAtMs: number;

  constructor(group: TargetGroup, sourceOf: (target: Target) => SignalSource, context: RunContext) {
    this.#sourceOf = sourceOf;
    this.#context = context;
    this.#isServer = group.targets.some(({ kind }) => kind === 'Prometheus' || kind === 'EnginePrometheus');
    this.#isProcess = group.targets.some(({ kind }) => kind === 'NvidiaSmi');
    this.#intervalMs = group.intervalMs;
    this.#members = this.#membersOf(group);
    this.#dueAtMs = context.clock() + context.random() * group.intervalMs;
    this.#wait();
  }

  /** Takes up the targets that came and lets go those that went; the others keep their memory and health. */
  retarget(group: TargetGroup): void {
    this.#members = this.#membersOf(group);
    if (group.intervalMs === this.#intervalMs) return;
    const { clock, random } = this.#context;
    const sooner = group.intervalMs < this.#intervalMs;
    this.#intervalMs = group.intervalMs;
    if (!sooner || !this.#waiting) return;
    this.#dueAtMs = Math.min(this.#dueAtMs, clock() + random() * group.intervalMs);
    this.#cancel();
    this.#wait();
  }

  healthOf(targetKey: string): SourceHealth | undefined {
    return this.#members.get(targetKey)?.health;
  }

  /** Ends it: no further try, and what a try under way still brings is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#deadline.abort('Stopped');
  }

  #membersOf({ targets }: TargetGroup): ReadonlyMap<string, Member> {
    return new Map(
      targets.map((target) => {
        const known = this.#members.get(target.key);
        return [target.key, known ?? { target, source: this.#sourceOf(target), health: untriedHealth(target) }];
      }),
    );
  }

  /** Of the target that is best off: while the answer is good for anyone, the beat is kept for all. */
  #failuresInRow(): number {
    return Math.min(...[...this.#members.values()].map(({ health }) => health.consecutiveFailures));
  }

  #wait(): void {
    this.#waiting = true;
    const delayMs = Math.max(0, this.#dueAtMs - this.#context.clock());
    this.#cancel = this.#context.timers.after(delayMs, () => {
      this.#cancel = this.#context.admission.request(this.#failuresInRow() > 0, (leave) => this.#try(leave));
    });
  }

  #try(leave: () => void): void {
    this.#waiting = false;
    const startedAtMs = this.#context.clock();
    if (this.#deadline.signal.aborted && !this.#stopped) this.#deadline = new AbortController();
    const deadline = this.#deadline;
    const unsettled = new Set(this.#members.values());
    const report = (member: Member, collected: Collected): void => {
      if (!unsettled.delete(member)) return;
      if (unsettled.size === 0) leave();
      // A target that went while it was read is told nothing any more.
      if (this.#stopped || this.#members.get(member.target.key) !== member) return;
      const durationMs = this.#context.clock() - startedAtMs;
      member.health = healthAfter(member.health, collected, this.#context.clock());
      this.#context.settled({ target: member.target, collected, durationMs, health: member.health });
    };
    let cancel = this.#context.timers.after(this.#timeoutMs(), () => {
      deadline.abort('Timeout');
      cancel = this.#context.timers.after(GRACE_MS, () => {
        for (const member of [...unsettled]) report(member, failed('Timeout', 'hangs and cannot be interrupted'));
      });
    });
    const collecting = [...unsettled].map(async (member) => {
      report(member, await collect(member.source, startedAtMs, deadline.signal));
    });
    Promise.all(collecting).then(() => {
      cancel();
      this.#next();
    });
  }

  #next(): void {
    if (this.#stopped) return;
    const nowMs = this.#context.clock();
    const failures = this.#failuresInRow();
    if (failures > 0) {
      this.#dueAtMs = nowMs + backoffMs(this.#backoff(), failures, this.#context.random);
    } else {
      const missed = Math.max(0, Math.floor((nowMs - this.#dueAtMs) / this.#intervalMs));
      this.#dueAtMs += (missed + 1) * this.#intervalMs;
    }
    this.#wait();
  }

  #timeoutMs(): number {
    if (this.#isProcess) return PROCESS_TIMEOUT_MS;
    return Math.min(this.#intervalMs, this.#isServer ? SERVER_MAX_TIMEOUT_MS : MAX_TIMEOUT_MS);
  }

  #backoff(): Backoff {
    const longestMs = this.#isServer ? SERVER_MAX_BACKOFF_MS : ENDPOINT_MAX_BACKOFF_MS;
    return { baseMs: this.#intervalMs, maxMs: Math.max(longestMs, this.#intervalMs) };
  }
}

/** The contract says that a source never rejects; one that does is a bug that must not end its schedule. */
async function collect(source: SignalSource, nowMs: number, signal: AbortSignal): Promise<Collected> {
  try {
    return await source.collect(nowMs, signal);
  } catch (error) {
    return failed('Internal', `failed in an unforeseen way (${error instanceof Error ? error.name : typeof error})`);
  }
}
