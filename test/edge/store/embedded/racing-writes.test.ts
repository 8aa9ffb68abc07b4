import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/base/units/index.ts';
import type { EmbeddedStore, Version } from '../../../../src/edge/store/index.ts';
import { apply, cleanUp, newFolder, openStore, put } from './stores.ts';

cleanUp();

const WRITERS = 50;
const WRITES_EACH = 200;
const DOCUMENTS = 8;

type Success = {
  readonly name: string;
  readonly content: string;
  readonly expected: number;
  readonly revision: number;
};

describe('10,000 conditional writes that race', () => {
  it('lose no update and report no success that was none', async () => {
    const store = await openStore(newFolder(), { limits: { keptRevisions: 20_000 } });
    const successes: Success[] = [];
    let conflicts = 0;
    const writer = async (id: number): Promise<void> => {
      const random = seededRandom(id);
      const seen = new Map<string, number>();
      for (let n = 0; n < WRITES_EACH; n++) {
        const name = `d${Math.floor(random() * DOCUMENTS)}`;
        const expected = seen.get(name) ?? 0;
        const content = `${id}/${n}`;
        const outcome = await apply(store, [put(name, content, expected)]);
        if (outcome.kind === 'Written') {
          successes.push({ name, content, expected, revision: outcome.revision });
          seen.set(name, outcome.revision);
        } else if (outcome.kind === 'Conflict') {
          conflicts += 1;
          const [conflict] = outcome.conflicts;
          expect(conflict?.actual).not.toBe(expected);
          expect(conflict?.current?.revision).toBe(conflict?.actual);
          seen.set(name, conflict?.actual ?? 0);
        } else expect.fail(outcome.kind);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, id) => writer(id)));
    expect(successes.length + conflicts).toBe(WRITERS * WRITES_EACH);
    expect(conflicts).toBeGreaterThan(100);

    const history = await wholeHistory(store);
    const told = (one: { readonly name: string; readonly content?: string | undefined; readonly revision: number }) =>
      `${one.revision} ${one.name} ${one.content}`;
    // Each success is in the history, once, and nothing else is.
    expect(history.map(told)).toEqual(successes.toSorted((a, b) => a.revision - b.revision).map(told));
    expect(history.map(({ revision }) => revision)).toEqual(history.map((_, at) => at + 1));
    // And each took the place of exactly the version that its writer had seen.
    const newest = new Map<string, number>();
    const expectedOf = new Map(successes.map((one) => [one.revision, one.expected]));
    for (const { name, revision } of history) {
      expect(expectedOf.get(revision), `revision ${revision}`).toBe(newest.get(name) ?? 0);
      newest.set(name, revision);
    }
    const { documents } = await store.list();
    expect(new Map(documents.map(({ name, revision }) => [name, revision]))).toEqual(newest);
  }, 120_000);
});

/** Oldest first. */
async function wholeHistory(store: EmbeddedStore): Promise<readonly Version[]> {
  const versions: Version[] = [];
  for (let before: number | undefined; ; ) {
    const page = await store.history(before === undefined ? { limit: 1000 } : { before, limit: 1000 });
    if (page.length === 0) return versions.reverse();
    versions.push(...page);
    before = page.at(-1)?.revision;
  }
}
