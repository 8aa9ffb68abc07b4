import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Checkpoints } from '../../src/app/checkpoints.ts';
import { ControlLoop } from '../../src/app/control-loop.ts';
import { ControlInbox } from '../../src/app/inbox.ts';
import { KeptStructures } from '../../src/app/kept-structures.ts';
import { loadTexts } from '../../src/app/policy-keeper.ts';
import { PolicyLoads } from '../../src/app/policy-loads.ts';
import { RevisionRecord, type RolloutMemory } from '../../src/app/revision-record.ts';
import { type Random, seededRandom } from '../../src/base/units/index.ts';
import { compilesAlike } from '../../src/core/control/index.ts';
import { begun, EMPTY_BOOK, inForce, lapse, restoredBook } from '../../src/core/operations/index.ts';
import { staticEndpointSets } from '../../src/edge/discovery/index.ts';
import { decodeGeneration, encodeGeneration } from '../../src/edge/store/generation.ts';
import { Fleet, fleetPolicy, fleetText } from '../core/control/fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const LONG = process.env.LOADLINE_TEST_LONG !== undefined;
/** `npm run test:long` tries 10,000 records. */
const ROUNDS = LONG ? 5000 : 100;
const FILES = ['checkpoint.0', 'checkpoint.1', 'structures'];
const loads = new PolicyLoads();
const TEXTS = [{ name: 'lab.yaml', text: fleetText() }];

const ending: (() => void)[] = [];

afterEach(() => {
  for (const end of ending.splice(0).reverse()) end();
});

function newFolder(): string {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'loadline-damaged-'));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a server leaves behind: two checkpoints with everything that one may hold, and what Envoys have. */
async function leftBehind(nowMs: number, fleet: Fleet): Promise<string> {
  const data = newFolder();
  const log = new FakeLog();
  const checkpoints = new Checkpoints(data, log);
  await checkpoints.open();
  const about = {
    service: 'chat',
    reason: 'r',
    author: 'ann',
    startedAtMs: nowMs,
    endsAtMs: nowMs + 900_000,
    forced: false,
  };
  let book = EMPTY_BOOK;
  for (const operation of [
    { ...about, id: 'freeze-1', kind: 'Freeze', weights: { 'chat/gpu/10.0.0.1:8000': 7 } },
    { ...about, id: 'drain-1', kind: 'Drain', pool: 'gpu', endpoint: '10.0.0.2:8000', idempotencyKey: 'k' },
    { ...about, id: 'shed-1', kind: 'Shed', percent: 5 },
    { ...about, id: 'shed-2', kind: 'Shed', percent: 5, endsAtMs: nowMs - 1 },
  ] as const)
    book = begun(book, operation);
  const operations = lapse(book, nowMs).book;
  const halt = { event: 'Nack' as const, atMs: nowMs, message: 'no', node: 'a', origin: 'lab.yaml:1:1' };
  const rollout: RolloutMemory = {
    returned: [{ cause: 'Policy', revision: 'abc', release: '1.0.0', halt }],
    good: ['1.0.0 abc', '1.0.0 def'],
  };
  for (let turn = 0; turn < 2; turn += 1)
    await checkpoints.save({ state: fleet.state, operations, policyFiles: TEXTS, rollout });
  await checkpoints.close();
  const loop = new ControlLoop(new ControlInbox(() => {}), () => []);
  loop.tick({ policy: fleet.policy, endpointSets: staticEndpointSets(fleet.policy) }, nowMs);
  loop.snapshot({ group: 'lab', release: '1.40', listenerOverrides: {} });
  const kept = new KeptStructures(data, log, () => nowMs);
  kept.offer(TEXTS, loop.structures());
  await expect.poll(() => existsSync(join(data, 'structures'))).toBe(true);
  expect(log.lines).toEqual([]);
  return data;
}

/** As the server starts: everything that is restored, and the first ticks. @returns what was told */
async function restart(data: string, nowMs: number): Promise<readonly string[]> {
  const log = new FakeLog();
  const checkpoints = new Checkpoints(data, log);
  await checkpoints.open();
  try {
    const stored = await checkpoints.load(nowMs, (files) => loads.load(files));
    const loop = new ControlLoop(new ControlInbox(() => {}), () => []);
    const texts = stored?.policyFiles ?? TEXTS;
    const loaded = loadTexts(texts, nowMs, loads) ?? loadTexts(TEXTS, nowMs, loads);
    if (loaded === undefined) return expect.fail('the good policy is refused');
    const record = new RevisionRecord('1.0.0');
    if (stored !== undefined) {
      for (const one of await new KeptStructures(data, log, () => nowMs).load(texts)) compilesAlike(loaded.policy, one);
      record.restore(stored.rollout ?? {});
      expect(record.isGood('nonsense')).toBe(false);
      record.wasReturned('Policy', 'abc');
      loop.restore(stored.state, nowMs);
    }
    let book = restoredBook(stored?.operations, nowMs);
    const { policy } = loaded;
    for (let turn = 1; turn <= 3; turn += 1) {
      const atMs = nowMs + turn * 1000;
      book = lapse(book, atMs).book;
      const { plan } = loop.tick({ policy, endpointSets: staticEndpointSets(policy) }, atMs, {
        operations: inForce(book.running, atMs),
      });
      for (const decision of Object.values(plan.decisions))
        for (const { weight, share } of decision.endpoints)
          if (!Number.isSafeInteger(weight) || weight < 1 || !Number.isFinite(share))
            expect.fail(`a weight of ${weight}, a share of ${share}`);
      const key = { group: policy.groups[0]?.name ?? 'lab', release: '1.40', listenerOverrides: {} };
      loop.snapshot(key);
    }
    await checkpoints.save({ state: loop.state, operations: book, policyFiles: texts, rollout: record.memory });
  } finally {
    await checkpoints.close();
  }
  return log.lines.map(([level, fields, message]) => `${level} ${message}: ${fields.detail ?? fields.reason}`);
}

function copied(data: string, copy: string): string {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  for (const name of FILES) copyFileSync(join(data, name), join(copy, name));
  return copy;
}

describe('what a server left behind', () => {
  it('is gone on with when it is whole', async () => {
    const fleet = new Fleet(fleetPolicy(), [6, 6, 2]);
    fleet.run(5);
    const data = copied(await leftBehind(fleet.nowMs, fleet), join(newFolder(), 'data'));
    expect(await restart(data, fleet.nowMs)).toEqual([]);
    expect(readdirSync(data).filter((name) => name.endsWith('.unusable'))).toEqual([]);
  });

  it(`never keeps the next from starting, in ${2 * ROUNDS} damaged records; what is damaged is told and kept`, async () => {
    const fleet = new Fleet(fleetPolicy(), [6, 6, 2]);
    fleet.run(5);
    const { nowMs } = fleet;
    const original = await leftBehind(nowMs, fleet);
    const random = seededRandom(20_262);
    const place = join(newFolder(), 'data');
    let told = 0;
    let kept = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const data = copied(original, place);
      const victims = [FILES[round % 2] as string, random() < 0.5 ? 'structures' : (FILES[(round + 1) % 2] as string)];
      for (const name of victims) {
        const path = join(data, name);
        writeFileSync(path, damaged(readFileSync(path), random));
      }
      const lines = await restart(data, nowMs).catch((error: unknown) =>
        expect.fail(`round ${round}, ${victims.join(' and ')}: ${(error as Error).stack}`),
      );
      if (lines.length > 0) told += 1;
      const aside = readdirSync(data).filter((name) => name.endsWith('.unusable'));
      kept += aside.length;
      expect(lines.length, lines.join('\n')).toBeGreaterThanOrEqual(aside.length);
    }
    expect(told).toBeGreaterThan(ROUNDS / 2);
    process.stdout.write(
      `state: ${2 * ROUNDS} damaged records in ${ROUNDS} starts, ${told} told, ${kept} files kept aside\n`,
    );
  }, 3_600_000);
});

/** Bytes changed, cut or blanked; or fields changed under a right checksum, as another build or a hand would. */
function damaged(bytes: Buffer, random: Random): Buffer {
  const kind = random();
  const at = Math.floor(random() * bytes.length);
  if (kind < 0.1) return bytes.subarray(0, at);
  if (kind < 0.2) return Buffer.concat([bytes, bytes.subarray(at)]);
  if (kind < 0.4) {
    const copy = Buffer.from(bytes);
    const end = Math.min(copy.length, at + 1 + Math.floor(random() * 64));
    for (let i = at; i < end; i += 1) copy[i] = Math.floor(random() * 256);
    return copy;
  }
  const generation = decodeGeneration(bytes);
  if (!generation.ok) return expect.fail(generation.reason);
  const content = structuredClone(generation.value.content);
  for (let edits = 1 + Math.floor(random() * 3); edits > 0; edits -= 1) changeField(content, random);
  return Buffer.from(encodeGeneration({ ...generation.value, content }));
}

const VALUES = [null, -1, 0, 1e300, 0.5, '', 'x', '__proto__', [], {}, [null], { x: null }, true] as const;

/** One field somewhere, chosen by a walk from the root: another value, another name, or none. */
function changeField(root: unknown, random: Random): void {
  let value = root as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(value);
    if (keys.length === 0) return;
    const key = keys[Math.floor(random() * keys.length)] as string;
    const child = value[key];
    if (typeof child === 'object' && child !== null && random() < 0.85) {
      value = child as Record<string, unknown>;
      continue;
    }
    const act = random();
    if (act < 0.25) delete value[key];
    else if (act < 0.35) value[`${key}x`] = child;
    else value[key] = VALUES[Math.floor(random() * VALUES.length)];
    return;
  }
}
