import { isLastCall } from './interruption.ts';
import { isTried, type Operation } from './operation.ts';

export type FinishedOperation = {
  readonly operation: Operation;
  /** `Lapsed`: its end came. */
  readonly how: 'Lapsed' | 'Cancelled';
  readonly atMs: number;
  /** Who cancelled it and why. */
  readonly by?: string;
  readonly reason?: string;
};

/** What runs and what ran lately. Plain data: it is checkpointed as JSON. */
export type OperationBook = {
  /** In the order of their begin. */
  readonly running: readonly Operation[];
  /** The newest first. */
  readonly finished: readonly FinishedOperation[];
};

export const EMPTY_BOOK: OperationBook = { running: [], finished: [] };

const MAX_FINISHED = 100;
/** So long a repeated call finds what the first one began. */
const FINISHED_AGE_MS = 24 * 3_600_000;

export function begun(book: OperationBook, operation: Operation): OperationBook {
  return { ...book, running: [...book.running, operation] };
}

/** Those that canaries have tried are everybody's from now on. */
export function triedOut(book: OperationBook): OperationBook {
  if (!book.running.some(isTried)) return book;
  return { ...book, running: book.running.map(({ phase: _, ...rest }): Operation => rest as Operation) };
}

/** The book without a running operation, which is then remembered as cancelled; the same book when it does not run. */
export function cancelled(
  book: OperationBook,
  id: string,
  { atMs, by, reason }: { readonly atMs: number; readonly by: string; readonly reason: string },
): OperationBook {
  const operation = book.running.find((one) => one.id === id);
  if (operation === undefined) return book;
  return finish(book, [{ operation, how: 'Cancelled', atMs, by, reason }], atMs);
}

/** Ends what is at its end, each once: from then on it is among the finished. */
export function lapse(
  book: OperationBook,
  nowMs: number,
): { readonly book: OperationBook; readonly lapsed: readonly FinishedOperation[] } {
  const over = book.running.filter(({ endsAtMs }) => endsAtMs <= nowMs);
  if (over.length === 0) return { book, lapsed: [] };
  const lapsed = over.map((operation): FinishedOperation => ({ operation, how: 'Lapsed', atMs: nowMs }));
  return { book: finish(book, lapsed, nowMs), lapsed };
}

/** With those whose machine is about to go in force although nobody else is left, each once. The same book while there is none. */
export function lastCalls(
  book: OperationBook,
  nowMs: number,
): { readonly book: OperationBook; readonly called: readonly Operation[] } {
  const called = book.running.filter((one) => isLastCall(one, nowMs));
  if (called.length === 0) return { book, called };
  const running = book.running.map((one) => (called.includes(one) ? { ...one, forced: true } : one));
  return { book: { ...book, running }, called };
}

/**
 * The book of a checkpoint as the start of a new process. Where the clock was set back in between, no operation may last
 * longer than it was asked for.
 */
export function restoredBook(stored: OperationBook | undefined, nowMs: number): OperationBook {
  if (stored === undefined) return EMPTY_BOOK;
  return {
    ...stored,
    running: stored.running.map((one) => {
      const endsAtMs = Math.min(one.endsAtMs, nowMs + one.endsAtMs - one.startedAtMs);
      return endsAtMs === one.endsAtMs ? one : { ...one, endsAtMs };
    }),
  };
}

/** What an earlier call of the same author with the same key began. */
export function earlier(book: OperationBook, author: string, idempotencyKey: string): Operation | undefined {
  const all = [...book.running, ...book.finished.map(({ operation }) => operation)];
  return all.find((one) => one.author === author && one.idempotencyKey === idempotencyKey);
}

function finish(book: OperationBook, ended: readonly FinishedOperation[], nowMs: number): OperationBook {
  const ids = new Set(ended.map(({ operation }) => operation.id));
  return {
    running: book.running.filter(({ id }) => !ids.has(id)),
    finished: [...ended, ...book.finished].filter(({ atMs }) => nowMs - atMs < FINISHED_AGE_MS).slice(0, MAX_FINISHED),
  };
}
