import type { Issue } from '../../base/units/index.ts';
import type { ProbeMeasure, ProbeProgress } from '../observe/index.ts';
import { fromSeconds, number, numberOrNull, text, toSeconds, type Wire } from './wire-values.ts';

export type ProbeRequest = {
  readonly service: string;
  readonly pool: string;
  /** `address:port` */
  readonly address: string;
  readonly stepRatio: number;
  readonly holdMs: number;
  readonly reason: string;
};

/** What is told of a probe: `Begun` first, `Going` once a tick, `Ended` or `Aborted` last. */
export type ProbeEvent =
  | {
      readonly kind: 'Begun';
      readonly startAtMs: number;
      readonly endAtMs: number;
      readonly neededRequests: number;
      readonly expectedRequests: number;
    }
  | { readonly kind: 'Going'; readonly progress: ProbeProgress }
  | { readonly kind: 'Ended'; readonly measure: ProbeMeasure | undefined }
  | { readonly kind: 'Aborted'; readonly reason: string };

/** Nothing was begun, with one issue (`NotFound`, `Invalid` or `Refused`); or it runs, and this ends it early. */
export type ProbeStart =
  | { readonly ok: false; readonly issues: readonly Issue[] }
  | { readonly ok: true; readonly cancel: () => void };

/** ProbeRequest as loadline.admin.v1.ProbeRequest. */
export function encodeProbeRequest({ service, pool, address, stepRatio, holdMs, reason }: ProbeRequest): Wire {
  return { service, pool, endpoint: address, stepRatio, hold: toSeconds(holdMs), reason };
}

export function decodeProbeRequest(wire: Wire): ProbeRequest {
  return {
    service: text(wire.service),
    pool: text(wire.pool),
    address: text(wire.endpoint),
    stepRatio: number(wire.stepRatio),
    holdMs: fromSeconds(wire.hold) ?? 0,
    reason: text(wire.reason),
  };
}

/** ProbeEvent as loadline.admin.v1.ProbeEvent. */
export function encodeProbeEvent(event: ProbeEvent): Wire {
  switch (event.kind) {
    case 'Begun': {
      const { startAtMs, endAtMs, neededRequests, expectedRequests } = event;
      return {
        begun: { startTime: toSeconds(startAtMs), endTime: toSeconds(endAtMs), neededRequests, expectedRequests },
      };
    }
    case 'Going': {
      const { atMs, factor, weight, issuedShare } = event.progress;
      return { progress: { time: toSeconds(atMs), factor, weight, issuedShare } };
    }
    case 'Ended':
      return { ended: { measure: event.measure === undefined ? undefined : encodeMeasure(event.measure) } };
    case 'Aborted':
      return { aborted: { reason: event.reason } };
  }
}

/** Undefined for a kind of event that a newer server may have. */
export function decodeProbeEvent(wire: Wire): ProbeEvent | undefined {
  const { begun, progress, ended, aborted } = wire as Readonly<Record<string, Wire | null | undefined>>;
  if (begun != null)
    return {
      kind: 'Begun',
      startAtMs: fromSeconds(begun.startTime) ?? 0,
      endAtMs: fromSeconds(begun.endTime) ?? 0,
      neededRequests: number(begun.neededRequests),
      expectedRequests: number(begun.expectedRequests),
    };
  if (progress != null)
    return {
      kind: 'Going',
      progress: {
        atMs: fromSeconds(progress.time) ?? 0,
        factor: number(progress.factor),
        weight: number(progress.weight),
        issuedShare: numberOrNull(progress.issuedShare) ?? undefined,
      },
    };
  if (ended != null) return { kind: 'Ended', measure: decodeMeasure(ended.measure) };
  if (aborted != null) return { kind: 'Aborted', reason: text(aborted.reason) };
  return undefined;
}

function encodeMeasure({ delaySec, gain, ...rest }: ProbeMeasure): Wire {
  return { ...rest, delay: delaySec, gain };
}

function decodeMeasure(value: unknown): ProbeMeasure | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const wire = value as Wire;
  return {
    delaySec: decodeEstimate(wire.delay),
    gain: decodeEstimate(wire.gain),
    expectedGain: number(wire.expectedGain),
    inFlightPerSidecar: number(wire.inFlightPerSidecar),
    requests: number(wire.requests),
  };
}

function decodeEstimate(value: unknown): ProbeMeasure['gain'] {
  const wire = (value ?? {}) as Wire;
  return { value: number(wire.value), low: number(wire.low), high: number(wire.high) };
}
