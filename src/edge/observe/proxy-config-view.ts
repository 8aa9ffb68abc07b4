import type { SyncStatus } from './server-view.ts';

/** What is asked about: one sidecar, and one of its types (`cds`, `eds`, …) or all. */
export type ProxyConfigTarget = { readonly node: string; readonly type?: string };

/** One resource on its way to one sidecar. A version is the hash of the content. */
export type ConfigResourceView = {
  readonly name: string;
  readonly status: SyncStatus;
  /** What it should have; absent when the policy asks for no such resource. */
  readonly wantedVersion?: string;
  /** What it has once it takes what was sent. */
  readonly sentVersion?: string;
  readonly ackedVersion?: string;
  /** `file:line:column` of the policy text that asks for it, and the revision that has it there. */
  readonly origin?: string;
  readonly revision?: string;
  /** Why it is held back, or was until it went out all the same. */
  readonly waiting?: { readonly reason: string; readonly sinceMs: number; readonly gaveUp: boolean };
  /** Envoy's words about the version that it should have. */
  readonly refusal?: { readonly message: string; readonly atMs: number };
};

export type ConfigTypeView = {
  readonly type: string;
  /** Address of the connection: an Envoy may have one for each type. */
  readonly peer: string;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  readonly resources: readonly ConfigResourceView[];
};

export type NodeConfigView = {
  readonly id: string;
  readonly group: string;
  readonly envoyVersion: string;
  readonly connectedAtMs: number;
  readonly types: readonly ConfigTypeView[];
};

/** Everything that one sidecar should have, was sent, and has ACKed. */
export type ProxyConfigView = NodeConfigView & {
  readonly nowMs: number;
  /** Policy revision in force. */
  readonly policyRevision: string;
};
