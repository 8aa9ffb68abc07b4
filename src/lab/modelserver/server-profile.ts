/** How fast and how wide an engine is. */
export type EngineProfile = {
  /** Batch limit: the most requests in execution (vLLM's `--max-num-seqs`). */
  readonly slots: number;
  /** Length of a decode step of an empty batch. One step gives every decoding request one token. */
  readonly stepMs: number;
  /** A full batch takes `1 + bend` times as long as an empty one. */
  readonly bend: number;
  /** Prompts are read one after the other, beside the decode steps. */
  readonly prefillTokensPerSec: number;
  /** Factor on the decode steps while a prompt is read, 0..1; 1: the two do not get in each other's way. */
  readonly decodeDuringPrefill: number;
  readonly kvTokens: number;
  /** Factor on both decode and prefill. */
  readonly speed: number;
  /** The most requests in the queue; one more is answered with an error. */
  readonly queueLimit: number;
  /** Tokens of one request are reported in events of at most this many. */
  readonly tokensPerEvent: number;
};

/** When the headers of a streamed answer go out: with acceptance, as most servers do it, or with the first token. */
export type HeadersMode = 'Immediate' | 'FirstToken';

export type GpuMode = 'Honest' | 'Pinned';

/** One simulated model server: its engine and what its GPU exporter says. */
export type ServerProfile = EngineProfile & {
  readonly name: string;
  /** Model name in the API and in the metrics. */
  readonly model: string;
  /** Status of the answer to a request that finds the queue full. */
  readonly queueFullStatus: 429 | 503;
  readonly headers: HeadersMode;
  /** 1: names and units of dcgm-exporter up to 4.8.4; 2: those of 4.9.0. */
  readonly dcgm: 1 | 2;
  /** `Pinned`: the duty cycle reads 100 % whatever the load, as with an always-on kernel. */
  readonly gpuMode: GpuMode;
  /** The exporter's collect interval: between two collections every value stands still. */
  readonly gpuPeriodMs: number;
  readonly gpuModel: string;
  readonly gpuMemoryMib: number;
  /** Clock at speed 1. A speed fault scales it: throttling is how a GPU slows down. */
  readonly smClockMhz: number;
};

/** KV tokens for each slot: enough for usual prompts, short for a batch of long ones. */
export const KV_TOKENS_PER_SLOT = 1900;

/** 24 slots at 40 to 80 ms a step: about 300 tokens per second when full. */
export const STANDARD_PROFILE: ServerProfile = {
  name: 'standard',
  model: 'loadline-lab',
  queueFullStatus: 503,
  headers: 'Immediate',
  slots: 24,
  stepMs: 40,
  bend: 1,
  prefillTokensPerSec: 20_000,
  decodeDuringPrefill: 1,
  kvTokens: 24 * KV_TOKENS_PER_SLOT,
  speed: 1,
  queueLimit: Number.POSITIVE_INFINITY,
  tokensPerEvent: 32,
  dcgm: 1,
  gpuMode: 'Honest',
  gpuPeriodMs: 1000,
  gpuModel: 'NVIDIA H100 80GB HBM3',
  gpuMemoryMib: 81_559,
  smClockMhz: 1980,
};

/** The profiles that can be named in a fleet file. */
export const PROFILES: Readonly<Record<string, ServerProfile>> = {
  standard: STANDARD_PROFILE,
  wide: {
    ...STANDARD_PROFILE,
    name: 'wide',
    slots: 64,
    kvTokens: 64 * KV_TOKENS_PER_SLOT,
    gpuModel: 'NVIDIA H200',
    gpuMemoryMib: 143_771,
    dcgm: 2,
  },
  slow: {
    ...STANDARD_PROFILE,
    name: 'slow',
    speed: 0.5,
    gpuModel: 'NVIDIA A100-SXM4-80GB',
    gpuMemoryMib: 81_920,
    smClockMhz: 1410,
  },
};
