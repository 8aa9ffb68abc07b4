/** What a client asks of the engine. `outputTokens` is exact: the simulated model never stops early. */
export type EngineRequest = {
  readonly id: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
};

/**
 * What happened to one request, and when. In order: `Accepted`, `Admitted`, `Tokens` …, `Finished`; a `Preempted`
 * request is admitted again. A `Rejected` one has no other event.
 */
export type EngineEvent =
  | { readonly kind: 'Accepted' | 'Admitted' | 'Preempted' | 'Finished'; readonly id: number; readonly atMs: number }
  | {
      readonly kind: 'Rejected';
      readonly id: number;
      readonly atMs: number;
      /** `TooLong`: prompt and output together never fit into the KV cache. */
      readonly reason: 'QueueFull' | 'TooLong';
    }
  | { readonly kind: 'Tokens'; readonly id: number; readonly atMs: number; readonly count: number };

/** What acts on the engine from outside: heat, other tenants, a hang, a cold start. */
export type EngineCondition = {
  /** Factor on the profile's speed; 0 stops all progress while the metrics stay alive. */
  readonly speed: number;
  /** Share of the slots (0..1) that requests of other tenants take; one slot is always left. */
  readonly foreignLoad: number;
  /** No progress, nothing accepted, nothing counted: all numbers stand still. */
  readonly frozen: boolean;
  /** Until then nothing is accepted or produced and all numbers read zero. */
  readonly coldUntilMs: number | undefined;
};

/** What an engine's metrics would say. Requests and tokens of other tenants are in it, as on a real server. */
export type EngineLoad = {
  readonly running: number;
  readonly waiting: number;
  readonly kvRatio: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
  readonly preemptions: number;
};
