import type { OperationRequest } from '../../core/operations/index.ts';
import type { OperationView } from '../observe/index.ts';
import {
  flag,
  fromEnum,
  fromSeconds,
  number,
  numberOrNull,
  text,
  toEnum,
  toSeconds,
  type Wire,
} from './wire-values.ts';

/** What is asked for, with its end as a time or as a duration from now on. */
export type BeginRequest = {
  readonly what: Untimed<OperationRequest>;
  readonly end:
    | { readonly kind: 'At'; readonly atMs: number }
    | { readonly kind: 'For'; readonly ms: number }
    | undefined;
  /** Check it and begin nothing. */
  readonly dryRun: boolean;
};

/** Of each kind. */
type Untimed<T> = T extends unknown ? Omit<T, 'endsAtMs'> : never;

export type BeginAnswer = {
  readonly operation: OperationView;
  readonly notes: readonly string[];
  readonly replayed: boolean;
};

export type CancelAnswer = {
  readonly operation: OperationView;
  readonly endedBefore: boolean;
  readonly notes: readonly string[];
};

/** BeginRequest as the request message of its method, loadline.admin.v1.FreezeRequest and the like. */
export function encodeBegin({ what, end, dryRun }: BeginRequest): Wire {
  const { service, reason, force, now = false, idempotencyKey = '' } = what;
  const until =
    end === undefined ? {} : end.kind === 'At' ? { endTime: toSeconds(end.atMs) } : { duration: toSeconds(end.ms) };
  const common = { service, terms: { reason, ...until, force, now, idempotencyKey, dryRun } };
  switch (what.kind) {
    case 'Freeze':
      return common;
    case 'Drain':
      return { ...common, pool: what.pool ?? '', endpoint: what.endpoint ?? '' };
    case 'Failover':
      return { ...common, fromPool: what.from, toPool: what.to ?? '' };
    case 'Shed':
      return { ...common, percent: what.percent, class: what.class ?? '' };
  }
}

export function decodeBegin(kind: OperationRequest['kind'], wire: Wire): BeginRequest {
  const terms = (wire.terms ?? {}) as Wire;
  const [durationMs, atMs] = [fromSeconds(terms.duration), fromSeconds(terms.endTime)];
  const key = text(terms.idempotencyKey);
  const common = {
    service: text(wire.service),
    reason: text(terms.reason),
    force: flag(terms.force),
    ...(flag(terms.now) ? { now: true } : {}),
    ...(key === '' ? {} : { idempotencyKey: key }),
  };
  return {
    what: whatOf(kind, common, wire),
    end: durationMs !== null ? { kind: 'For', ms: durationMs } : atMs !== null ? { kind: 'At', atMs } : undefined,
    dryRun: flag(terms.dryRun),
  };
}

function whatOf(
  kind: OperationRequest['kind'],
  common: Pick<OperationRequest, 'service' | 'reason' | 'force' | 'now' | 'idempotencyKey'>,
  wire: Wire,
): BeginRequest['what'] {
  const given = <K extends string>(key: K, value: unknown): Partial<Record<K, string>> =>
    text(value) === '' ? {} : ({ [key]: text(value) } as Record<K, string>);
  switch (kind) {
    case 'Freeze':
      return { kind, ...common };
    case 'Drain':
      return { kind, ...common, ...given('pool', wire.pool), ...given('endpoint', wire.endpoint) };
    case 'Failover':
      return { kind, ...common, from: text(wire.fromPool), ...given('to', wire.toPool) };
    case 'Shed':
      return { kind, ...common, percent: number(wire.percent), ...given('class', wire.class) };
  }
}

/** OperationView as loadline.admin.v1.Operation. */
export function encodeOperation(view: OperationView): Wire {
  const {
    kind,
    state,
    phase,
    startedAtMs,
    endsAtMs,
    finishedAtMs,
    toPool,
    percent,
    note,
    cancelledBy,
    cancelReason,
    ...same
  } = view;
  const known = Object.entries({ toPool, percent, note, cancelledBy, cancelReason }).filter(
    ([, value]) => value !== null,
  );
  return {
    ...same,
    ...Object.fromEntries(known),
    kind: toEnum('OPERATION_KIND', kind),
    state: toEnum('OPERATION_STATE', state),
    phase: toEnum('OPERATION_PHASE', phase),
    startTime: toSeconds(startedAtMs),
    endTime: toSeconds(endsAtMs),
    finishTime: toSeconds(finishedAtMs),
  };
}

export function decodeOperation(wire: Wire): OperationView {
  return {
    id: text(wire.id),
    kind: fromEnum('OPERATION_KIND', wire.kind),
    service: text(wire.service),
    target: text(wire.target),
    effect: text(wire.effect),
    toPool: textOrNull(wire.toPool),
    percent: numberOrNull(wire.percent),
    reason: text(wire.reason),
    author: text(wire.author),
    startedAtMs: fromSeconds(wire.startTime) ?? 0,
    endsAtMs: fromSeconds(wire.endTime) ?? 0,
    forced: flag(wire.forced),
    state: fromEnum('OPERATION_STATE', wire.state),
    phase: fromEnum('OPERATION_PHASE', wire.phase),
    note: textOrNull(wire.note),
    finishedAtMs: fromSeconds(wire.finishTime),
    cancelledBy: textOrNull(wire.cancelledBy),
    cancelReason: textOrNull(wire.cancelReason),
  };
}

function textOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : text(value);
}
