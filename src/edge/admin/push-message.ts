import type { Subject } from '../../core/topology/index.ts';
import type { Push, PushAnswer, PushedMetric, PushReading, PushRefusal, PushReport } from '../signals/index.ts';
import {
  flag,
  fromEnum,
  fromSeconds,
  list,
  number,
  numberOrNull,
  text,
  texts,
  toEnum,
  toSeconds,
  type Wire,
} from './wire-values.ts';

/** Push as loadline.signals.v1.PushRequest; the agent's name is for the first of a stream. */
export function encodePush(push: Push, sequence: number, agent = ''): Wire {
  return {
    agent,
    sequence,
    uptime: toSeconds(push.uptimeMs),
    reports: push.reports.map(encodeReport),
    problems: push.problems,
  };
}

/** loadline.signals.v1.PushRequest as Push, with what belongs to the stream. */
export function decodePush(wire: Wire): { readonly agent: string; readonly sequence: number; readonly push: Push } {
  return {
    agent: text(wire.agent),
    sequence: number(wire.sequence),
    push: {
      uptimeMs: fromSeconds(wire.uptime) ?? 0,
      reports: list(wire.reports, decodeReport),
      problems: texts(wire.problems),
    },
  };
}

/** PushAnswer as loadline.signals.v1.PushResponse. */
export function encodeAnswer(answer: PushAnswer, sequence: number): Wire {
  return {
    sequence,
    lease: toSeconds(answer.leaseMs),
    refusals: answer.refusals.map(({ subject, metric = '', reason, message }) => ({
      subject,
      metric,
      reason: toEnum('REFUSAL_REASON', reason),
      message,
    })),
  };
}

/** loadline.signals.v1.PushResponse as PushAnswer. */
export function decodeAnswer(wire: Wire): { readonly sequence: number; readonly answer: PushAnswer } {
  const refusals = list(wire.refusals, (one): PushRefusal => {
    const metric = text(one.metric);
    return {
      subject: decodeSubject(one.subject),
      reason: fromEnum('REFUSAL_REASON', one.reason),
      message: text(one.message),
      ...(metric === '' ? {} : { metric }),
    };
  });
  return { sequence: number(wire.sequence), answer: { leaseMs: fromSeconds(wire.lease) ?? undefined, refusals } };
}

function encodeReport(report: PushReport): Wire {
  return {
    subject: report.subject,
    age: toSeconds(report.ageMs),
    readings: report.readings.map(({ metric, value, unchangedForMs }) => ({
      metric: encodeMetric(metric),
      value,
      unchangedFor: toSeconds(unchangedForMs),
    })),
    unchanged: report.unchanged.map(encodeMetric),
    partitioned: report.partitioned,
  };
}

function decodeReport(wire: Wire): PushReport {
  return {
    subject: decodeSubject(wire.subject),
    ageMs: fromSeconds(wire.age) ?? 0,
    readings: list(wire.readings, decodeReading),
    unchanged: Array.isArray(wire.unchanged) ? wire.unchanged.map(decodeMetric) : [],
    partitioned: flag(wire.partitioned),
  };
}

function decodeReading(wire: Wire): PushReading {
  return {
    metric: decodeMetric(wire.metric),
    // A scalar at its default is absent on the wire.
    value: numberOrNull(wire.value) ?? 0,
    unchangedForMs: fromSeconds(wire.unchangedFor) ?? 0,
  };
}

function decodeSubject(value: unknown): Subject {
  if (typeof value !== 'object' || value === null) return {};
  const wire = value as Wire;
  const words = (['address', 'pod', 'node', 'gpu'] as const).flatMap((key) => {
    const said = text(wire[key]);
    return said === '' ? [] : [[key, said] as const];
  });
  const port = number(wire.port);
  return { ...Object.fromEntries(words), ...(port === 0 ? {} : { port }) };
}

function encodeMetric(metric: PushedMetric): string | number {
  return typeof metric === 'string' ? toEnum('METRIC', metric) : Number(metric.unknown);
}

/** The enum of the proto file has our metrics and no others (a test compares them); a newer agent's is a number. */
function decodeMetric(value: unknown): PushedMetric {
  if (typeof value !== 'string' || value === 'METRIC_UNSPECIFIED') return { unknown: String(value ?? 0) };
  const word = fromEnum<string>('METRIC', value);
  return `${word.charAt(0).toLowerCase()}${word.slice(1)}` as Extract<PushedMetric, string>;
}
