import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Random, seededRandom } from '../../../../src/base/units/index.ts';
import { type AuditRecord, EmbeddedStore, verifyStoredTrail } from '../../../../src/edge/store/index.ts';

const SCRIPT = join(import.meta.dirname, 'writer-process.js');
/** Compiles SQLite once and quickly: a process of a few milliseconds gains nothing from a better compiler. */
const FLAGS = ['--liftoff-only'];
/** The documents that each writer of the process writes together. */
const PARTS = ['a', 'b', 'c'];
/** A kill comes after up to so many acknowledged writes, and up to so much later: in any state of the next ones. */
const MOST_WRITES = 8;
const LATEST_MS = 12;
/** The whole trail is checked after each so many kills, and what is new after each. */
const WHOLE_CHECK_EACH = 50;

export type KillReport = { readonly kills: number; readonly acknowledged: number; readonly unanswered: number };

/**
 * Kills a writing process again and again on the same store, and looks after each time: every acknowledged write is there
 * at the revision that was said, nothing else is than what was begun, no transaction is there in part, revisions and the trail have
 * no gap.
 */
export async function killWriters(folder: string, kills: number, seed: number): Promise<KillReport> {
  const random = seededRandom(seed);
  let acknowledged = 0;
  let unanswered = 0;
  let known = { sequence: 0, revision: 0 };
  for (let run = 0; run < kills; run++) {
    const { begun, done } = await killedRun(folder, run, random);
    const { store, mended } = await EmbeddedStore.open({ folder });
    expect(mended, `run ${run}`).toEqual({ damages: [], restored: [], salvagedFrom: undefined });
    const records = await recordsAfter(store, known.sequence);
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, at) => known.sequence + at + 1));
    expect(records.map(({ revision }) => revision)).toEqual(records.map((_, at) => known.revision + at + 1));
    const stored = new Map(records.map(({ reason, revision }) => [reason, revision]));
    // One that deleted what was not there changed nothing, and has no revision of its own.
    for (const [tag, { revision, changed }] of done)
      if (changed > 0) expect(stored.get(tag), `run ${run}: write ${tag}`).toBe(revision);
    for (const tag of stored.keys()) expect(begun).toContain(tag);
    const { documents } = await store.list();
    for (let writer = 0; documents.some(({ name }) => name.startsWith(`w${writer}-`)); writer++) {
      const together = documents.filter(({ name }) => name.startsWith(`w${writer}-`));
      expect(together.map(({ name }) => name)).toEqual(PARTS.map((part) => `w${writer}-${part}`));
      expect(new Set(together.map(({ content, revision }) => `${revision} ${content}`)).size).toBe(1);
    }
    const last = records.at(-1);
    known = { sequence: last?.sequence ?? known.sequence, revision: last?.revision ?? known.revision };
    acknowledged += done.size;
    unanswered += begun.size - done.size;
    await store.close();
    if ((run + 1) % WHOLE_CHECK_EACH === 0 || run + 1 === kills)
      expect(await verifyStoredTrail(folder)).toMatchObject({ ok: true, records: known.sequence, lost: 0 });
  }
  return { kills, acknowledged, unanswered };
}

type Run = {
  readonly begun: ReadonlySet<string>;
  readonly done: ReadonlyMap<string, { readonly revision: number; readonly changed: number }>;
};

async function killedRun(folder: string, run: number, random: Random): Promise<Run> {
  const child: ChildProcess = spawn(process.execPath, [...FLAGS, SCRIPT, folder, String(run)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk;
  });
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once('close', (_, signal) => resolve(signal)));
  const writes = Math.floor(random() * (MOST_WRITES + 1));
  const written = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.startsWith('ready') && said.split('\ndone').length > writes) resolve();
    });
  });
  await Promise.race([written, gone]);
  await new Promise((resolve) => setTimeout(resolve, random() * LATEST_MS));
  child.kill('SIGKILL');
  expect(await gone, complaint).toBe('SIGKILL');
  // The last line may be half a line.
  const lines = said
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '));
  const begun = new Set(lines.flatMap(([word, tag]) => (word === 'begun' && tag !== undefined ? [tag] : [])));
  const done = new Map(
    lines.flatMap(([word, tag, revision, changed]) =>
      word === 'done' && tag !== undefined
        ? [[tag, { revision: Number(revision), changed: Number(changed) }] as const]
        : [],
    ),
  );
  return { begun, done };
}

/** Oldest first. */
async function recordsAfter(store: EmbeddedStore, sequence: number): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  for (let before: number | undefined; ; ) {
    const page = await store.audit(before === undefined ? { limit: 50 } : { before, limit: 50 });
    records.push(...page.filter((record) => record.sequence > sequence));
    before = page.at(-1)?.sequence;
    if (before === undefined || before <= sequence + 1) return records.reverse();
  }
}
