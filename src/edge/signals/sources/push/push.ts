import type { Metric, Subject } from '../../../../core/topology/index.ts';

/** One message of an agent, as `proto/loadline/signals/v1/signals.proto` has it. */
export type Push = {
  /** The agent's own monotonic clock when it sent this. */
  readonly uptimeMs: number;
  readonly reports: readonly PushReport[];
  /** What the agent cannot read at the moment. */
  readonly problems: readonly string[];
};

export type PushReport = {
  readonly subject: Subject;
  /** Since it was read, when the message was sent. */
  readonly ageMs: number;
  readonly readings: readonly PushReading[];
  /** Read again, and as they were. */
  readonly unchanged: readonly PushedMetric[];
  readonly partitioned: boolean;
};

export type PushReading = {
  readonly metric: PushedMetric;
  readonly value: number;
  /** How long it had been as it was when it was read. */
  readonly unchangedForMs: number;
};

/** A newer agent may name metrics that this version does not know. */
export type PushedMetric = Metric | { readonly unknown: string };

export type PushRefusalReason =
  | 'NoEndpoint'
  | 'NotAllowed'
  | 'Superseded'
  | 'Age'
  | 'Metric'
  | 'Range'
  | 'NotHeld'
  | 'Limit';

export type PushRefusal = {
  readonly subject: Subject;
  /** Absent when the whole report was refused. */
  readonly metric?: string;
  readonly reason: PushRefusalReason;
  readonly message: string;
};

export type PushAnswer = {
  /** The shortest lease of what was taken; undefined when nothing was. */
  readonly leaseMs: number | undefined;
  readonly refusals: readonly PushRefusal[];
};

/** One agent's stream. After `end` nothing more is taken from it; what it said stays until its leases are over. */
export interface PushStream {
  take(push: Push): PushAnswer;
  end(): void;
}

export type PushOpened =
  | { readonly ok: true; readonly stream: PushStream }
  | { readonly ok: false; readonly message: string };
