import { type Arrival, OpenLoop, type RequestOutcome } from '../../src/lab/traffic/index.ts';

export type Load = {
  readonly outcomes: RequestOutcome[];
  /** Outcomes that were not complete, with their times in milliseconds since the start. */
  failures(): readonly { readonly atMs: number; readonly why: string }[];
  /** Requests sent so far. */
  sent(): number;
  /** Milliseconds since the start, on the clock of the outcomes' times. */
  sinceStartMs(): number;
  readonly done: Promise<void>;
  /** Sends nothing more, and resolves when what is open has ended. */
  finish(): Promise<void>;
  stop(): void;
};

/** Streams at a steady rate over the sidecars, each with a few tokens. */
export function startLoad(
  sidecars: readonly { readonly port: number }[],
  options: { readonly perSec: number; readonly seconds: number; readonly outputTokens?: number },
): Load {
  const count = options.perSec * options.seconds;
  const arrivals: Arrival[] = Array.from({ length: count }, (_, index) => ({
    atMs: (index * 1000) / options.perSec,
    promptTokens: 50,
    outputTokens: options.outputTokens ?? 8,
  }));
  const outcomes: RequestOutcome[] = [];
  const loop = new OpenLoop({
    arrivals,
    lanes: [{ name: 'lab', targets: sidecars.map(({ port }) => ({ host: '127.0.0.1', port })) }],
    message: ({ outputTokens }) => ({
      body: JSON.stringify({ model: 'm', prompt: 'hello', max_tokens: outputTokens, stream: true }),
    }),
    onOutcome: (outcome) => outcomes.push(outcome),
    silenceMs: 20_000,
  });
  const startedAt = performance.now();
  const done = loop.run();
  return {
    outcomes,
    failures: () =>
      outcomes
        .filter(({ failure }) => failure !== undefined)
        .map(({ arrival, failure }) => ({ atMs: arrival.atMs, why: `${failure?.kind} ${failure?.detail}` })),
    sent: () => loop.sent,
    sinceStartMs: () => performance.now() - startedAt,
    done,
    finish: () => {
      loop.finish();
      return done;
    },
    stop: () => loop.stop(),
  };
}
