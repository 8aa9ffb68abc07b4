/** A change on its way through the sidecars, and the one before, as API, command line and page show them. */
export type RolloutView = {
  /** `null`: nothing is tried. */
  readonly running: RunningRolloutView | null;
  /** Policy revision that is tried when canaries are free; `null`: none waits. */
  readonly waiting: string | null;
  /** What canaries try that was done by hand; `null`: nothing. It and `running` are never there together. */
  readonly byHand: OperationTrialView | null;
  /** The newest that is over; undefined since the start of the server. */
  readonly last: EndedRolloutView | undefined;
};

export type RunningRolloutView = {
  /** `Policy`: another policy; `Release`: another release of Loadline, which compiles the same policy to other bytes. */
  readonly cause: 'Policy' | 'Release';
  /** Policy revision that all others have, and the one that canaries try. */
  readonly from: string;
  readonly to: string;
  readonly startedAtMs: number;
  readonly groups: readonly GroupRolloutView[];
};

/** Operations that canaries have before all others. */
export type OperationTrialView = {
  /** Their ids; none for a reader who may not view every service. */
  readonly operations: readonly string[];
  /** When the last of them was asked for: each has them try all of them anew. */
  readonly startedAtMs: number;
  readonly groups: readonly GroupRolloutView[];
};

export type GroupRolloutView = {
  readonly group: string;
  /** Sidecars of the group, canaries included. */
  readonly sidecars: number;
  /** `null`: the group has no strategy, and gets the change at once. */
  readonly holdMs: number | null;
  /** Since when all canaries have it; `null` while they do not. */
  readonly heldSinceMs: number | null;
  readonly canaries: readonly {
    readonly nodeId: string;
    readonly standing: 'Absent' | 'Waiting' | 'Synced' | 'Refused';
    readonly sinceMs: number;
  }[];
};

export type EndedRolloutView = {
  readonly cause: 'Policy' | 'Release';
  readonly from: string;
  readonly to: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: 'Passed' | 'Returned' | 'Superseded';
  /** In words; Envoy's own at the end of them when it refused something. */
  readonly why: string;
  readonly node?: string;
  /** `file:line:column` of the policy text at fault. */
  readonly origin?: string;
};
