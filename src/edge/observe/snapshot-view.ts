/** Whose resources are asked for, a connected sidecar's or those of a group, and which of them. */
export type SnapshotTarget = {
  readonly node?: string;
  readonly group?: string;
  /** With a group: which Envoy asks, such as `1.38`; absent: the newest that is known. */
  readonly envoyVersion?: string;
  /** `cds`, `eds`, …; absent: all. */
  readonly type?: string;
  /** Empty: all. */
  readonly names: readonly string[];
};

/** One Envoy resource with its content. */
export type SnapshotResource = {
  readonly type: string;
  readonly name: string;
  /** Hash of the content. */
  readonly version: string;
  /** `file:line:column` of the policy text that asks for it, and the revision that has it there. */
  readonly origin?: string;
  readonly revision?: string;
  readonly ttlMs?: number;
  /** ProtoJSON with the field names of Envoy's documentation; secrets are redacted. */
  readonly content: unknown;
};

export type SnapshotHead = {
  /** '' for a group. */
  readonly node: string;
  readonly group: string;
  readonly envoyVersion: string;
  /** `Canary`: it tries a change before the others. */
  readonly track: 'Stable' | 'Canary';
  /** Policy revision in force. */
  readonly policyRevision: string;
  readonly nowMs: number;
};

/** What should be had now, in the order of sending. A server makes each resource when it is come to, a client has all of them. */
export type SnapshotView<Resources extends Iterable<SnapshotResource> = Iterable<SnapshotResource>> = SnapshotHead & {
  readonly resources: Resources;
};
