import { type ServerProfile, STANDARD_PROFILE } from '../../src/lab/modelserver/index.ts';
import { type Arrival, OpenLoop, type RequestOutcome } from '../../src/lab/traffic/index.ts';

/** Tokens of each answer: half a second in an empty batch of the servers below, 0.8 s in a full one. */
export const TOKENS = 20;
export const SLOTS = 16;
const STEP_MS = 25;
const BEND = 0.6;

/** Small servers, so that a few dozen requests a second are a flood. */
export const SMALL_SERVER: ServerProfile = {
  ...STANDARD_PROFILE,
  slots: SLOTS,
  stepMs: STEP_MS,
  bend: BEND,
  kvTokens: SLOTS * 1900,
};

/** What so many of them finish in a second when their batches are full. */
export function capacityOf(servers: number): number {
  return (servers * SLOTS) / ((TOKENS * STEP_MS * (1 + BEND)) / 1000);
}

export type ClassLoad = {
  /** When all have been answered. */
  readonly done: Promise<void>;
  readonly loop: OpenLoop;
  /** By class, in the order of their ends. */
  readonly outcomes: ReadonlyMap<string, readonly RequestOutcome[]>;
  /** Answers that were complete, by the second in which they were. */
  readonly completed: readonly number[];
};

/** Requests of traffic classes for a while, each class evenly at its rate, whatever becomes of them. */
export function classLoad(
  port: number,
  perSec: Readonly<Record<string, number>>,
  seconds: number,
  silenceMs = 60_000,
): ClassLoad {
  const due = Object.entries(perSec)
    .flatMap(([name, rate]) =>
      Array.from({ length: Math.round(rate * seconds) }, (_, i) => ({ name, atMs: ((i + 0.5) * 1000) / rate })),
    )
    .sort((a, b) => a.atMs - b.atMs);
  const arrivals = due.map(({ atMs }): Arrival => ({ atMs, promptTokens: 20, outputTokens: TOKENS }));
  const classOf = new Map(arrivals.map((arrival, i) => [arrival, (due[i] as (typeof due)[0]).name]));
  const outcomes = new Map<string, RequestOutcome[]>(Object.keys(perSec).map((name) => [name, []]));
  const completed: number[] = [];
  const beganMs = performance.now();
  const loop = new OpenLoop({
    arrivals,
    lanes: [{ name: 'lab', targets: [{ host: '127.0.0.1', port }] }],
    message: (arrival) => ({
      body: JSON.stringify({ model: 'm', prompt: 'hello', max_tokens: TOKENS, stream: true }),
      headers: { 'x-loadline-class': classOf.get(arrival) as string },
    }),
    onOutcome: (outcome) => {
      outcomes.get(classOf.get(outcome.arrival) as string)?.push(outcome);
      if (outcome.failure !== undefined) return;
      const second = Math.floor((performance.now() - beganMs) / 1000);
      // Seconds without any count as well.
      while (completed.length <= second) completed.push(0);
      completed[second] = (completed[second] as number) + 1;
    },
    silenceMs,
  });
  return { done: loop.run(), loop, outcomes, completed };
}

/** What went wrong, in words such as `Status 503`. */
export function failuresOf(outcomes: readonly RequestOutcome[] = []): readonly string[] {
  return outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [`${failure.kind} ${failure.detail}`]));
}
