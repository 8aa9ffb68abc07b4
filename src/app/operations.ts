import { randomInt } from 'node:crypto';
import { LoadlineError } from '../base/errors.ts';
import { own, type Result, scrubText } from '../base/units/index.ts';
import type { Perturbation, Plan } from '../core/control/index.ts';
import {
  asksFor,
  begun,
  cancelled,
  EMPTY_BOOK,
  earlier,
  freezeOf,
  lapse,
  type Operation,
  type OperationBook,
  type OperationRequest,
  planOperation,
  restoredBook,
  takenOut,
  targetOf,
  timeText,
} from '../core/operations/index.ts';
import type { BeginAnswer, BeginRequest, ByHandSeam, CancelAnswer } from '../edge/admin/index.ts';
import {
  type EventKind,
  finishedOperation,
  finishedOperations,
  type Log,
  type NewEvent,
  type OperationView,
  operationView,
  runningOperations,
} from '../edge/observe/index.ts';
import type { AuditEntry, RecordOutcome } from '../edge/store/index.ts';
import type { ControlLoop } from './control-loop.ts';

export type OperationsOptions = {
  readonly loop: Pick<ControlLoop, 'plan' | 'loads'>;
  readonly perturbations: () => readonly Perturbation[];
  readonly now: () => number;
  readonly log: Log;
  readonly happened: (event: NewEvent) => void;
  /** Puts what runs in force at once: a tick. */
  readonly apply: () => void;
  /** Saves the book; false when the disk does not take it. */
  readonly save: () => Promise<boolean>;
  /** Into the audit trail; undefined where there is no store. */
  readonly record: (entry: AuditEntry) => Promise<RecordOutcome> | undefined;
};

const ID_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const ID_LENGTH = 4;
const MAX_REASON = 500;
const NOT_SAVED = 'the checkpoint cannot be written: a server that starts anew would not know of this';
const NOT_RECORDED = 'the audit trail cannot be written: the log of the server alone tells of this';

/**
 * What operators do by hand: input of each tick until its end. It is in force before its beginning is acknowledged, and on disk;
 * where the disk fails it runs all the same, since it is mostly asked for in an emergency, and whoever asked is told.
 */
export class Operations implements ByHandSeam {
  readonly #options: OperationsOptions;
  #book: OperationBook = EMPTY_BOOK;
  #suspended: ReadonlySet<string> = new Set();
  readonly #recording = new Set<Promise<unknown>>();

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** For the checkpoint. */
  get book(): OperationBook {
    return this.#book;
  }

  restore(stored: OperationBook | undefined): void {
    this.#book = restoredBook(stored, this.#options.now());
  }

  /** Input of a tick at this time. What is at its end is over with it, and told once. */
  inputOf(nowMs: number): readonly Operation[] {
    const { book, lapsed } = lapse(this.#book, nowMs);
    this.#book = book;
    for (const { operation } of lapsed) {
      this.#say('OperationLapsed', operation, 'its end has come');
      void this.#record('Lapse', operation, 'loadline', 'its end has come');
    }
    return book.running;
  }

  /** After each tick: tells who lost its effect, and who has it again. */
  ticked(plan: Plan): void {
    const services = new Set(this.#book.running.map(({ service }) => service));
    const now = [...services].flatMap(
      (name) => takenOut(this.#book.running, name, own(plan.endpoints, name) ?? []).suspended,
    );
    const before = this.#suspended;
    this.#suspended = new Set(now.map(({ id }) => id));
    for (const one of now)
      if (!before.has(one.id)) this.#say('OperationSuspended', one, 'nobody else would take requests');
    for (const one of this.#book.running)
      if (before.has(one.id) && !this.#suspended.has(one.id))
        this.#say('OperationResumed', one, 'others take requests again');
  }

  views(): readonly OperationView[] {
    return runningOperations(this.#book, this.#options.loop.plan);
  }

  list(finished: boolean): readonly OperationView[] {
    const running = this.views();
    return finished ? [...running, ...finishedOperations(this.#book, this.#options.loop.plan)] : running;
  }

  find(id: string): OperationView | undefined {
    return this.list(true).find((one) => one.id === id);
  }

  freezeOf(service: string): OperationView | undefined {
    const freeze = freezeOf(this.#book.running, service);
    return freeze === undefined ? undefined : this.find(freeze.id);
  }

  async begin({ what, end, dryRun }: BeginRequest, author: string): Promise<Result<BeginAnswer>> {
    const { loop, perturbations, now } = this.#options;
    const nowMs = Math.round(now());
    const endsAtMs = end === undefined ? Number.NaN : end.kind === 'At' ? end.atMs : nowMs + end.ms;
    const request: OperationRequest = { ...what, endsAtMs };
    const { idempotencyKey } = request;
    const known = idempotencyKey === undefined ? undefined : earlier(this.#book, author, idempotencyKey);
    if (known !== undefined) return this.#replay(known, request);
    const facts = {
      nowMs,
      plan: loop.plan,
      loads: loop.loads,
      running: this.#book.running,
      perturbations: perturbations(),
    };
    const planned = planOperation(facts, request, { id: this.#newId(request.kind), author });
    if (!planned.ok) return planned;
    const operation = planned.value;
    const notes = planned.warnings.map(({ message }) => message);
    const answer = (more: readonly string[]): Result<BeginAnswer> => ({
      ok: true,
      value: { operation: operationView(operation, loop.plan), notes: [...notes, ...more], replayed: false },
      warnings: [],
    });
    if (dryRun) return answer([]);
    this.#book = begun(this.#book, operation);
    this.#options.apply();
    this.#say('OperationBegan', operation, `until ${timeText(operation.endsAtMs)}: ${operation.reason}`);
    return answer(await this.#settle(operation.kind, operation, author, operation.reason));
  }

  async cancel(id: string, reason: string, author: string): Promise<Result<CancelAnswer>> {
    const operation = this.#book.running.find((one) => one.id === id);
    if (operation === undefined) {
      const ended = this.#book.finished.find((one) => one.operation.id === id);
      if (ended === undefined)
        return { ok: false, issues: [{ code: 'NotFound', path: 'id', message: `no operation ${id}` }] };
      return this.#cancelAnswer(id, true, []);
    }
    const { now, apply } = this.#options;
    const why =
      scrubText(
        reason
          .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
          .trim()
          .slice(0, MAX_REASON),
      ) || 'no reason given';
    this.#book = cancelled(this.#book, id, { atMs: Math.round(now()), by: author, reason: why });
    apply();
    this.#say('OperationCancelled', operation, `by ${author}: ${why}`);
    return this.#cancelAnswer(id, false, await this.#settle('Cancel', operation, author, why));
  }

  /** Resolves when nothing waits for the audit trail any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#recording);
  }

  #cancelAnswer(id: string, endedBefore: boolean, notes: readonly string[]): Result<CancelAnswer> {
    const ended = this.#book.finished.find(({ operation }) => operation.id === id);
    if (ended === undefined) throw new Error(`operation ${id} was not remembered`);
    const operation = finishedOperation(ended, this.#options.loop.plan);
    return { ok: true, value: { operation, endedBefore, notes }, warnings: [] };
  }

  #replay(known: Operation, request: OperationRequest): Result<BeginAnswer> {
    const operation = this.find(known.id);
    if (operation !== undefined && asksFor(request, known))
      return { ok: true, value: { operation, notes: [], replayed: true }, warnings: [] };
    const message = `the key was used for something else, ${known.id}`;
    return { ok: false, issues: [{ code: 'Refused', path: 'idempotency_key', message, hint: 'use a new one' }] };
  }

  /** Waits for disk and trail. @returns what did not work */
  async #settle(action: string, operation: Operation, author: string, reason: string): Promise<readonly string[]> {
    const [saved, recorded] = await Promise.all([
      this.#options.save(),
      this.#record(action, operation, author, reason),
    ]);
    return [...(saved ? [] : [NOT_SAVED]), ...(recorded ? [] : [NOT_RECORDED])];
  }

  async #record(action: string, operation: Operation, author: string, reason: string): Promise<boolean> {
    const { record, log } = this.#options;
    const { id, endsAtMs, forced } = operation;
    const percent = operation.kind === 'Shed' ? { percent: String(operation.percent) } : {};
    const to = operation.kind === 'Failover' && operation.to !== undefined ? { to: operation.to } : {};
    const details = {
      id,
      target: targetOf(operation),
      ...percent,
      ...to,
      end: timeText(endsAtMs),
      forced: String(forced),
    };
    const recording = record({ action, author: author.slice(0, 256), reason, details });
    if (recording === undefined) return true;
    const done = recording.then(
      (outcome) => outcome.kind === 'Recorded',
      (error: unknown) => {
        if (!(error instanceof LoadlineError)) throw error;
        log.error({ reason: error.message, id, action }, 'the audit trail cannot be written');
        return false;
      },
    );
    this.#recording.add(done);
    try {
      return await done;
    } finally {
      this.#recording.delete(done);
    }
  }

  #newId(kind: Operation['kind']): string {
    for (;;) {
      const letters = Array.from({ length: ID_LENGTH }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]);
      const id = `${kind.toLowerCase()}-${letters.join('')}`;
      if (this.find(id) === undefined) return id;
    }
  }

  #say(event: EventKind, operation: Operation, message: string): void {
    const { log, happened, now } = this.#options;
    const { id, kind, reason, author, endsAtMs } = operation;
    const fields = { id, operation: kind, reason, author, end: timeText(endsAtMs) };
    log.info({ ...fields, target: targetOf(operation), event, about: message }, 'operation by hand');
    happened({ atMs: now(), kind: event, subject: targetOf(operation), message: `${id}: ${message}`, fields });
  }
}
