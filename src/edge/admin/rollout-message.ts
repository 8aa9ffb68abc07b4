import type {
  EndedRolloutView,
  GroupRolloutView,
  OperationTrialView,
  RolloutView,
  RunningRolloutView,
} from '../observe/index.ts';
import {
  fromEnum,
  fromSeconds,
  list,
  messageOrNull,
  number,
  optional,
  text,
  texts,
  toEnum,
  toSeconds,
  type Wire,
} from './wire-values.ts';

/** RolloutView as loadline.admin.v1.RolloutStatus. */
export function encodeRollout({ running, waiting, byHand, last }: RolloutView, nowMs: number): Wire {
  return {
    now: toSeconds(nowMs),
    ...(running === null ? {} : { running: encodeRunning(running) }),
    ...(waiting === null ? {} : { waiting }),
    ...(byHand === null ? {} : { byHand: encodeByHand(byHand) }),
    ...(last === undefined ? {} : { last: encodeEnded(last) }),
  };
}

/** loadline.admin.v1.RolloutStatus as RolloutView, and the server's clock. */
export function decodeRollout(wire: Wire): RolloutView & { readonly nowMs: number } {
  return {
    nowMs: fromSeconds(wire.now) ?? 0,
    running: messageOrNull(wire.running, decodeRunning),
    waiting: wire.waiting === undefined || wire.waiting === null ? null : text(wire.waiting),
    byHand: messageOrNull(wire.byHand, decodeByHand),
    last: messageOrNull(wire.last, decodeEnded) ?? undefined,
  };
}

function encodeRunning({ cause, from, to, startedAtMs, groups }: RunningRolloutView): Wire {
  return {
    cause: toEnum('ROLLOUT_CAUSE', cause),
    from,
    to,
    startTime: toSeconds(startedAtMs),
    groups: groups.map(encodeGroup),
  };
}

function encodeByHand({ operations, startedAtMs, groups }: OperationTrialView): Wire {
  return { operations, startTime: toSeconds(startedAtMs), groups: groups.map(encodeGroup) };
}

function encodeGroup({ group, sidecars, holdMs, heldSinceMs, canaries }: GroupRolloutView): Wire {
  return {
    group,
    sidecars,
    hold: toSeconds(holdMs),
    heldSince: toSeconds(heldSinceMs),
    canaries: canaries.map(({ nodeId, standing, sinceMs }) => ({
      node: nodeId,
      standing: toEnum('CANARY_STANDING', standing),
      since: toSeconds(sinceMs),
    })),
  };
}

function decodeRunning(wire: Wire): RunningRolloutView {
  return {
    cause: fromEnum('ROLLOUT_CAUSE', wire.cause),
    from: text(wire.from),
    to: text(wire.to),
    startedAtMs: fromSeconds(wire.startTime) ?? 0,
    groups: list(wire.groups, decodeGroup),
  };
}

function decodeByHand(wire: Wire): OperationTrialView {
  return {
    operations: texts(wire.operations),
    startedAtMs: fromSeconds(wire.startTime) ?? 0,
    groups: list(wire.groups, decodeGroup),
  };
}

function decodeGroup(wire: Wire): GroupRolloutView {
  return {
    group: text(wire.group),
    sidecars: number(wire.sidecars),
    holdMs: fromSeconds(wire.hold),
    heldSinceMs: fromSeconds(wire.heldSince),
    canaries: list(wire.canaries, ({ node, standing, since }) => ({
      nodeId: text(node),
      standing: fromEnum('CANARY_STANDING', standing),
      sinceMs: fromSeconds(since) ?? 0,
    })),
  };
}

function encodeEnded({ cause, outcome, startedAtMs, endedAtMs, ...words }: EndedRolloutView): Wire {
  return {
    ...words,
    cause: toEnum('ROLLOUT_CAUSE', cause),
    outcome: toEnum('ROLLOUT_OUTCOME', outcome),
    startTime: toSeconds(startedAtMs),
    endTime: toSeconds(endedAtMs),
  };
}

function decodeEnded(wire: Wire): EndedRolloutView {
  return {
    cause: fromEnum('ROLLOUT_CAUSE', wire.cause),
    from: text(wire.from),
    to: text(wire.to),
    startedAtMs: fromSeconds(wire.startTime) ?? 0,
    endedAtMs: fromSeconds(wire.endTime) ?? 0,
    outcome: fromEnum('ROLLOUT_OUTCOME', wire.outcome),
    why: text(wire.why),
    ...optional('node', wire.node, text),
    ...optional('origin', wire.origin, text),
  };
}
