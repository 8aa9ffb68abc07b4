import { Agent } from 'node:http';
import type { Arrival } from './arrivals.ts';
import {
  type CompletionResult,
  type Failure,
  type Message,
  sendCompletion,
  type Target,
} from './completion-request.ts';
import { LatencyHistogram } from './latency-histogram.ts';

export type Lane = { readonly name: string; readonly targets: readonly Target[] };

/** How one request of one lane went. Latencies count from the scheduled arrival, so a late generator does not flatter. */
export type RequestOutcome = {
  readonly lane: string;
  readonly arrival: Arrival;
  readonly firstTokenMs?: number;
  readonly endToEndMs: number;
  readonly tokens: number;
  readonly failure?: Failure;
};

export type OpenLoopOptions = {
  /** Sorted by `atMs`. Every lane gets every arrival. */
  readonly arrivals: readonly Arrival[];
  readonly lanes: readonly Lane[];
  readonly message: (arrival: Arrival) => Message;
  readonly onOutcome: (outcome: RequestOutcome) => void;
  readonly silenceMs?: number;
  readonly nowMs?: () => number;
};

const DEFAULT_SILENCE_MS = 60_000;

/**
 * An open-loop generator: every arrival is sent at its time whatever became of earlier ones, one after the other over
 * the targets of each lane. A closed loop (so many clients, each waiting for its answer) would slow down with the
 * servers and so hide exactly the queueing that is to be seen.
 *
 * All arrivals share one timer. What it sends late is in `lagMs`: a machine without a free core shows there first.
 */
export class OpenLoop {
  readonly lagMs: LatencyHistogram = new LatencyHistogram();
  readonly #options: OpenLoopOptions;
  readonly #nowMs: () => number;
  readonly #agents: readonly (readonly Agent[])[];
  readonly #open: readonly Set<() => void>[];
  #next = 0;
  #startMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #finish: (() => void) | undefined;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#agents = options.lanes.map((lane) =>
      lane.targets.map(() => new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 256 })),
    );
    this.#open = options.lanes.map(() => new Set());
  }

  /** Arrivals sent so far, in each lane. */
  get sent(): number {
    return this.#next;
  }

  inFlight(lane: string): number {
    return this.#open[this.#options.lanes.findIndex(({ name }) => name === lane)]?.size ?? 0;
  }

  /** Starts the clock. Resolves when every request has ended, or was given up by {@link stop}. */
  run(): Promise<void> {
    this.#startMs = this.#nowMs();
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#sendDue();
    });
  }

  /** Sends nothing more; what is open goes on to its end. */
  finish(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#endWhenIdle();
  }

  /** Sends nothing more and gives up what is open, which then counts as failed. */
  stop(): void {
    this.finish();
    for (const lane of this.#open) for (const giveUp of [...lane]) giveUp();
  }

  #sendDue(): void {
    const { arrivals } = this.#options;
    const elapsedMs = this.#nowMs() - this.#startMs;
    while (this.#next < arrivals.length && arrivals[this.#next]!.atMs <= elapsedMs) {
      const arrival = arrivals[this.#next]!;
      this.lagMs.record(this.#nowMs() - this.#startMs - arrival.atMs);
      this.#sendToAllLanes(arrival, this.#next);
      this.#next += 1;
    }
    const upcoming = arrivals[this.#next];
    if (upcoming === undefined || this.#stopped) {
      this.#endWhenIdle();
      return;
    }
    this.#timer = setTimeout(() => this.#sendDue(), Math.max(1, upcoming.atMs - (this.#nowMs() - this.#startMs)));
  }

  #sendToAllLanes(arrival: Arrival, index: number): void {
    const message = this.#options.message(arrival);
    const lanes = this.#options.lanes;
    // Who is sent first alternates, so that neither lane always pays for the other's work on this thread.
    for (let step = 0; step < lanes.length; step += 1)
      this.#send((index + step) % lanes.length, arrival, index, message);
  }

  #send(laneIndex: number, arrival: Arrival, index: number, message: Message): void {
    const lane = this.#options.lanes[laneIndex]!;
    const targetIndex = index % lane.targets.length;
    const open = this.#open[laneIndex]!;
    const giveUp = sendCompletion(
      {
        target: lane.targets[targetIndex]!,
        agent: this.#agents[laneIndex]![targetIndex]!,
        message,
        silenceMs: this.#options.silenceMs ?? DEFAULT_SILENCE_MS,
        nowMs: this.#nowMs,
      },
      (result) => {
        open.delete(giveUp);
        this.#options.onOutcome(outcomeOf(lane.name, arrival, result, this.#startMs + arrival.atMs));
        this.#endWhenIdle();
      },
    );
    open.add(giveUp);
  }

  #endWhenIdle(): void {
    const allSent = this.#stopped || this.#next >= this.#options.arrivals.length;
    if (!allSent || this.#open.some((open) => open.size > 0)) return;
    for (const agents of this.#agents) for (const agent of agents) agent.destroy();
    this.#finish?.();
  }
}

function outcomeOf(lane: string, arrival: Arrival, result: CompletionResult, scheduledAtMs: number): RequestOutcome {
  return {
    lane,
    arrival,
    ...(result.firstTokenAtMs === undefined ? {} : { firstTokenMs: result.firstTokenAtMs - scheduledAtMs }),
    endToEndMs: result.endAtMs - scheduledAtMs,
    tokens: result.tokens,
    ...(result.failure === undefined ? {} : { failure: result.failure }),
  };
}
