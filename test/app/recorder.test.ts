import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RecordedTick, Recorder } from '../../src/app/recorder.ts';
import { type RecordingLine, Replay, readLine } from '../../src/core/control/index.ts';
import { RecordedFleet } from '../core/control/recorded-fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const MAX_BYTES = 64 * 1024 * 1024;
let folder: string;
let path: string;
let log: FakeLog;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-record-'));
  path = join(folder, 'day.jsonl');
  log = new FakeLog();
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function record(ticks: readonly RecordedTick[], maxBytes = MAX_BYTES): Promise<void> {
  const recorder = Recorder.open({ path, maxBytes }, log, 1);
  for (const tick of ticks) recorder.take(tick);
  await recorder.close();
}

function linesOf(file: string): readonly RecordingLine[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((text) => {
      const read = readLine(text);
      return read.ok ? read.line : expect.fail(read.reason);
    });
}

function replayOf(file: string): Replay {
  const replay = new Replay();
  for (const [i, line] of linesOf(file).entries()) expect(replay.take(line, i + 1)).toBeUndefined();
  return replay;
}

const kinds = (file: string): string =>
  linesOf(file)
    .map(({ kind }) => kind[0])
    .join('');

function slowThird(seconds: number): RecordedFleet {
  const fleet = new RecordedFleet([30, 30, 4]);
  fleet.run(seconds);
  return fleet;
}

describe('the recorder', () => {
  it('writes what a replay needs to come to the very same decisions, terms and reasons included', async () => {
    const { ticks } = slowThird(45);
    await record(ticks);
    expect(kinds(path)).toBe(`HPE${'T'.repeat(46)}`);
    const replay = new Replay();
    let seen = 0;
    for (const [i, line] of linesOf(path).entries()) {
      expect(replay.take(line, i + 1)).toBeUndefined();
      if (line.kind !== 'Tick') continue;
      expect(replay.decisions).toEqual(ticks[seen]!.decisions);
      seen += 1;
    }
    const [chat] = replay.report().services;
    expect(chat).toMatchObject({ service: 'chat', ticks: 46, ticksThatDiffer: 0, firstDifference: null });
    expect(chat?.pushesRecorded).toBeGreaterThan(1);
    expect(chat?.pushesReplayed).toBe(chat?.pushesRecorded);
  });

  it('says what operators do when it changes, and a replay does it too', async () => {
    const fleet = slowThird(20);
    const who = { service: 'chat', reason: 'a test', author: 'ada', startedAtMs: fleet.nowMs, forced: false };
    const drain = { id: 'drain-aaaa', ...who, endsAtMs: fleet.nowMs + 8000, kind: 'Drain', pool: 'gpu' } as const;
    const weights = { 'chat/gpu/10.0.0.1:8000': 700, 'chat/gpu/10.0.0.3:8000': 500 };
    const freeze = { ...who, id: 'freeze-bbbb', endsAtMs: fleet.nowMs + 60_000, kind: 'Freeze', weights } as const;
    fleet.operations = [{ ...drain, endpoint: '10.0.0.2:8000' }, freeze];
    fleet.run(12);
    fleet.operations = [];
    fleet.run(12);
    await record(fleet.ticks);
    const told = linesOf(path).flatMap((line) => (line.kind === 'Tick' ? (line.operations ?? []) : []));
    expect(told.map(({ id }) => id)).toEqual(['drain-aaaa', 'freeze-bbbb']);
    const [chat] = replayOf(path).report().services;
    expect(chat).toMatchObject({ ticks: 45, ticksThatDiffer: 0, firstDifference: null });
    expect(fleet.ticks.some(({ decisions }) => decisions.chat?.outcome === 'Frozen')).toBe(true);
  });

  it('goes on from the state that it finds, as after a restart', async () => {
    const { ticks } = slowThird(45);
    await record(ticks.slice(30));
    expect(kinds(path)).toBe(`HPES${'T'.repeat(16)}`);
    expect(replayOf(path).report().services[0]).toMatchObject({ ticks: 16, ticksThatDiffer: 0 });
  });

  it('has at most two files of its size, each of which can be replayed by itself', async () => {
    const { ticks } = slowThird(60);
    await record(ticks, 40_000);
    for (const file of [path, `${path}.1`]) {
      expect(statSync(file).size, file).toBeLessThan(40_000 + 20_000);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(kinds(file)).toMatch(/^HPEST+$/);
      expect(replayOf(file).report().services[0]).toMatchObject({ ticksThatDiffer: 0 });
    }
  });

  it('sets an earlier recording aside when it starts', async () => {
    const { ticks } = slowThird(3);
    await record(ticks);
    const first = readFileSync(path, 'utf8');
    await record(ticks.slice(2));
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(first);
  });

  it('leaves ticks out where the disk is behind, counts them, and goes on from where that led', async () => {
    const { ticks } = slowThird(45);
    // No backlog is allowed at all: what comes in one turn after the first tick is lost.
    const recorder = Recorder.open({ path, maxBytes: MAX_BYTES }, log, 1, 0);
    for (const tick of ticks.slice(0, 20)) recorder.take(tick);
    // Until the disk has the first tick; on a machine that is busy that takes a while.
    const sleep = () => new Promise((resolve) => setTimeout(resolve, 50));
    for (let tries = 0; tries < 200 && statSync(path).size === 0; tries++) await sleep();
    await sleep();
    for (const tick of ticks.slice(20, 21)) recorder.take(tick);
    await recorder.close();
    expect(kinds(path)).toBe('HPETGST');
    const replay = replayOf(path);
    expect(replay.report()).toMatchObject({ ticks: 2, lostTicks: 19 });
    expect(replay.report().services[0]).toMatchObject({ ticksThatDiffer: 0 });
    expect(
      log.lines.filter(([level]) => level === 'warn').map(([, fields, message]) => [fields.ticks, message]),
    ).toEqual([
      [undefined, 'recording falls behind the disk: ticks are left out'],
      [19, 'recording goes on; ticks are missing in it'],
    ]);
  });

  it('leaves secrets out', async () => {
    const { ticks } = slowThird(2);
    const text = `# curl https://me:hunter2@prometheus/?token=hunter2 -H "authorization: Bearer hunter2hunter2"\n${ticks[0]!.files[0]!.text}`;
    await record(ticks.map((tick) => ({ ...tick, files: [{ name: 'a.yaml', text }] })));
    expect(readFileSync(path, 'utf8')).not.toContain('hunter2');
    expect(replayOf(path).report().services[0]).toMatchObject({ ticksThatDiffer: 0 });
  });

  it('says when it cannot begin, and ends alone when the disk is full', async ({ skip }) => {
    expect(() => Recorder.open({ path: join(folder, 'no/such/day'), maxBytes: 1 }, log, 1)).toThrow(
      'no/such/day cannot be written: ENOENT',
    );
    if (process.platform !== 'linux') skip('there is no /dev/full');
    path = '/dev/full';
    await record(slowThird(2).ticks);
    const failures = log.lines.filter(([level]) => level === 'error');
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject(['error', { path }, 'recording has ended: it cannot be written']);
  });
});
