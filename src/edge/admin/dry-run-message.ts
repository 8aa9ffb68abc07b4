import type { JsonValue } from '../../base/codec/index.ts';
import type { Position } from '../../base/units/index.ts';
import type {
  Bounded,
  DryRunReport,
  EndpointWeight,
  EnvoyProblem,
  FieldChange,
  PushCost,
  Receiver,
  ResourceChange,
  Shrink,
  SnapshotChange,
  Verdict,
  VerdictCheck,
  WeightMove,
} from '../../core/dry-run/index.ts';
import type { ChangeKind, Kind, PolicyChange } from '../../core/policy/index.ts';
import { flag, list, number, optional, text, texts, type Wire } from './wire-values.ts';

/** Most of the report is on the wire as it is: only values of Envoy's fields are any JSON, and written as such. */
export function encodeDryRun(report: DryRunReport): Wire {
  const { snapshots, verdict } = report;
  return {
    ...report,
    snapshots: { ...snapshots, items: snapshots.items.map(encodeSnapshot) },
    verdict: encodeVerdict(verdict),
  };
}

export function encodeVerdict(verdict: Verdict): Wire {
  return { ...verdict, checks: verdict.checks.map(encodeCheck) };
}

function encodeSnapshot({ receivers, resources }: SnapshotChange): Wire {
  const items = resources.items.map((one) => ({
    ...one,
    fields: { ...one.fields, items: one.fields.items.map(encodeField) },
  }));
  return { receivers, resources: { ...resources, items } };
}

function encodeField({ path, before, after }: FieldChange): Wire {
  return {
    path,
    ...(before === undefined ? {} : { beforeJson: JSON.stringify(before) }),
    ...(after === undefined ? {} : { afterJson: JSON.stringify(after) }),
  };
}

function encodeCheck({ problems, ...check }: VerdictCheck): Wire {
  return {
    ...check,
    problems: problems.map(({ message, resource, position }) => ({
      message,
      resourceType: resource?.type ?? '',
      resourceName: resource?.name ?? '',
      position,
    })),
  };
}

export function decodeDryRun(wire: Wire): DryRunReport {
  return {
    from: text(wire.from),
    to: text(wire.to),
    policy: bounded(wire.policy, decodePolicyChange),
    snapshots: bounded(wire.snapshots, decodeSnapshot),
    pushes: list(wire.pushes, decodePush),
    weights: bounded(wire.weights, decodeMove),
    shrink: decodeShrink(object(wire.shrink)),
    verdict: decodeVerdict(object(wire.verdict)),
  };
}

function decodePolicyChange(wire: Wire): PolicyChange {
  return {
    change: text(wire.change) as ChangeKind,
    kind: text(wire.kind) as Kind,
    name: text(wire.name),
    path: text(wire.path),
    ...optional('before', wire.before, text),
    ...optional('after', wire.after, text),
    ...optional('position', wire.position, decodePlace),
  };
}

function decodeSnapshot(wire: Wire): SnapshotChange {
  return { receivers: list(wire.receivers, decodeReceiver), resources: bounded(wire.resources, decodeResource) };
}

function decodeReceiver(wire: Wire): Receiver {
  return {
    group: text(wire.group),
    release: text(wire.release),
    ownListeners: texts(wire.ownListeners),
    endpointsOnly: flag(wire.endpointsOnly),
    nodeCount: number(wire.nodeCount),
    nodes: texts(wire.nodes),
  };
}

function decodeResource(wire: Wire): ResourceChange {
  return {
    change: text(wire.change) as ChangeKind,
    type: text(wire.type),
    name: text(wire.name),
    ...optional('position', wire.position, decodePlace),
    fields: bounded(wire.fields, decodeField),
  };
}

function decodeField(wire: Wire): FieldChange {
  return {
    path: text(wire.path),
    ...optional('before', wire.beforeJson, parsed),
    ...optional('after', wire.afterJson, parsed),
  };
}

function decodePush(wire: Wire): PushCost {
  const { items, more } = object(wire.resources);
  return {
    type: text(wire.type),
    change: text(wire.change) as ChangeKind,
    effect: text(wire.effect) as PushCost['effect'],
    cost: text(wire.cost),
    source: text(wire.source),
    resources: { items: texts(items), more: number(more) },
    nodeCount: number(wire.nodeCount),
  };
}

function decodeMove(wire: Wire): WeightMove {
  return {
    service: text(wire.service),
    endpoint: text(wire.endpoint),
    ...optional('before', wire.before, decodeWeight),
    ...optional('after', wire.after, decodeWeight),
  };
}

function decodeWeight(value: unknown): EndpointWeight {
  const { weight, share } = object(value);
  return { weight: number(weight), share: number(share) };
}

function decodeShrink({ endpoints, clusters, removedRatio }: Wire): Shrink {
  return { endpoints: decodeCount(endpoints), clusters: decodeCount(clusters), removedRatio: number(removedRatio) };
}

function decodeCount(value: unknown): Shrink['endpoints'] {
  const { before, after, removed } = object(value);
  return { before: number(before), after: number(after), removed: number(removed) };
}

export function decodeVerdict(wire: Wire): Verdict {
  return {
    mode: text(wire.mode) as Verdict['mode'],
    outcome: text(wire.outcome) as Verdict['outcome'],
    publishable: flag(wire.publishable),
    reason: text(wire.reason),
    checks: list(wire.checks, decodeCheck),
  };
}

function decodeCheck(wire: Wire): VerdictCheck {
  return {
    group: text(wire.group),
    release: text(wire.release),
    envoy: text(wire.envoy),
    outcome: text(wire.outcome) as VerdictCheck['outcome'],
    cached: flag(wire.cached),
    problems: list(wire.problems, decodeProblem),
  };
}

function decodeProblem(wire: Wire): EnvoyProblem {
  const type = text(wire.resourceType);
  return {
    message: text(wire.message),
    ...(type === '' ? {} : { resource: { type, name: text(wire.resourceName) } }),
    ...optional('position', wire.position, decodePlace),
  };
}

function decodePlace(value: unknown): Position {
  const { file, line, column } = object(value);
  return { file: text(file), line: number(line), column: number(column) };
}

function bounded<T>(value: unknown, read: (item: Wire) => T): Bounded<T> {
  const { items, more } = object(value);
  return { items: list(items, read), more: number(more) };
}

function object(value: unknown): Wire {
  return typeof value === 'object' && value !== null ? (value as Wire) : {};
}

function parsed(value: unknown): JsonValue {
  return JSON.parse(text(value)) as JsonValue;
}
