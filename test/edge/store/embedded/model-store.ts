import type { Change, Revision, WriteOutcome } from '../../../../src/edge/store/index.ts';

type Entry = { readonly content: string; readonly revision: Revision };

/** What a store should do with `ModelService` documents, in as few words as possible: every state is kept whole. */
export class ModelStore {
  readonly states: ReadonlyMap<string, Entry>[] = [new Map()];
  readonly #answers = new Map<string, { readonly content: string; readonly outcome: WriteOutcome }>();

  get revision(): Revision {
    return this.states.length - 1;
  }

  write(changes: readonly Change[], idempotencyKey?: string, at?: Revision): WriteOutcome {
    const content = JSON.stringify(changes);
    const answered = idempotencyKey === undefined ? undefined : this.#answers.get(idempotencyKey);
    if (answered?.outcome.kind === 'Written') {
      if (answered.content !== content) return { kind: 'KeyReused', revision: answered.outcome.revision };
      return { ...answered.outcome, replayed: true };
    }
    const outcome = this.#apply(changes, at);
    if (idempotencyKey !== undefined && outcome.kind === 'Written')
      this.#answers.set(idempotencyKey, { content, outcome });
    return outcome;
  }

  #apply(changes: readonly Change[], at: Revision = this.revision): WriteOutcome {
    const now = this.states.at(-1) as ReadonlyMap<string, Entry>;
    const actual = (name: string): Revision => now.get(name)?.revision ?? 0;
    const conflicts = changes.filter(({ name, expected }) => expected !== undefined && expected !== actual(name));
    if (conflicts.length > 0 || at !== this.revision) {
      const told = conflicts.map(({ kind, name, expected }) => ({
        kind,
        name,
        expected: expected as Revision,
        actual: actual(name),
        current: undefined,
      }));
      return { kind: 'Conflict', revision: this.revision, conflicts: told };
    }
    const due = changes.filter((change) =>
      change.operation === 'Delete' ? now.has(change.name) : now.get(change.name)?.content !== change.content,
    );
    if (due.length > 0) {
      const next = new Map(now);
      for (const change of due) {
        if (change.operation === 'Delete') next.delete(change.name);
        else next.set(change.name, { content: change.content, revision: this.states.length });
      }
      this.states.push(next);
    }
    return {
      kind: 'Written',
      revision: this.revision,
      changed: due.map(({ kind, name, operation }) => ({ kind, name, operation })),
      unchanged: changes.filter((one) => !due.includes(one)).map(({ kind, name }) => ({ kind, name })),
      replayed: false,
    };
  }
}

/** As `stateOf` says it of a store. */
export function lineOf(state: ReadonlyMap<string, Entry>): string {
  return [...state]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { content, revision }]) => `${name}=${content}@${revision}`)
    .join(' ');
}
