/** What Loadline must come to on real Envoys. Bounds are wider than in virtual time: some ninety seconds of a shared machine. */
export type LiveBar = {
  readonly scenario: string;
  /** In the run of every day, which is short. */
  readonly quick?: boolean;
  /** Percent, at least. */
  readonly goodput?: number;
  /** Points more than least request beside it, at least. */
  readonly gain?: number;
  readonly pushesPerMin?: number;
  /** Of the first step, in seconds, at most. */
  readonly t50Sec?: number;
  readonly t90Sec?: number;
  /** A server dies with what it has begun: those requests are lost in either lane. */
  readonly losesRequests?: boolean;
  /** A server answers errors: of all requests, 0..1, at most this many reach a client after the retries. Elsewhere none. */
  readonly errorRatio?: number;
};

/** A difference that two runs of the same thing have too (facts: 0.64 at 16 sidecars). */
const NO_HARM = -0.7;
/**
 * Where a third of the goodput is lost in either lane, two runs of the same thing differ by more: 0.34, 0.58 and -0.81 without a
 * single push in either. That there is no push is what says that nothing is made of the signal.
 */
const SAME_WEIGHTS = { gain: -2, pushesPerMin: 0 } as const;

export const BARS: readonly LiveBar[] = [
  { scenario: 'live homogeneous M1', gain: NO_HARM, pushesPerMin: 1 },
  { scenario: 'live homogeneous M4', gain: NO_HARM, pushesPerMin: 1, quick: true },
  { scenario: 'live homogeneous M16', gain: NO_HARM, pushesPerMin: 1 },
  { scenario: 'live step M1', gain: NO_HARM },
  { scenario: 'live step M4', gain: NO_HARM, t50Sec: 6, t90Sec: 14, quick: true },
  { scenario: 'live step M16', gain: NO_HARM, t50Sec: 8, t90Sec: 14 },
  { scenario: 'live speeds M1', gain: NO_HARM },
  { scenario: 'live speeds M4', gain: 2 },
  { scenario: 'live speeds M16', gain: 8 },
  { scenario: 'live widths M1', goodput: 99, gain: 25 },
  { scenario: 'live widths M4', goodput: 99, gain: 25, quick: true },
  { scenario: 'live widths M16', goodput: 99, gain: 25 },
  { scenario: 'live widths unknown M4', goodput: 97, gain: 20 },
  { scenario: 'live foreign M4', goodput: 97.5, gain: 1 },
  { scenario: 'live foreign M16', goodput: 97, gain: 2 },
  { scenario: 'live sinkhole M4', gain: NO_HARM, errorRatio: 0.0067 },
  { scenario: 'live crash M4', gain: -1, losesRequests: true },
  { scenario: 'live cold start M4', gain: NO_HARM },
  { scenario: 'live GPU Honest, widths unknown, no engine M4', goodput: 96, gain: 20 },
  { scenario: 'live GPU Pinned, widths unknown, no engine M4', ...SAME_WEIGHTS },
  { scenario: 'live GPU Slow, widths unknown, no engine M4', ...SAME_WEIGHTS },
  { scenario: 'live headers Immediate, widths unknown, no engine M4', ...SAME_WEIGHTS },
  { scenario: 'live headers FirstToken, widths unknown, no engine M4', goodput: 96, gain: 20 },
];
