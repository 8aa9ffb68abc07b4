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
  interruptionOf,
  isTried,
  lapse,
  lastCalls,
  type Operation,
  type OperationBook,
  type OperationRequest,
  planOperation,
  reasonOf,
  restoredBook,
  takenOut,
  takesOut,
  targetOf,
  timeText,
  triedOut,
} from '../core/operations/index.ts';
import { listed } from '../core/rollout/index.ts';
import type { Endpoint, LoadReport } from '../core/topology/index.ts';
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
import type { OperationTrial } from './operation-trial.ts';

export type OperationsOptions = {
  readonly loop: Pick<ControlLoop, 'plan' | 'loads'>;
  readonly perturbations: () => readonly Perturbation[];
  readonly trial: Pick<OperationTrial, 'canaries' | 'holdMs' | 'wouldTry' | 'start' | 'step' | 'end'>;
  /** Whether canaries try a policy, or a release. */
  readonly isBusy: () => boolean;
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
/** Who it is that takes back what canaries did not bear. */
const LOADLINE = 'loadline';
const TRIED_FIRST =
  'canaries have it first, and everybody when they have held it; loadline operations list shows how far it is, --now would skip it';
/** Two sources tell of one interruption within so much. */
const SAME_NOTICE_MS = 15_000;
const LAST_CALL = 'its machine is about to go away';
const LAPSED = 'its end has come';
const LAPSED_ON_CANARIES = 'its end has come before canaries had held it: nobody else has had it';
const HAS_LEFT = 'its endpoint has left the pool';
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
  /** Canaries have held what is tried: it is everybody's from the next tick on, which gives it to the others. */
  #passed = false;
  #everywhere: { readonly book: OperationBook; readonly list: readonly Operation[] } = { book: EMPTY_BOOK, list: [] };
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
    if (this.tried.length > 0 && !this.#options.trial.start(this.tried)) this.#book = triedOut(this.#book);
  }

  /** Input of a tick at this time: what everybody has. What is at its end is over with it, and told once. */
  inputOf(nowMs: number): readonly Operation[] {
    const { book, lapsed } = lapse(this.#book, nowMs);
    this.#book = lastCalls(book, nowMs).book;
    for (const { operation } of lapsed) {
      const why = isTried(operation) ? LAPSED_ON_CANARIES : LAPSED;
      this.#say('OperationLapsed', operation, why);
      void this.#record('Lapse', operation, LOADLINE, why);
    }
    if (this.#passed) this.#giveToAll();
    else if (lapsed.some(({ operation }) => isTried(operation))) this.#endIfOver();
    return this.everywhere;
  }

  /** What runs for all sidecars. The same list while it is the same. */
  get everywhere(): readonly Operation[] {
    if (this.#everywhere.book !== this.#book) {
      const { running } = this.#book;
      const list = running.some(isTried) ? running.filter((one) => !isTried(one)) : running;
      this.#everywhere = { book: this.#book, list };
    }
    return this.#everywhere.list;
  }

  /** What canaries alone have so far. */
  get tried(): readonly Operation[] {
    return this.#book.running.filter(isTried);
  }

  /** Once a tick, with the load reports since the last: sees whether what is tried holds. */
  step(reports: readonly LoadReport[]): void {
    const { trial } = this.#options;
    const step = trial.step(reports);
    if (step === undefined) return;
    this.#passed = step.kind === 'Passed';
    if (step.kind === 'Passed') return;
    const why = scrubText(step.why).slice(-MAX_REASON);
    for (const one of this.tried) this.#takeBack(one, why, 'error', 'taken back from the canaries: ');
    trial.end();
  }

  #takeBack(operation: Operation, why: string, level: 'info' | 'error', words = ''): void {
    this.#book = cancelled(this.#book, operation.id, {
      atMs: Math.round(this.#options.now()),
      by: LOADLINE,
      reason: why,
    });
    this.#say('OperationCancelled', operation, `${words}${why}`, level);
    void this.#record('Cancel', operation, LOADLINE, why);
  }

  /** What a notice is about may have left its pool. Who stands there later is another machine. */
  #endGone({ endpoints }: Plan): void {
    const interrupted = this.#book.running.filter((one) => interruptionOf(one) !== undefined);
    if (interrupted.length === 0) return;
    const all = Object.values(endpoints).flat();
    const stands = new Set(all.flatMap(({ id, leavingSinceMs }) => (leavingSinceMs === undefined ? [id] : [])));
    for (const one of interrupted) if (!stands.has(targetOf(one))) this.#takeBack(one, HAS_LEFT, 'info');
  }

  /** After each tick: tells who lost its effect, and who has it again. */
  ticked(plan: Plan): void {
    const now = plan.policy.services.flatMap(
      (service) => takenOut(this.#book.running, service, own(plan.endpoints, service.name) ?? []).suspended,
    );
    const before = this.#suspended;
    this.#suspended = new Set(now.map(({ id }) => id));
    for (const one of now)
      if (!before.has(one.id)) this.#say('OperationSuspended', one, 'nobody else would take requests');
    for (const one of this.#book.running)
      if (before.has(one.id) && !this.#suspended.has(one.id))
        this.#say('OperationResumed', one, one.forced ? LAST_CALL : 'others take requests again');
    this.#endGone(plan);
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

  /** One that runs already for this endpoint, and says that its machine goes away no later than that. */
  noticed({ service, pool, id }: Endpoint, atMs: number): OperationView | undefined {
    const known = this.#book.running.find((one) => {
      const stands = one.service === service && takesOut(one, { pool, id }) ? interruptionOf(one) : undefined;
      return stands !== undefined && stands.atMs <= atMs + SAME_NOTICE_MS;
    });
    return known === undefined ? undefined : this.find(known.id);
  }

  /** Those that run for this endpoint, and only for it, by notices of that author with that reason. */
  noticedBy({ service, id }: Endpoint, author: string, reason: string): readonly string[] {
    const asked = reasonOf({ reason });
    return this.#book.running
      .filter((one) => interruptionOf(one) !== undefined && one.service === service && targetOf(one) === id)
      .filter((one) => one.author === author && one.reason === asked)
      .map((one) => one.id);
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
    const phased = this.#phased(planned.value);
    if (!phased.ok) return phased;
    const operation = phased.value;
    const notes = planned.warnings.map(({ message }) => message);
    if (isTried(operation)) notes.push(this.#trialNote(operation));
    const answer = (more: readonly string[]): Result<BeginAnswer> => ({
      ok: true,
      value: { operation: operationView(operation, loop.plan), notes: [...notes, ...more], replayed: false },
      warnings: [],
    });
    if (dryRun) return answer([]);
    this.#book = begun(this.#book, operation);
    if (isTried(operation)) {
      this.#passed = false;
      this.#options.trial.start(this.tried);
    }
    this.#options.apply();
    const { canaries } = this.#options.trial;
    const who = canaries.length === 0 ? 'canaries, when sidecars are back,' : listed(canaries);
    const first = isTried(operation) ? `for ${who} first; ` : '';
    this.#say('OperationBegan', operation, `${first}until ${timeText(operation.endsAtMs)}: ${operation.reason}`);
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
    if (isTried(operation)) this.#endIfOver();
    apply();
    this.#say('OperationCancelled', operation, `by ${author}: ${why}`);
    return this.#cancelAnswer(id, false, await this.#settle('Cancel', operation, author, why));
  }

  /** Resolves when nothing waits for the audit trail any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#recording);
  }

  /** What becomes of one that canaries have first: it may be over before anybody else could have it. */
  #trialNote(operation: Operation): string {
    const { trial, now } = this.#options;
    const holdMs = trial.holdMs(operation);
    if (operation.endsAtMs - now() > holdMs) return TRIED_FIRST;
    return `it ends before canaries have held it (${holdMs / 1000} s), so nobody else will have it; begin it anew with --now, or with a later end`;
  }

  /** Whether canaries are to have it first, and whether they can. */
  #phased(operation: Operation): Result<Operation> {
    const { trial, isBusy } = this.#options;
    if (operation.now === true || !trial.wouldTry(operation)) return { ok: true, value: operation, warnings: [] };
    if (!isBusy()) return { ok: true, value: { ...operation, phase: 'Canary' }, warnings: [] };
    const message = 'canaries try a change of policy now, and would try this first too';
    const hint = 'wait for its end (loadline rollout status --watch), or let everybody have it at once with --now';
    return { ok: false, issues: [{ code: 'Refused', path: '', message, hint }] };
  }

  #giveToAll(): void {
    const { tried } = this;
    this.#passed = false;
    this.#book = triedOut(this.#book);
    this.#options.trial.end();
    for (const one of tried) this.#say('OperationPassed', one, 'it held on all canaries; everybody has it');
  }

  #endIfOver(): void {
    if (this.tried.length > 0) return;
    this.#passed = false;
    this.#options.trial.end();
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
    const { id, endsAtMs, forced, now } = operation;
    const percent = operation.kind === 'Shed' ? { percent: String(operation.percent) } : {};
    const ofClass = operation.kind === 'Shed' && operation.class !== undefined ? { class: operation.class } : {};
    const to = operation.kind === 'Failover' && operation.to !== undefined ? { to: operation.to } : {};
    const details = {
      id,
      target: targetOf(operation),
      ...percent,
      ...ofClass,
      ...to,
      end: timeText(endsAtMs),
      forced: String(forced),
      ...(now === true ? { now: 'true' } : {}),
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
      if (!isKnown(this.#book, id)) return id;
    }
  }

  #say(event: EventKind, operation: Operation, message: string, level: 'info' | 'error' = 'info'): void {
    const { log, happened, now } = this.#options;
    const { id, kind, reason, author, endsAtMs } = operation;
    const fields = { id, operation: kind, reason, author, end: timeText(endsAtMs) };
    log[level]({ ...fields, target: targetOf(operation), event, about: message }, 'operation by hand');
    happened({ atMs: now(), kind: event, subject: targetOf(operation), message: `${id}: ${message}`, fields });
  }
}

function isKnown({ running, finished }: OperationBook, id: string): boolean {
  return running.some((one) => one.id === id) || finished.some(({ operation }) => operation.id === id);
}
