import { own } from '../../base/units/index.ts';
import type { Plan } from '../../core/control/index.ts';
import {
  effectWords,
  type FinishedOperation,
  interruptionOf,
  isDrain,
  isTried,
  type Operation,
  type OperationBook,
  takenOut,
  takesOut,
  targetOf,
  timeText,
} from '../../core/operations/index.ts';
import type { OperationView } from './operation-view.ts';

/** @returns those that run, in the order of their begin. */
export function runningOperations({ running }: OperationBook, plan: Plan | undefined): readonly OperationView[] {
  const suspended = new Set(
    (plan?.policy.services ?? []).flatMap((service) =>
      takenOut(running, service, own(plan?.endpoints, service.name) ?? []).suspended.map(({ id }) => id),
    ),
  );
  return running.map((one) => ({ ...operationView(one, plan), note: noteOn(one, suspended.has(one.id), plan) }));
}

/** @returns those that ended lately, the newest first. */
export function finishedOperations({ finished }: OperationBook, plan: Plan | undefined): readonly OperationView[] {
  return finished.map((one) => finishedOperation(one, plan));
}

export function finishedOperation(
  { operation, how, atMs, by, reason }: FinishedOperation,
  plan: Plan | undefined,
): OperationView {
  return {
    ...operationView(operation, plan),
    state: how,
    finishedAtMs: atMs,
    cancelledBy: by ?? null,
    cancelReason: reason ?? null,
  };
}

export function operationView(operation: Operation, plan: Plan | undefined): OperationView {
  const { id, kind, service, reason, author, startedAtMs, endsAtMs, forced } = operation;
  return {
    id,
    kind,
    service,
    target: targetOf(operation),
    effect: effectWords(operation, own(plan?.endpoints, service) ?? []),
    toPool: operation.kind === 'Failover' ? (operation.to ?? null) : null,
    percent: operation.kind === 'Shed' ? operation.percent : null,
    reason,
    author,
    startedAtMs,
    endsAtMs,
    forced,
    state: 'Running',
    phase: isTried(operation) ? 'Canary' : 'Everywhere',
    note: null,
    finishedAtMs: null,
    cancelledBy: null,
    cancelReason: null,
  };
}

function noteOn(operation: Operation, suspended: boolean, plan: Plan | undefined): string | null {
  const { service } = operation;
  const endpoints = own(plan?.endpoints, service);
  if (endpoints === undefined) return `without effect: the policy has no service ${service}`;
  if (isDrain(operation) && !endpoints.some((endpoint) => takesOut(operation, endpoint)))
    return `without effect: there is no endpoint in ${targetOf(operation)} now`;
  const gone = interruptionOf(operation);
  if (suspended)
    return `suspended${gone === undefined ? '' : ` until ${timeText(gone.lastCallMs)}`}: without its endpoints nobody would take requests of ${service}`;
  return null;
}
