import { setImmediate as turn } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { type Issue, scrubText } from '../../../base/units/index.ts';
import { type Action, peerText } from '../../../core/access/index.ts';
import type { DryRunReport } from '../../../core/dry-run/index.ts';
import {
  type DocumentText,
  type Policy,
  type PolicyFile,
  type PolicyVersion,
  unifiedDiff,
} from '../../../core/policy/index.ts';
import type {
  Change,
  Document,
  DocumentKey,
  DocumentList,
  DocumentStore,
  Revision,
  WriteOutcome,
  WriteRequest,
} from '../../store/index.ts';
import type { Permit } from '../gate.ts';
import { type Candidate, candidateOf, idOf, type Outcome, outcomesOf, putsOf } from './candidate.ts';
import { ownedDocuments, storeOf } from './owned-documents.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { type Checked, type Planned, PolicyCheck, visible } from './policy-check.ts';
import { denied, deniedEverywhere, mayNotForce } from './policy-scope.ts';
import { keysOf, readRequest } from './read-request.ts';
import { type Answer, done, type Refusal, refuse } from './refusal.ts';
import { WorkQueue } from './work-queue.ts';
import {
  aborted,
  conflictIn,
  expectedBy,
  foreignCondition,
  removalOf,
  replayedOutcomes,
  type WriteTerms,
  withoutReason,
} from './write-terms.ts';

/** Who asks, and whether he still waits for the answer. */
export type Caller = { readonly permit: Permit; isGone(): boolean };

export type Compared = {
  readonly documents: readonly (Outcome & { readonly textDiff: string })[];
  readonly warnings: readonly Issue[];
  readonly revision: Revision;
  /** Undefined: what is there now is no policy. */
  readonly current: PolicyVersion | undefined;
  readonly candidate: PolicyVersion;
};

/** What the change would do; only for who may view everything, since it speaks of all sidecars and services. */
export type Told = Compared & { readonly dryRun: DryRunReport | undefined };

export type Written = {
  readonly revision: Revision;
  readonly outcomes: readonly Outcome[];
  readonly replayed: boolean;
  readonly dryRun: boolean;
  readonly warnings: readonly Issue[];
};

type Write = {
  readonly action: 'Apply' | 'Delete' | 'Rollback';
  readonly terms: WriteTerms;
  /** Everything that the caller has said, for the idempotency key. */
  readonly asked: unknown;
  readonly plan: (now: DocumentList) => Answer<Planned> | Promise<Answer<Planned>>;
  /** Names of the files that he has sent. */
  readonly files: ReadonlySet<string>;
};

const MAX_WAITING = 16;
/** A change is checked together with everything that is there; when that changes meanwhile, it is checked anew. */
const MAX_TRIES = 5;

/**
 * Checks and makes changes of policies: one at a time, each with the whole policy that comes of it, and written only at the
 * revision that it was checked at.
 */
export class PolicyDesk {
  readonly #seam: PoliciesSeam;
  readonly #check: PolicyCheck;
  readonly #queue = new WorkQueue(MAX_WAITING);

  constructor(seam: PoliciesSeam) {
    this.#seam = seam;
    this.#check = new PolicyCheck(seam);
  }

  /** Envoys are asked after others have had their turn: that takes seconds. */
  async validate(
    files: readonly PolicyFile[],
    { alone, envoy }: { readonly alone: boolean; readonly envoy: boolean },
    caller: Caller,
  ): Promise<Answer<Checked>> {
    type Found = { readonly checked: Checked; readonly files: Candidate['files'] };
    const found = await this.#queued(caller, async (): Promise<Answer<Found>> => {
      const coming = await this.#read(files, 'ReadPolicies', caller);
      if (!coming.ok) return coming;
      const now = alone ? done(NOTHING) : await ownedDocuments(this.#seam);
      if (!now.ok) return now;
      const changes = putsOf(coming.value, new Map());
      const checked = await this.#check.check(now.value, { changes, coming: coming.value });
      if (!checked.ok) return checked;
      return done({ checked: checked.value, files: candidateOf(now.value.documents, coming.value).files });
    });
    const answer = !found.ok
      ? found
      : envoy
        ? await this.#check.judged(found.value.checked, found.value.files)
        : done(found.value.checked);
    return visible(answer, caller.permit, namesOf(files));
  }

  /** The report is made after others have had their turn: it may wait for an Envoy. */
  async diff(files: readonly PolicyFile[], caller: Caller, textsOnly: boolean = false): Promise<Answer<Told>> {
    const compared = await this.#queued(caller, () => this.#compare(files, caller));
    if (!compared.ok) return compared;
    const { current, candidate } = compared.value;
    const told = caller.permit.everywhere && !textsOnly;
    return done({
      ...compared.value,
      dryRun: told ? await this.#seam.dryRun?.report(current, candidate) : undefined,
    });
  }

  async #compare(files: readonly PolicyFile[], caller: Caller): Promise<Answer<Compared>> {
    const coming = await this.#read(files, 'ReadPolicies', caller);
    if (!coming.ok) return coming;
    const now = await ownedDocuments(this.#seam);
    if (!now.ok) return now;
    const { documents, revision } = now.value;
    const changes = putsOf(coming.value, new Map());
    const checked = visible(
      await this.#check.check(now.value, { changes, coming: coming.value }),
      caller.permit,
      namesOf(files),
    );
    if (!checked.ok) return checked;
    const { policy, warnings } = checked.value;
    const stands = candidateOf(documents, []).files;
    const before = await this.#seam.load(stands);
    return done({
      documents: outcomesOf(changes, documents).map((one, at) => ({
        ...one,
        textDiff: textDiff(documents, changes[at] as Change),
      })),
      warnings,
      revision,
      current: before.ok ? { policy: before.value, files: stands } : undefined,
      candidate: { policy, files: candidateOf(documents, coming.value).files },
    });
  }

  apply(files: readonly PolicyFile[], terms: WriteTerms, caller: Caller): Promise<Answer<Written>> {
    return this.#queued(caller, async () => {
      const coming = await this.#read(files, 'EditPolicies', caller);
      if (!coming.ok) return coming;
      const keys = keysOf(coming.value);
      const foreign = foreignCondition(terms, keys);
      if (foreign !== undefined) return foreign;
      const plan = (): Answer<Planned> => {
        return done({ changes: putsOf(coming.value, expectedBy(terms)), coming: coming.value });
      };
      return this.#write({ action: 'Apply', terms, asked: { files }, plan, files: namesOf(files) }, caller);
    });
  }

  delete(keys: readonly DocumentKey[], terms: WriteTerms, caller: Caller): Promise<Answer<Written>> {
    return this.#queued(caller, async () => {
      if (keys.length === 0) return refuse(status.INVALID_ARGUMENT, 'the request names no document');
      const refusal = withoutReason(terms) ?? denied(caller.permit, 'EditPolicies', keys);
      if (refusal !== undefined) return { ok: false, refusal };
      const foreign = foreignCondition(terms, keys);
      if (foreign !== undefined) return foreign;
      const plan = (now: DocumentList): Answer<Planned> => {
        const known = new Set([...now.documents, ...now.damaged.flatMap(({ document }) => document ?? [])].map(idOf));
        const missing = keys.find((key) => !known.has(idOf(key)));
        if (missing !== undefined) return refuse(status.NOT_FOUND, `there is no ${idOf(missing)}`);
        const expected = expectedBy(terms);
        return done({ changes: keys.map((key) => removalOf(key, expected)), coming: [] });
      };
      return this.#write({ action: 'Delete', terms, asked: { keys }, plan, files: new Set() }, caller);
    });
  }

  rollback(key: DocumentKey | undefined, to: Revision, terms: WriteTerms, caller: Caller): Promise<Answer<Written>> {
    return this.#queued(caller, async () => {
      const { permit } = caller;
      const refusal =
        withoutReason(terms) ??
        (key === undefined ? deniedEverywhere(permit, 'EditPolicies') : denied(permit, 'EditPolicies', [key]));
      if (refusal !== undefined) return { ok: false, refusal };
      const plan = (now: DocumentList): Promise<Answer<Planned>> => this.#planRollback(key, to, now, terms);
      return this.#write({ action: 'Rollback', terms, asked: { key, to }, plan, files: new Set() }, caller);
    });
  }

  async #planRollback(
    key: DocumentKey | undefined,
    to: Revision,
    now: DocumentList,
    terms: WriteTerms,
  ): Promise<Answer<Planned>> {
    const store = storeOf(this.#seam.owner, 'nothing can be rolled back');
    if (!store.ok) return store;
    const then = await store.value.listAt(to);
    if (then.kind === 'OutOfRange')
      return refuse(
        status.OUT_OF_RANGE,
        `revision ${to} cannot be gone back to: ${then.floor} to ${then.newest} are kept`,
      );
    const { documents, damaged } = then.list;
    const isMeant = (one: DocumentKey): boolean => key === undefined || idOf(one) === idOf(key);
    const lost = damaged.find(({ document }) => document !== undefined && isMeant(document));
    if (lost !== undefined)
      return refuse(status.FAILED_PRECONDITION, `${lost.record} is damaged and cannot be gone back to: ${lost.reason}`);
    const wanted = documents.filter(isMeant);
    const present = [...now.documents, ...now.damaged.flatMap(({ document }) => document ?? [])].filter(isMeant);
    if (key !== undefined && wanted.length === 0 && present.length === 0)
      return refuse(status.NOT_FOUND, `there is no ${idOf(key)}, and at revision ${to} there was none`);
    const kept = new Set(wanted.map(idOf));
    const expected = expectedBy(terms);
    const puts = wanted.map(({ kind, name, content, file, line }): Change => {
      const revision = expected.get(`${kind}/${name}`);
      return {
        operation: 'Put',
        kind,
        name,
        content,
        line,
        ...(file === undefined ? {} : { file }),
        ...(revision === undefined ? {} : { expected: revision }),
      };
    });
    const removals = present.filter((one) => !kept.has(idOf(one))).map((one) => removalOf(one, expected));
    const foreign = foreignCondition(terms, [...puts, ...removals]);
    return foreign ?? done({ changes: [...puts, ...removals], coming: [] });
  }

  async #write(write: Write, caller: Caller): Promise<Answer<Written>> {
    const { terms, action } = write;
    const store = storeOf(this.#seam.owner, `${action} is not possible`);
    if (!store.ok) return store;
    const { conditions, storeRevision, reason, idempotencyKey } = terms;
    const request: WriteRequest = {
      action,
      author: peerText(caller.permit.peer),
      reason,
      changes: [],
      asked: JSON.stringify([write.asked, conditions, storeRevision ?? null]),
      ...(idempotencyKey === '' ? {} : { idempotencyKey }),
    };
    const answered = await store.value.answered(request);
    if (answered !== undefined) return this.#answer(store.value, answered, [], []);
    for (let tries = 1; ; tries += 1) {
      const now = await store.value.list();
      const planned = await write.plan(now);
      if (!planned.ok) return planned;
      const conflict = conflictIn(now, planned.value.changes, storeRevision);
      if (conflict !== undefined) return conflict;
      const checked = visible(await this.#check.check(now, planned.value, true), caller.permit, write.files);
      if (!checked.ok) return checked;
      const held = this.#held(checked.value.policy, terms, caller);
      if (held !== undefined) return { ok: false, refusal: held };
      const outcomes = outcomesOf(planned.value.changes, now.documents);
      const { warnings } = checked.value;
      if (terms.dryRun || planned.value.changes.length === 0)
        return done({ revision: now.revision, outcomes, replayed: false, dryRun: terms.dryRun, warnings });
      if (caller.isGone()) return refuse(status.CANCELLED, 'the caller is gone; nothing was changed');
      const { changes } = planned.value;
      const forced = terms.force ? checked.value.policy.revision : undefined;
      const outcome = await this.#forcing(forced, () =>
        store.value.write({ ...request, changes, atRevision: now.revision }),
      );
      const isOvertaken = outcome.kind === 'Conflict' && outcome.conflicts.length === 0 && storeRevision === undefined;
      if (!isOvertaken || tries >= MAX_TRIES) return this.#answer(store.value, outcome, outcomes, warnings);
    }
  }

  /** The leave comes before the write, whose revision is read at once; where nothing was written nobody may use it later. */
  async #forcing(revision: string | undefined, write: () => Promise<WriteOutcome>): Promise<WriteOutcome> {
    const forget = revision === undefined ? undefined : this.#seam.guard?.force(revision);
    let isWritten = false;
    try {
      const outcome = await write();
      isWritten = outcome.kind === 'Written';
      return outcome;
    } finally {
      if (!isWritten) forget?.();
    }
  }

  /** Why it waits to be forced. */
  #held(policy: Policy, { force }: WriteTerms, { permit }: Caller): Refusal | undefined {
    const issue = this.#seam.guard?.shrinks(policy);
    if (issue === undefined) return undefined;
    if (force) return mayNotForce(permit);
    return { code: status.FAILED_PRECONDITION, message: issue.message, issues: [issue] };
  }

  async #answer(
    store: DocumentStore,
    outcome: WriteOutcome,
    outcomes: readonly Outcome[],
    warnings: readonly Issue[],
  ): Promise<Answer<Written>> {
    switch (outcome.kind) {
      case 'Written': {
        const { revision, replayed } = outcome;
        const told = replayed ? await replayedOutcomes(store, outcome) : outcomes;
        return done({ revision, outcomes: told, replayed, dryRun: false, warnings });
      }
      case 'Conflict':
        return aborted(outcome.revision, outcome.conflicts);
      case 'KeyReused':
        return refuse(
          status.FAILED_PRECONDITION,
          `the idempotency key was used for another request, at revision ${outcome.revision}; choose a new one`,
        );
      case 'Fenced':
        return refuse(status.FAILED_PRECONDITION, 'another server may write now');
      case 'Refused':
        return refuse(
          status.INVALID_ARGUMENT,
          outcome.issues.map(({ path, message }) => `${path}: ${message}`).join('; '),
        );
    }
  }

  /** The documents of the request, when the caller may see (or, before a write, change) each of them. */
  async #read(
    files: readonly PolicyFile[],
    action: Action,
    { permit }: Caller,
  ): Promise<Answer<readonly DocumentText[]>> {
    const read = await readRequest(files, (file) => this.#seam.documentsOf(file), turn);
    if (!read.ok) return read;
    const refusal = denied(permit, action, keysOf(read.value));
    return refusal === undefined ? read : { ok: false, refusal };
  }

  #queued<T>(caller: Caller, job: () => Promise<Answer<T>>): Promise<Answer<T>> {
    const answer = this.#queue.run(async () =>
      caller.isGone() ? refuse(status.CANCELLED, 'the caller is gone; nothing was changed') : job(),
    );
    const busy = `${MAX_WAITING} requests are being checked or wait for it; try again in a moment`;
    return answer ?? Promise.resolve(refuse(status.RESOURCE_EXHAUSTED, busy));
  }
}

const NOTHING: DocumentList = { revision: 0, documents: [], damaged: [] };

function namesOf(files: readonly PolicyFile[]): ReadonlySet<string> {
  return new Set(files.map(({ name }) => name));
}

function textDiff(stored: readonly Document[], change: Change): string {
  const id = idOf(change);
  const before = stored.find((document) => idOf(document) === id);
  const after = change.operation === 'Put' ? change.content : '';
  // After the comparison: a secret that changes is still a line that changes.
  return scrubText(unifiedDiff(before?.content ?? '', after, { before: `${id} (now)`, after: `${id} (new)` }));
}
