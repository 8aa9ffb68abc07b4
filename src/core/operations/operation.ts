import type { EndpointId } from '../topology/index.ts';
import type { Interruption } from './interruption.ts';

type Begun = {
  /** Short enough to be typed: `drain-k3x9`. */
  readonly id: string;
  readonly service: string;
  /** Why, in the words of who asked; one line. */
  readonly reason: string;
  /** The authenticated identity of who asked. */
  readonly author: string;
  readonly startedAtMs: number;
  /** From then on it has no effect, whatever happens. */
  readonly endsAtMs: number;
  /** A check that would have refused it was overridden. */
  readonly forced: boolean;
  /** Chosen by the caller, so that a repeated call begins nothing twice. */
  readonly idempotencyKey?: string;
  /** Only the canaries of the groups that have some are given it so far; absent: everybody is. */
  readonly phase?: 'Canary';
  /** Whoever asked wanted it everywhere at once. */
  readonly now?: true;
};

/** Weights stay as they were; who came later has the law's weight. */
export type Freeze = Begun & { readonly kind: 'Freeze'; readonly weights: Readonly<Record<EndpointId, number>> };

/** What it names takes no new requests: one endpoint (`address:port`) of a pool, a pool, or the whole service. */
export type Drain = Begun & {
  readonly kind: 'Drain';
  readonly pool?: string;
  readonly endpoint?: string;
  /** Its machine goes away; absent: somebody wants it so. */
  readonly interruption?: Interruption;
};

/** The pool `from` takes no new requests; with `to` no other pool but that one does. */
export type Failover = Begun & { readonly kind: 'Failover'; readonly from: string; readonly to?: string };

/** Sidecars refuse a part of the new requests at once: of one traffic class, or of all that may be shed. */
export type Shed = Begun & { readonly kind: 'Shed'; readonly percent: number; readonly class?: string };

/**
 * What an operator does by hand to a running service, for a time. It is input of each tick until its end, so that its effect is
 * gone by itself: nothing has to be undone.
 */
export type Operation = Freeze | Drain | Failover | Shed;

export type OperationKind = Operation['kind'];

export const OPERATION_KINDS: readonly OperationKind[] = ['Freeze', 'Drain', 'Failover', 'Shed'];

/** What it is about, as a command names it: `chat/gpu/127.0.0.1:9101`. */
export function targetOf(operation: Operation): string {
  const { service } = operation;
  if (operation.kind === 'Failover') return `${service}/${operation.from}`;
  if (operation.kind !== 'Drain' || operation.pool === undefined) return service;
  return `${service}/${operation.pool}${operation.endpoint === undefined ? '' : `/${operation.endpoint}`}`;
}

/** Whether only canaries have it, so that the law and all others know nothing of it. */
export function isTried({ phase }: Operation): boolean {
  return phase === 'Canary';
}

/**
 * Part of the requests, 0..1, that still reach servers where these operations do what they are meant to: who sheds, or is forced to
 * leave nobody, gets fewer through, and is not to be blamed for it.
 */
export function passesRatio(operations: readonly Operation[]): number {
  const parts = operations.map((one) => (one.forced ? 0 : one.kind === 'Shed' ? 1 - one.percent / 100 : 1));
  return Math.min(1, ...parts);
}

/** Those whose end has not come. */
export function inForce(operations: readonly Operation[], nowMs: number): readonly Operation[] {
  return operations.every(({ endsAtMs }) => nowMs < endsAtMs)
    ? operations
    : operations.filter(({ endsAtMs }) => nowMs < endsAtMs);
}
