/** Where a piece of policy text stands. Lines and columns count from 1. */
export type Position = { readonly file: string; readonly line: number; readonly column: number };

/** One thing wrong (or worth a warning) with input. `path` is dotted: `spec.pools[0].endpoints`. */
export type Issue = {
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly position?: Position;
};

/** Bad input is a value, never an exception. */
export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };
