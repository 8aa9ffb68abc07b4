import type { JsonValue } from '../../base/codec/index.ts';
import type { Position } from '../../base/units/index.ts';
import type { ChangeKind, PolicyChange } from '../policy/index.ts';

/**
 * What a change of policy would do, before it is made: plain data, for a terminal, the API and programs. Lists are bounded;
 * the `more` beside a list says how many were left out.
 */
export type DryRunReport = {
  /** Revision in force; '' where there is none yet. */
  readonly from: string;
  /** Revision of the candidate; equal to `from` when both mean the same. */
  readonly to: string;
  /** What changes in the policy's own words. */
  readonly policy: Bounded<PolicyChange>;
  /** What changes for Envoys: one entry for all snapshots that change in the same way. */
  readonly snapshots: Bounded<SnapshotChange>;
  /** What each kind of push that it causes costs the sidecars that get it; the dearest first. */
  readonly pushes: readonly PushCost[];
  /** What the first tick after the change would decide, against what it would decide without it; the largest moves first. */
  readonly weights: Bounded<WeightMove>;
  readonly shrink: Shrink;
  readonly verdict: Verdict;
};

export type Bounded<T> = { readonly items: readonly T[]; readonly more: number };

/** Envoys that get the same bytes, but for where those listen that share a host. */
export type Receiver = {
  /** '' for those that take only endpoints and are in no group. */
  readonly group: string;
  /** Release band, `1.40`. */
  readonly release: string;
  /** Listeners whose addresses they choose themselves: no change of policy moves those. */
  readonly ownListeners: readonly string[];
  readonly endpointsOnly: boolean;
  /** How many are connected; none: it is told for the case that one comes. */
  readonly nodeCount: number;
  /** Ids of some of them. */
  readonly nodes: readonly string[];
};

export type SnapshotChange = {
  readonly receivers: readonly Receiver[];
  readonly resources: Bounded<ResourceChange>;
};

export type ResourceChange = {
  readonly change: ChangeKind;
  /** `cds`, `eds`, `lds`, `rds`, `rtds`, `sds` or `ecds`. */
  readonly type: string;
  readonly name: string;
  /** Where the policy asks for it: the new text, or the old one for what is removed. */
  readonly position?: Position;
  /** What differs in a changed one. */
  readonly fields: Bounded<FieldChange>;
};

/** One field of an Envoy message: ProtoJSON with the names of the .proto files. */
export type FieldChange = {
  /** `outlier_detection.interval`, `endpoints[].lb_endpoints[10.0.0.1:8000].load_balancing_weight`. */
  readonly path: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
};

/** `Disruptive`: clients or learned state may lose something; `Noticeable`: something starts anew; `None`: nobody sees it. */
export type PushEffect = 'Disruptive' | 'Noticeable' | 'None';

export type PushCost = {
  readonly type: string;
  readonly change: ChangeKind;
  readonly effect: PushEffect;
  /** A sentence without a full stop. */
  readonly cost: string;
  /** Where that was measured. */
  readonly source: string;
  /** Names of the resources, each once. */
  readonly resources: Bounded<string>;
  /** Connected sidecars that get it. */
  readonly nodeCount: number;
};

export type EndpointWeight = { readonly weight: number; readonly share: number };

export type WeightMove = {
  readonly service: string;
  readonly endpoint: string;
  /** Absent: it is new. */
  readonly before?: EndpointWeight;
  /** Absent: it is removed. */
  readonly after?: EndpointWeight;
};

export type ShrinkCount = { readonly before: number; readonly after: number; readonly removed: number };

/** How much of what is there a change takes away. */
export type Shrink = {
  readonly endpoints: ShrinkCount;
  readonly clusters: ShrinkCount;
  /** The larger of the two shares that go: 0..1. */
  readonly removedRatio: number;
};

/** `Require`: nothing is published that no Envoy has seen; `Prefer`: only where one is at hand. */
export type ValidateMode = 'Require' | 'Prefer' | 'Disabled';

/** What a real Envoy says of what it would be sent. */
export type Verdict = {
  readonly mode: ValidateMode;
  /** `NotAsked`: no Envoy gave an answer; `reason` says why. */
  readonly outcome: 'Accepted' | 'Refused' | 'NotAsked';
  /** Whether the mode lets the change be published. */
  readonly publishable: boolean;
  /** Why it was not asked, or what the verdict leaves out; '' where there is nothing to say. */
  readonly reason: string;
  readonly checks: readonly VerdictCheck[];
};

/** One snapshot, judged by one Envoy. */
export type VerdictCheck = {
  readonly group: string;
  /** Release band that the snapshot is made for. */
  readonly release: string;
  /** Version of the Envoy that judged it: `1.40.0`. */
  readonly envoy: string;
  /** `NoAnswer`: it did not answer the question in time. */
  readonly outcome: 'Accepted' | 'Refused' | 'NoAnswer';
  /** Known from an earlier question about the same bytes. */
  readonly cached: boolean;
  /** Of a refusal one, which is Envoy's first. */
  readonly problems: readonly EnvoyProblem[];
};

export type EnvoyProblem = {
  /** Envoy's own words, bounded. */
  readonly message: string;
  /** The resource that they are about, where that can be told. */
  readonly resource?: { readonly type: string; readonly name: string };
  /** Where the policy asks for that resource. */
  readonly position?: Position;
};
