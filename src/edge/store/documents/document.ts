import type { Issue } from '../../../base/units/index.ts';

/**
 * Counts the write transactions of a store, as etcd's revision does: each one that changes something raises it by one, and
 * it never comes twice, also not after damage. 0 is the empty store.
 */
export type Revision = number;

export type DocumentKey = { readonly kind: string; readonly name: string };

/** Who wrote it, why and when: the same for all documents of one transaction. */
export type Authorship = {
  /** The authenticated identity, or `local`. */
  readonly author: string;
  readonly reason: string;
  readonly atMs: number;
};

export type Document = DocumentKey &
  Authorship & {
    /** The text as its author wrote it, with her comments. */
    readonly content: string;
    /** What she called the file it came from, for positions in messages. */
    readonly file: string | undefined;
    /** Where the content begins in that file, from 1. */
    readonly line: number;
    /** Of the transaction that gave it this content: what a conditional write compares. */
    readonly revision: Revision;
    /** Of the transaction that created it; a document that was deleted and comes again is a new one. */
    readonly created: Revision;
  };

/** One document in one transaction. */
export type Version = DocumentKey &
  Authorship & {
    readonly revision: Revision;
    readonly created: Revision;
    /** `Lost`: it was damaged. Only `Put` has a content. */
    readonly operation: 'Put' | 'Delete' | 'Lost';
    readonly content: string | undefined;
    readonly file: string | undefined;
    readonly line: number;
  };

/** Everything that one transaction changed: what a watcher sees, whole. */
export type Transaction = { readonly revision: Revision; readonly versions: readonly Version[] };

/** A record that cannot be believed any more: it was moved aside, and the rest is served. */
export type Damage = {
  /** Name of the record: `document/ModelService/chat`. */
  readonly record: string;
  /** The document of which nothing whole is left, when it is one. */
  readonly document?: DocumentKey;
  readonly reason: string;
  readonly atMs: number;
};

/** All documents of one moment. */
export type DocumentList = {
  readonly revision: Revision;
  readonly documents: readonly Document[];
  /** Documents that exist and cannot be read: who publishes the list must not take them for deleted. */
  readonly damaged: readonly Damage[];
};

export type Change =
  | (DocumentKey & {
      readonly operation: 'Put';
      readonly content: string;
      readonly file?: string;
      /** Where the content begins in that file; 1 when absent. */
      readonly line?: number;
      /** The document's revision must be this one, 0: it must not exist; undefined: whatever it is. */
      readonly expected?: Revision;
    })
  | (DocumentKey & { readonly operation: 'Delete'; readonly expected?: Revision });

/** The right to write, as {@link Lease} gives it: a store refuses who has lost it in the meantime. */
export type Fence = { readonly lease: string; readonly token: number };

export type WriteRequest = {
  /** Verb for the audit trail: `Apply`, `Delete`, `Rollback`. */
  readonly action: string;
  readonly author: string;
  readonly reason: string;
  /** All of them are done, or none. At most one for each document. */
  readonly changes: readonly Change[];
  /** The store's revision must be this one: the changes were checked together with everything that it held then. */
  readonly atRevision?: Revision;
  /** Chosen by the caller, so that a repeated call is done once. It belongs to its author. */
  readonly idempotencyKey?: string;
  /** What the caller has asked for, where the changes follow from it: a repeated call is told by this, else by its changes. */
  readonly asked?: string;
  readonly fence?: Fence;
};

export type Conflict = DocumentKey & {
  readonly expected: Revision;
  /** 0: it does not exist. */
  readonly actual: Revision;
  /** undefined when it does not exist, or cannot be read. */
  readonly current: Document | undefined;
};

export type WriteOutcome =
  | {
      readonly kind: 'Written';
      /** Of this transaction; of the store when nothing was to be changed. */
      readonly revision: Revision;
      readonly changed: readonly (DocumentKey & { readonly operation: 'Put' | 'Delete' })[];
      /** Documents that had this content, or were absent, already: they keep their revision; where they stand is noted anew. */
      readonly unchanged: readonly DocumentKey[];
      /** Done by an earlier call with the same idempotency key. */
      readonly replayed: boolean;
    }
  /** No conflict of a document: the store is no longer `atRevision`. */
  | { readonly kind: 'Conflict'; readonly revision: Revision; readonly conflicts: readonly Conflict[] }
  /** The idempotency key was used for something else, at this revision. */
  | { readonly kind: 'KeyReused'; readonly revision: Revision }
  | { readonly kind: 'Fenced'; readonly holder: string | undefined }
  | { readonly kind: 'Refused'; readonly issues: readonly Issue[] };
