import { z } from 'zod';
import type { Result } from '../base/units/index.ts';
import { type ControlState, INITIAL_STATE, whyUnusable } from '../core/control/index.ts';
import type { OperationBook } from '../core/operations/index.ts';
import type { Policy } from '../core/policy/index.ts';
import { staticEndpointSets } from '../edge/discovery/index.ts';
import type { PolicyText } from '../edge/store/index.ts';
import type { Checkpoint } from './checkpoints.ts';
import type { RolloutMemory } from './revision-record.ts';

export type LoadPolicy = (files: readonly PolicyText[]) => Result<Policy>;

export type ReadCheckpoint = {
  /** What can be used of it; undefined: not even the policy. */
  readonly checkpoint: Checkpoint | undefined;
  /** Parts that are left out, and why. */
  readonly problems: readonly string[];
};

/** The latest that a date can be: what is later cannot be put into words. */
const MAX_TIME_MS = 8.64e15;
const time = z.number().min(0).max(MAX_TIME_MS);
const word = z.string();
const begun = {
  id: word,
  service: word,
  reason: word,
  author: word,
  startedAtMs: time,
  endsAtMs: time,
  forced: z.boolean(),
  idempotencyKey: word.optional(),
  phase: z.literal('Canary').optional(),
  now: z.literal(true).optional(),
};
const operation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Freeze'), ...begun, weights: z.record(word, z.number().int().positive()) }),
  z.object({ kind: z.literal('Drain'), ...begun, pool: word.optional(), endpoint: word.optional() }),
  z.object({ kind: z.literal('Failover'), ...begun, from: word, to: word.optional() }),
  z.object({ kind: z.literal('Shed'), ...begun, percent: z.number().int().min(0).max(100) }),
]);
const finished = z.object({
  operation,
  how: word,
  atMs: time,
  by: word.optional(),
  reason: word.optional(),
});
const BOOK = z.object({ running: z.array(operation), finished: z.array(finished) });
const TEXTS = z.array(z.object({ name: word, text: word, firstLine: z.number().int().positive().optional() }));
const halt = z.object({
  event: word,
  atMs: time,
  message: word,
  group: word.optional(),
  node: word.optional(),
  origin: word.optional(),
});
const MEMORY = z.object({
  returned: z.array(z.object({ cause: word, revision: word, release: word, halt })).optional(),
  good: z.array(word).optional(),
  tried: word.optional(),
});
const STATE = z.looseObject({
  tick: time,
  atMs: time,
  sidecars: z.record(word, z.looseObject({ nodeId: word, group: word, envoyVersion: word })),
});

/**
 * Takes apart what a checkpoint holds, each part for itself: a mistake in one must not take the policy away that was in force, and
 * none may end the server. Parts are taken as they stand, so that what a newer build has added to them is not lost.
 */
export function readCheckpoint(content: unknown, nowMs: number, load: LoadPolicy): ReadCheckpoint {
  if (content === undefined) return { checkpoint: undefined, problems: [] };
  const stored = (typeof content === 'object' && content !== null ? content : {}) as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const part = <T>(name: keyof Checkpoint, shape: z.ZodType): T | undefined => {
    const value = stored[name];
    const read = shape.safeParse(value);
    if (read.success) return value as T;
    if (value === undefined) return undefined;
    const [first] = read.error.issues;
    problems.push(`${[name, ...(first?.path ?? [])].join('.')}: ${first?.message}`);
    return undefined;
  };
  const policyFiles = part<readonly PolicyText[]>('policyFiles', TEXTS);
  if (policyFiles === undefined) return { checkpoint: undefined, problems: [...problems, 'it holds no policy'] };
  const operations = part<OperationBook>('operations', BOOK);
  const rollout = part<RolloutMemory>('rollout', MEMORY);
  const state = part<ControlState>('state', STATE);
  const unusable = state === undefined ? undefined : tried(state, load(policyFiles), operations, nowMs);
  if (unusable !== undefined) problems.push(`state: ${unusable}`);
  return {
    checkpoint: {
      policyFiles,
      state: state === undefined || unusable !== undefined ? INITIAL_STATE : state,
      ...(operations === undefined ? {} : { operations }),
      ...(rollout === undefined ? {} : { rollout }),
    },
    problems,
  };
}

function tried(
  state: ControlState,
  loaded: Result<Policy>,
  operations: OperationBook | undefined,
  nowMs: number,
): string | undefined {
  // Where the texts are no policy any more it is gone on with under another one: that which it was decided by stands in for it.
  const policy = loaded.ok ? loaded.value : state.plan?.policy;
  if (policy === undefined) return undefined;
  try {
    return whyUnusable(state, policy, staticEndpointSets(policy), operations?.running ?? [], nowMs);
  } catch (error) {
    return `its policy is none: ${(error as Error).message}`;
  }
}
