import { describe, expect, it } from 'vitest';
import {
  dismissed,
  faultWords,
  judgeSuspects,
  lostGpu,
  stepXid,
  type XidReading,
} from '../../../src/core/load/gpu-fault.ts';
import type { XidMemory } from '../../../src/core/load/load-state.ts';
import { START_MS } from '../weights/beliefs.ts';
import { gpu, memory, reading } from './memories.ts';

const FATAL = 79;
const HARMLESS = 31;

/** What is remembered after these codes, one a second, where a restart was seen at `startedSec` after the start. */
function xidAfter(codes: readonly (number | Partial<XidReading>)[], startedSec: number | null = null): XidMemory {
  let xid: XidMemory | undefined;
  for (const [sec, told] of codes.entries()) {
    const atMs = START_MS + sec * 1000;
    xid = stepXid(
      xid,
      { atMs, ...(typeof told === 'number' ? { code: told } : told) },
      { nowMs: atMs, restartedAtMs: startedSec === null ? null : START_MS + startedSec * 1000 },
    );
  }
  return xid as XidMemory;
}

const stageAfter = (...codes: readonly (number | Partial<XidReading>)[]) => xidAfter(codes).stage;

describe('the last XID of a GPU', () => {
  it('is fatal when a fatal code comes up, and until it is 0 again', () => {
    expect(stageAfter(0, FATAL)).toBe('Fatal');
    expect(stageAfter(0, FATAL, FATAL, FATAL)).toBe('Fatal');
    expect(stageAfter(0, FATAL, 0)).toBe('Clear');
    expect(stageAfter(HARMLESS, FATAL)).toBe('Fatal');
  });

  it('is not fatal for a code that ends one process, or for none', () => {
    expect(stageAfter(0, HARMLESS)).toBe('Clear');
    expect(stageAfter(HARMLESS)).toBe('Clear');
    expect(stageAfter(0, 94)).toBe('Clear');
    expect(stageAfter(0, 79.5)).toBe('Clear');
  });

  it('stays fatal when other codes follow, as they do when a GPU goes down', () => {
    expect(stageAfter(0, FATAL, 45)).toBe('Fatal');
    expect(xidAfter([0, FATAL, 154])).toMatchObject({ stage: 'Fatal', fatalCode: 154 });
  });

  it('is a suspicion where it was there at the first look: it may be days old', () => {
    expect(stageAfter(FATAL)).toBe('Suspect');
    expect(stageAfter(FATAL, FATAL)).toBe('Suspect');
    expect(stageAfter(FATAL, 0)).toBe('Clear');
  });

  it('is a suspicion where the server had just been started anew: exporters look every 30 s', () => {
    expect(xidAfter([0, FATAL], -20).stage).toBe('Suspect');
    expect(xidAfter([0, FATAL], -61).stage).toBe('Fatal');
  });

  it('counts at once where a count by code says that it is minutes old', () => {
    expect(stageAfter({ recentCode: FATAL })).toBe('Fatal');
    expect(stageAfter({ recentCode: 0 })).toBe('Clear');
    expect(stageAfter({ recentCode: HARMLESS })).toBe('Clear');
    expect(xidAfter([{ recentCode: FATAL }], -20).stage).toBe('Suspect');
  });

  it('ends with the count where nothing but counts is told, and not where the last code stands', () => {
    const gone = Array.from({ length: 63 }, () => ({}));
    expect(stageAfter({ recentCode: FATAL }, ...gone.slice(0, 59))).toBe('Fatal');
    expect(stageAfter({ recentCode: FATAL }, ...gone)).toBe('Clear');
    expect(stageAfter({ code: 0 }, { code: FATAL, recentCode: FATAL }, ...gone)).toBe('Fatal');
  });

  it('is not told by an old page that comes again', () => {
    const now = xidAfter([0, FATAL, 0]);
    const again = { code: FATAL, atMs: START_MS + 1000 };
    expect(stepXid(now, again, { nowMs: START_MS + 3000, restartedAtMs: null })).toBe(now);
    const setBack = stepXid(now, again, { nowMs: START_MS + 1500, restartedAtMs: null });
    expect(setBack.stage).toBe('Fatal');
    // Two words of one instant: the first that was heard stands.
    const same = { code: FATAL, atMs: now.atMs };
    for (const nowMs of [now.atMs, now.atMs + 1000])
      expect(stepXid(now, same, { nowMs, restartedAtMs: null })).toBe(now);
  });

  it('is history once the engine has started anew, until another one comes up', () => {
    const old = dismissed(gpu({ xid: xidAfter([0, FATAL]) }));
    expect(old.xid?.stage).toBe('Dismissed');
    expect(lostGpu(memory({ gpus: [old] }))).toBeUndefined();
    const told = (code: number, sec: number) =>
      stepXid(old.xid, { code, atMs: START_MS + sec * 1000 }, { nowMs: START_MS + sec * 1000, restartedAtMs: null });
    expect(told(FATAL, 5).stage).toBe('Dismissed');
    expect(told(48, 5).stage).toBe('Fatal');
    const well = gpu({ xid: xidAfter([0]) });
    expect(dismissed(well)).toBe(well);
  });
});

describe('the lost GPU of a server that has several', () => {
  const lost = (name: string, sec: number, stage: XidMemory['stage'] = 'Fatal') =>
    gpu({ gpu: name, xid: { ...xidAfter([0, FATAL]), stage, stageAtMs: START_MS + sec * 1000 } });

  it('is the one that was lost first, wherever it stands', () => {
    const named = (...gpus: readonly ReturnType<typeof gpu>[]) => lostGpu(memory({ gpus: [...gpus] }))?.gpu;
    expect(named(lost('GPU-a', 20), lost('GPU-b', 10), lost('GPU-c', 30))).toBe('GPU-b');
    expect(named(lost('GPU-a', 10), lost('GPU-b', 10))).toBe('GPU-a');
    expect(named(gpu(), lost('GPU-a', 5, 'Suspect'), lost('GPU-b', 20))).toBe('GPU-b');
    expect(named(gpu(), lost('GPU-a', 5, 'Dismissed'))).toBeUndefined();
  });

  it('is named with its code in words', () => {
    const { xid, gpu: name } = lost('GPU-a', 5);
    expect(faultWords({ ...xid!, gpu: name })).toBe('XID 79 (the GPU has fallen off the bus) of GPU-a');
    expect(faultWords({ ...xid!, gpu: '' })).toBe('XID 79 (the GPU has fallen off the bus)');
    // A state that a newer server saved may hold a code that this one does not know.
    expect(faultWords({ fatalCode: 9999, gpu: 'GPU-a' })).toBe('XID 9999 of GPU-a');
  });
});

describe('a suspicion', () => {
  const suspect = (over: Parameters<typeof memory>[0] = {}) =>
    memory({ gpus: [gpu({ xid: xidAfter([FATAL]) })], ...over });
  const stage = (one: ReturnType<typeof memory>) => one.gpus[0]?.xid?.stage;

  it('is refuted by a completion, though not by one that was on its way', () => {
    const one = suspect();
    judgeSuspects(one, 1, START_MS + 2000, 1);
    expect(stage(one)).toBe('Suspect');
    judgeSuspects(one, 1, START_MS + 3001, 1);
    expect(stage(one)).toBe('Dismissed');
  });

  it('is refuted by an engine that makes tokens', () => {
    const one = suspect({ engineWork: 400 });
    judgeSuspects(one, 0, START_MS + 10_000, 1);
    expect(stage(one)).toBe('Suspect');
    judgeSuspects(one, 0, START_MS + 10_001, 1);
    expect(stage(one)).toBe('Dismissed');
  });

  it('is confirmed by errors', () => {
    const one = suspect({ badSec: 2 });
    judgeSuspects(one, 5, START_MS + 60_000, 1);
    expect(stage(one)).toBe('Fatal');
  });

  it('is confirmed by an engine that has requests and does nothing for half a minute', () => {
    const one = suspect({ engine: reading(0), inFlight: 3 });
    for (let sec = 1; sec < 30; sec += 1) judgeSuspects(one, 0, START_MS + sec * 1000, 1);
    expect(stage(one)).toBe('Suspect');
    judgeSuspects(one, 0, START_MS + 30_000, 1);
    expect(stage(one)).toBe('Fatal');
  });

  it('is neither while nothing is asked of the server, and where no engine was ever heard', () => {
    for (const one of [suspect({ engine: reading(0) }), suspect({ inFlight: 3 })]) {
      for (let sec = 1; sec < 300; sec += 1) judgeSuspects(one, 0, START_MS + sec * 1000, 1);
      expect(stage(one)).toBe('Suspect');
    }
  });
});
