import { z } from 'zod';
import { READABLE_VERSIONS, RECORDING_FORMAT, RECORDING_VERSION, type RecordingLine } from './recording.ts';

export type ReadLine =
  | { readonly ok: true; readonly line: RecordingLine }
  /** `broken`: not even JSON, as the last line of a file that was cut off is. */
  | { readonly ok: false; readonly broken: boolean; readonly reason: string };

const name = z.string();
const time = z.number();
const count = z.number();
const subject = z.looseObject({
  address: name.optional(),
  port: z.number().optional(),
  gpu: name.optional(),
  pod: name.optional(),
  node: name.optional(),
});
const endpoint = z.looseObject({
  id: name,
  service: name,
  pool: name,
  address: name,
  port: z.number(),
  incarnation: name,
  capacity: z.number().positive(),
  lifecycle: z.enum(['Active', 'Draining']),
});
const report = z.looseObject({
  nodeId: name,
  receivedAtMs: time,
  intervalMs: time,
  absentMeansIdle: z.boolean(),
  clusters: z.array(
    z.looseObject({
      cluster: name,
      endpoints: z.array(
        z.looseObject({
          address: name,
          port: z.number(),
          inProgress: count,
          issued: count,
          succeeded: count,
          errors: count,
          orca: z.array(z.looseObject({ metric: name, mean: z.number(), answers: count })).optional(),
        }),
      ),
    }),
  ),
});
const decision = z.looseObject({
  service: name,
  outcome: name,
  endpoints: z.array(z.looseObject({ id: name, weight: z.number(), health: z.enum(['Healthy', 'Draining']) })),
  shadowWeights: z.record(name, z.number()).optional(),
});

const promptResult = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('Answered'), firstByteSec: z.number() }),
  z.looseObject({ kind: z.literal('Status'), status: z.number() }),
  z.looseObject({ kind: z.literal('TimedOut'), afterSec: z.number() }),
  z.looseObject({ kind: z.literal('Failed'), why: z.string() }),
  z.looseObject({ kind: z.literal('Unsent'), why: z.string() }),
]);

const begun = {
  id: name,
  service: name,
  reason: z.string(),
  author: z.string(),
  startedAtMs: time,
  endsAtMs: time,
  forced: z.boolean(),
};
const operation = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('Freeze'), ...begun, weights: z.record(name, z.number().positive()) }),
  z.looseObject({ kind: z.literal('Drain'), ...begun, pool: name.optional(), endpoint: name.optional() }),
  z.looseObject({ kind: z.literal('Failover'), ...begun, from: name, to: name.optional() }),
  z.looseObject({ kind: z.literal('Shed'), ...begun, percent: z.number().min(1).max(100) }),
]);

/** What today's code relies on; what it does not know is left alone. */
const LINE = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('Header'),
    format: z.literal(RECORDING_FORMAT),
    version: z.number(),
    program: name,
    startedAtMs: time,
  }),
  z.looseObject({
    kind: z.literal('Policy'),
    revision: name,
    files: z.array(z.looseObject({ name, text: z.string() })).min(1),
  }),
  z.looseObject({
    kind: z.literal('Endpoints'),
    sets: z.array(z.looseObject({ service: name, pool: name, complete: z.boolean(), endpoints: z.array(endpoint) })),
  }),
  z.looseObject({
    kind: z.literal('State'),
    state: z.looseObject({
      tick: z.number(),
      atMs: time,
      load: z.record(name, z.looseObject({})),
      weights: z.record(name, z.looseObject({})),
      issued: z.record(name, z.record(name, z.number())),
      sidecars: z.record(name, z.looseObject({})),
    }),
  }),
  z.looseObject({ kind: z.literal('Gap'), ticks: count }),
  z.looseObject({
    kind: z.literal('Tick'),
    nowMs: time,
    samples: z.array(
      z.looseObject({
        source: name,
        subject,
        device: z.enum(['Whole', 'Partitioned']).optional(),
        leaseMs: z.number().optional(),
        buckets: z.array(z.tuple([z.number(), count])).optional(),
        sampledAtMs: time,
        values: z.array(z.tuple([name, z.number().nullable(), z.number().optional()])),
      }),
    ),
    reports: z.array(report),
    presence: z.array(
      z.looseObject({
        nodeId: name,
        group: name,
        kind: z.enum(['Connected', 'Disconnected']),
        atMs: time,
        envoyVersion: z.string(),
      }),
    ),
    deliveries: z
      .array(
        z.looseObject({
          nodeId: name,
          typeUrl: name,
          kind: z.enum(['Sent', 'Acked', 'Nacked']),
          resources: z.array(z.looseObject({ name, version: z.string() })),
          atMs: time,
          latencyMs: z.number().optional(),
        }),
      )
      .optional(),
    answers: z.array(z.looseObject({ endpoint: name, result: promptResult })).optional(),
    perturbations: z
      .array(
        z.looseObject({
          kind: z.literal('Probe'),
          service: name,
          endpoint: name,
          stepRatio: z.number().positive(),
          startAtMs: time,
          holdMs: z.number().positive(),
          reason: z.string(),
        }),
      )
      .optional(),
    operations: z.array(operation).optional(),
    decisions: z.record(name, decision),
  }),
]);

/** Text of one line as a value, or what is wrong with it and what was expected. */
export function readLine(text: string): ReadLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      ok: false,
      broken: true,
      reason: `expected one JSON object, got ${shown(text)}: ${(error as Error).message}`,
    };
  }
  const read = LINE.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const path = (issue?.path ?? []).map(String).join('.');
    return { ok: false, broken: false, reason: `${path === '' ? '' : `${path}: `}${issue?.message ?? 'unknown'}` };
  }
  const line = read.data as unknown as RecordingLine;
  if (line.kind === 'Header' && !READABLE_VERSIONS.includes(line.version)) {
    const reason = `version: expected ${RECORDING_VERSION}, got ${line.version}: replay it with Loadline ${line.program}, which wrote it`;
    return { ok: false, broken: false, reason };
  }
  return { ok: true, line };
}

function shown(text: string): string {
  return text.length === 0 ? 'an empty line' : JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 40)}…`);
}
