export type RawRecord = { readonly key: string; readonly value: string };

export type RecordRange = {
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly below: string;
  readonly limit?: number;
  readonly reverse?: boolean;
};

/**
 * Texts by key on a disk, in the order of the bytes of their keys: all that the embedded store asks of its database. One
 * owner at a time. Every method throws what the database says; nothing of a transaction that threw is there afterwards.
 */
export interface RecordFile {
  get(key: string): string | undefined;
  range(range: RecordRange): readonly RawRecord[];
  /** Only within a transaction. */
  put(key: string, value: string): void;
  /** Only within a transaction. No error when there is none. */
  delete(key: string): void;
  /** When it returns, what was put is on the disk. */
  transaction<T>(body: () => T): T;
  /** Within a transaction: undoes what the body did, and that alone, when it throws. */
  attempt<T>(body: () => T): T;
  close(): void;
}
