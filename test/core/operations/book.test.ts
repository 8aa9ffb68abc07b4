import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  begun,
  cancelled,
  EMPTY_BOOK,
  earlier,
  inForce,
  lapse,
  type Operation,
  type OperationBook,
  planOperation,
  restoredBook,
  takenOut,
} from '../../../src/core/operations/index.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';
import { AUTHOR, aFleet, asked, factsOf } from './two-pools.ts';

const START = 1_800_000_000_000;

function shed(id: string, startedAtMs: number, endsAtMs: number, key?: string): Operation {
  const who = { service: 'chat', reason: 'a test', author: AUTHOR, forced: false };
  return {
    id,
    ...who,
    kind: 'Shed',
    percent: 1,
    startedAtMs,
    endsAtMs,
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
}

describe('the book of operations', () => {
  it('ends each at the first look at or after its end, once', () => {
    let book = begun(begun(EMPTY_BOOK, shed('a', START, START + 1000)), shed('b', START, START + 2000));
    const seen: string[] = [];
    for (let nowMs = START; nowMs <= START + 4000; nowMs += 500) {
      const step = lapse(book, nowMs);
      book = step.book;
      for (const { operation, atMs } of step.lapsed) seen.push(`${operation.id} at ${atMs - START}`);
      expect(inForce(book.running, nowMs)).toEqual(book.running);
    }
    expect(seen).toEqual(['a at 1000', 'b at 2000']);
    expect(book.finished.map(({ operation, how }) => `${operation.id} ${how}`)).toEqual(['b Lapsed', 'a Lapsed']);
  });

  it('forgets what a day has passed over, and more than a hundred', () => {
    let book: OperationBook = EMPTY_BOOK;
    for (let i = 0; i < 150; i++) book = begun(book, shed(`s${i}`, START, START + 1000));
    for (let i = 0; i < 150; i++) book = cancelled(book, `s${i}`, { atMs: START + i, by: AUTHOR, reason: 'done' });
    expect(book.running).toEqual([]);
    expect(book.finished).toHaveLength(100);
    book = lapse(begun(book, shed('late', START, START + 90_000_000)), START + 90_000_000).book;
    expect(book.finished.map(({ operation }) => operation.id)).toEqual(['late']);
  });

  it('cancels what runs and nothing else', () => {
    const book = begun(EMPTY_BOOK, shed('a', START, START + 1000));
    expect(cancelled(book, 'b', { atMs: START, by: AUTHOR, reason: '' })).toBe(book);
    expect(cancelled(book, 'a', { atMs: START, by: AUTHOR, reason: 'enough' })).toMatchObject({
      running: [],
      finished: [{ how: 'Cancelled', by: AUTHOR, reason: 'enough' }],
    });
  });

  it('finds what a repeated call began, running or not, for its author alone', () => {
    const book = begun(EMPTY_BOOK, shed('a', START, START + 1000, 'key'));
    for (const one of [book, lapse(book, START + 1000).book]) {
      expect(earlier(one, AUTHOR, 'key')?.id).toBe('a');
      expect(earlier(one, 'somebody', 'key')).toBeUndefined();
      expect(earlier(one, AUTHOR, 'other')).toBeUndefined();
    }
  });

  it('lets nothing last longer than it was asked for when the clock was set back', () => {
    const stored = begun(EMPTY_BOOK, shed('a', START, START + 60_000));
    expect(restoredBook(stored, START + 30_000)).toEqual(stored);
    expect(restoredBook(stored, START - 3_600_000).running[0]?.endsAtMs).toBe(START - 3_600_000 + 60_000);
    expect(restoredBook(undefined, START)).toBe(EMPTY_BOOK);
  });
});

/** What people may do in any order, and what may happen meanwhile. */
type Step =
  | {
      readonly kind: 'Ask';
      readonly pool?: 'gpu' | 'cpu';
      readonly endpoint?: number;
      readonly forSec: number;
      readonly failover: boolean;
    }
  | { readonly kind: 'Cancel'; readonly which: number }
  | { readonly kind: 'Wait'; readonly sec: number }
  | { readonly kind: 'Restart' }
  /** Endpoints leave: bit i set, endpoint i is there. */
  | { readonly kind: 'Members'; readonly mask: number };

const pool = fc.option(fc.constantFrom('gpu' as const, 'cpu' as const), { nil: undefined });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('Ask' as const),
      pool,
      endpoint: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      forSec: fc.integer({ min: 1, max: 20 }),
      failover: fc.boolean(),
    }) as fc.Arbitrary<Step>,
  },
  fc.record({ kind: fc.constant('Cancel' as const), which: fc.nat(5) }),
  fc.record({ kind: fc.constant('Wait' as const), sec: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ kind: fc.constant('Restart' as const) }),
  fc.record({ kind: fc.constant('Members' as const), mask: fc.integer({ min: 1, max: 15 }) }),
);

describe('whatever is asked for, in any order, without force', () => {
  const fleet = aFleet(3, 1);
  const all = fleet.state.plan?.endpoints.chat ?? [];

  it('a service that has endpoints keeps one that takes requests; ends are exact; restarts change nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let book: OperationBook = EMPTY_BOOK;
        let nowMs = START;
        let members: readonly Endpoint[] = all;
        let count = 0;
        for (const one of steps) {
          if (one.kind === 'Ask') {
            const endpoint =
              one.endpoint === undefined || one.pool === undefined
                ? undefined
                : `10.0.${one.pool === 'cpu' ? 1 : 0}.${one.endpoint}:8000`;
            const optional = {
              ...(one.pool === undefined ? {} : { pool: one.pool }),
              ...(endpoint === undefined ? {} : { endpoint }),
            };
            const what = one.failover
              ? ({ kind: 'Failover', from: one.pool ?? 'gpu' } as const)
              : ({ kind: 'Drain', ...optional } as const);
            const request = asked({ nowMs }, { ...what, endsAtMs: nowMs + one.forSec * 1000 });
            const facts = factsOf(fleet);
            const plan = facts.plan && { ...facts.plan, endpoints: { chat: members } };
            const planned = planOperation({ ...facts, plan, nowMs, running: book.running, loads: {} }, request, {
              id: `o${count}`,
              author: AUTHOR,
            });
            count += 1;
            if (planned.ok) book = begun(book, planned.value);
          } else if (one.kind === 'Cancel') {
            const id = book.running[one.which]?.id ?? 'none';
            book = cancelled(book, id, { atMs: nowMs, by: AUTHOR, reason: '' });
          } else if (one.kind === 'Wait') nowMs += one.sec * 1000;
          else if (one.kind === 'Members') members = all.filter((_, i) => (one.mask & (1 << i)) !== 0);
          else {
            const before = book;
            book = restoredBook(JSON.parse(JSON.stringify(book)), nowMs);
            expect(book).toEqual(before);
          }
          const stepped = lapse(book, nowMs);
          for (const { operation } of stepped.lapsed) expect(operation.endsAtMs).toBeLessThanOrEqual(nowMs);
          book = stepped.book;
          for (const { endsAtMs } of book.running) expect(endsAtMs).toBeGreaterThan(nowMs);
          const { by } = takenOut(book.running, carriedBy(members), members);
          expect(members.some(({ id }) => !by.has(id))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** A service without a split, with the pools of these endpoints. */
function carriedBy(members: readonly { readonly pool: string }[]): Parameters<typeof takenOut>[1] {
  const pools = [...new Set(members.map(({ pool }) => pool))].map((name) => ({ name }));
  return { name: 'chat', pools } as never;
}
