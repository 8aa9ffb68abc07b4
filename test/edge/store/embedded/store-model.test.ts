import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Change,
  type EmbeddedStore,
  verifyStoredTrail,
  type WriteOutcome,
} from '../../../../src/edge/store/index.ts';
import { lineOf, ModelStore } from './model-store.ts';
import { apply, cleanUp, newFolder, openStore, put, remove, stateOf } from './stores.ts';

cleanUp();

const KEPT = 8;
const NAMES = ['a', 'b', 'c'];

type Step =
  | {
      readonly kind: 'Write';
      readonly changes: readonly Change[];
      readonly key: string | undefined;
      readonly at: number | undefined;
    }
  | { readonly kind: 'Restart' };

const expected = fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined });
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('x', 'y', 'z'), expected).map((one) => put(...one)),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...NAMES), expected).map((one) => remove(...one)) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('Write' as const),
      changes: fc.uniqueArray(change, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
      key: fc.option(fc.constantFrom('k1', 'k2', 'k3'), { nil: undefined }),
      at: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'Restart' as const }) },
);

describe('the embedded store', () => {
  it('does what the model does: answers, states of every kept revision, watches from anywhere, a whole trail', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const folder = newFolder();
        const limits = { keptRevisions: KEPT };
        const model = new ModelStore();
        let store = await openStore(folder, { limits });
        for (const one of steps) {
          if (one.kind === 'Restart') {
            await store.close();
            store = await openStore(folder, { limits });
            continue;
          }
          const more = {
            ...(one.key === undefined ? {} : { idempotencyKey: one.key }),
            ...(one.at === undefined ? {} : { atRevision: one.at }),
          };
          const outcome = await apply(store, one.changes, more);
          expect(withoutCurrent(outcome)).toEqual(model.write(one.changes, one.key, one.at));
          expect(await stateOf(store)).toBe(lineOf(model.states[model.revision]!));
        }
        await checkPast(store, model);
        await store.close();
        const audited = model.revision;
        expect(await verifyStoredTrail(folder)).toMatchObject({ ok: true, records: audited, lost: 0 });
      }),
      { numRuns: 60 },
    );
  });
});

/** Every revision that is kept, read in both ways: as it was, and from the first kept one by the watch. */
async function checkPast(store: EmbeddedStore, model: ModelStore): Promise<void> {
  const { floor, revision } = await store.status();
  expect({ floor, revision }).toEqual({ floor: Math.max(0, model.revision - KEPT), revision: model.revision });
  const state = new Map([...model.states[floor]!].map(([name, one]) => [name, one]));
  const watch = store.watch(floor);
  for (let at = floor; at <= revision; at++) {
    const listed = await store.listAt(at);
    if (listed.kind !== 'Listed') return expect.fail(`revision ${at} is out of range`);
    const line = listed.list.documents.map(({ name, content, revision: its }) => `${name}=${content}@${its}`).join(' ');
    expect(line).toBe(lineOf(model.states[at]!));
    if (at === floor) continue;
    const { value } = await watch.next();
    if (value?.kind !== 'Changed' || value.revision !== at) return expect.fail(`the watch left ${at} out`);
    for (const { name, content } of value.versions) {
      if (content === undefined) state.delete(name);
      else state.set(name, { content, revision: at });
    }
    expect(lineOf(state)).toBe(line);
  }
  await watch.return?.();
}

/** The model does not say what stands in the way of a conflicting write, only at which revision. */
function withoutCurrent(outcome: WriteOutcome): WriteOutcome {
  if (outcome.kind !== 'Conflict') return outcome;
  return { ...outcome, conflicts: outcome.conflicts.map((one) => ({ ...one, current: undefined })) };
}
