import { describe, expect, it } from 'vitest';
import type {
  ClusterMemory,
  EndpointMemory,
  GpuMemory,
  ThrottleMemory,
  UtilMemory,
  XidMemory,
} from '../../../src/core/load/load-state.ts';
import {
  conflictsOf,
  conflictWords,
  SIGNALS,
  type Signal,
  type SignalState,
  signalBeliefs,
} from '../../../src/core/load/signal-belief.ts';
import { belief, beliefs, START_MS } from '../weights/beliefs.ts';
import { cluster, gpu, memory, reading } from './memories.ts';

type Engine = 'Fresh' | 'Stale' | 'Absent';
type Case = {
  readonly memory?: Partial<EndpointMemory>;
  readonly engine?: Engine;
  readonly cluster?: Partial<ClusterMemory>;
  readonly reports?: 'Fresh' | 'Silent';
};

/** What is told of one signal: its state, and why. */
function told(signal: Signal, { memory: of = {}, engine = 'Absent', cluster: all = {}, reports = 'Silent' }: Case) {
  const one = memory(of);
  const load = beliefs([belief(0, { engine })], { loadReports: reports });
  const made = signalBeliefs(one, belief(0, { engine }), load, { cluster: cluster(all) }, START_MS);
  expect(made.map(({ signal: name }) => name)).toEqual(SIGNALS);
  const { state, why } = made.find(({ signal: name }) => name === signal)!;
  return why === undefined ? [state] : [state, why];
}

type Row = readonly [what: string, of: Case, state: SignalState, why?: string];
const SHARED = 'its device is shared or partitioned';

/** An endpoint with these devices. */
const gpus = (...all: readonly Partial<GpuMemory>[]): Case => ({ memory: { gpus: all.map((one) => gpu(one)) } });
const ago = (ms: number): number => START_MS - ms;

const util = (over: Partial<UtilMemory>): UtilMemory => ({
  last: 0.5,
  repeatSec: 0,
  util3: 0.5,
  inFlight3: 8,
  util20: 0.5,
  inFlight20: 8,
  meanLogInFlight: 2,
  meanLogUtil: -0.7,
  ...over,
});
/** A whole device that was read just now. */
const read = (over: Partial<EndpointMemory> = {}): Partial<EndpointMemory> => ({
  gpus: [gpu({ utilRatio: 0.5 })],
  util: util({}),
  ...over,
});
const gate = (over: Partial<ClusterMemory['gpuGate']>): Partial<ClusterMemory> => ({
  gpuGate: { ...cluster().gpuGate, ...over },
});
const throttle = (atMs: number): ThrottleMemory => ({
  atMs,
  ratio: 1,
  totalSec: null,
  totalAtMs: 0,
  totalRatio: 0,
  riseAtMs: 0,
  holdUntilMs: 0,
  recentCount: null,
  recentRatio: 0,
});
const xid = (stage: XidMemory['stage'], atMs = START_MS): XidMemory => ({
  atMs,
  code: 79,
  stage,
  fatalCode: 79,
  stageAtMs: atMs,
  recent: 0,
  recentAtMs: 0,
});

const ROWS: Readonly<Record<Signal, readonly Row[]>> = {
  engine: [
    ['as fresh as its page', { engine: 'Fresh' }, 'Fresh'],
    ['as old as its page', { engine: 'Stale' }, 'Stale'],
    ['absent', { engine: 'Absent' }, 'Absent'],
    ['doubted for almost 30 s', { engine: 'Stale', memory: { engineDoubtSec: 29.9 } }, 'Stale'],
    [
      'doubted',
      { memory: { engineDoubtSec: 30, engine: reading(0, { running: 2, waiting: 1 }), inFlight: 8.6 } },
      'Conflict',
      'tells of 3 requests where the sidecars have 9: load reports are believed',
    ],
  ],
  kv: [
    ['not told, by nobody', { engine: 'Absent' }, 'Absent'],
    ['not told by its engine', { engine: 'Fresh', memory: { engine: reading(0) } }, 'Absent'],
    ['empty', { engine: 'Fresh', memory: { engine: reading(0, { kvUsageRatio: 0 }) } }, 'Fresh'],
    ['old', { engine: 'Stale', memory: { engine: reading(-60, { kvUsageRatio: 0.5 }) } }, 'Stale'],
    [
      'more than full',
      { memory: { kvConflict: { value: 60, beganAtMs: START_MS, goodRatio: 0.5 } } },
      'Conflict',
      'reads 6000 %, which cannot be: the last good value stands, and ages',
    ],
  ],
  gpu: [
    ['of no device', {}, 'Absent'],
    ['of a device that tells its clock only', gpus({ clockHertz: 2e9 }), 'Absent'],
    ['older than 5 s', gpus({ utilRatio: 0.5, utilAtMs: ago(5001) }), 'Stale'],
    ['5 s old', { ...gpus({ utilRatio: 0.5, utilAtMs: ago(5000) }), cluster: gate({ open: true }) }, 'Fresh'],
    [
      'as new as the newest device',
      { ...gpus({ utilRatio: 0.5, utilAtMs: ago(9000) }, { utilRatio: 0.5 }), cluster: gate({ open: true }) },
      'Fresh',
    ],
    ['of a shared device', gpus({ utilRatio: 0.5, whole: false }), 'Ignored', SHARED],
    ['of two devices, one shared', gpus({ utilRatio: 0.5 }, { whole: false }), 'Ignored', SHARED],
    [
      'pinned',
      { engine: 'Fresh', memory: read({ util: util({ util20: 0.995 }) }) },
      'Ignored',
      'pinned: it reads full at any load',
    ],
    ['not needed', { engine: 'Fresh', memory: read() }, 'Ignored', 'not needed while its engine is heard'],
    [
      'not followed yet',
      { engine: 'Fresh', memory: read({ util: null }) },
      'Ignored',
      'not needed while its engine is heard',
    ],
    [
      'almost pinned, and not seen to follow the load',
      { engine: 'Stale', memory: read({ util: util({ util20: 0.9949 }) }) },
      'Ignored',
      'it has not been seen to follow the load',
    ],
    [
      'switched off',
      { memory: read(), cluster: gate({ open: true, offUntilMs: START_MS + 1, closedUntilMs: START_MS + 1 }) },
      'Ignored',
      'switched off: devices of this service under-report',
    ],
    [
      'frozen',
      { memory: read(), cluster: gate({ open: true, offUntilMs: START_MS, closedUntilMs: START_MS + 1 }) },
      'Ignored',
      'pinned: a reading of this service repeats itself',
    ],
    ['used', { memory: read(), cluster: gate({ open: true, closedUntilMs: START_MS }) }, 'Fresh'],
    [
      'more than full',
      gpus({ utilRatio: 0.5 }, { utilConflict: { value: 1.4, beganAtMs: START_MS } }),
      'Conflict',
      'reads 140 %, which cannot be: the last good value stands, and ages',
    ],
    [
      'full at an idle engine',
      { memory: read({ util: util({ util20: 1, idleFullSec: 30 }) }) },
      'Conflict',
      'reads full while the engine has nothing to do',
    ],
    [
      'full at an idle engine for less than 30 s',
      { memory: read({ util: util({ util20: 1, idleFullSec: 29.9 }) }) },
      'Ignored',
      'pinned: it reads full at any load',
    ],
  ],
  clock: [
    ['of no device', {}, 'Absent'],
    ['of a device that does not tell it', gpus({ utilRatio: 0.5 }), 'Absent'],
    ['of one of two devices', gpus({}, { clockHertz: 2e9, clockAtMs: ago(5000) }), 'Fresh'],
    ['older than 5 s', gpus({ clockHertz: 2e9, clockAtMs: ago(5001) }), 'Stale'],
    ['of two devices, one shared', gpus({ clockHertz: 2e9 }, { whole: false }), 'Ignored', SHARED],
  ],
  throttle: [
    ['of no device', {}, 'Absent'],
    ['of a device that does not tell of it', gpus({ utilRatio: 0.5 }), 'Absent'],
    ['a minute old', gpus({}, { throttle: throttle(ago(60_000)) }), 'Fresh'],
    ['older', gpus({ throttle: throttle(ago(60_001)) }), 'Stale'],
    [
      'beside the clock',
      gpus({ throttle: throttle(START_MS), clockHertz: 2e9 }),
      'Ignored',
      'the SM clock says how much is lost',
    ],
  ],
  xid: [
    ['of no device', {}, 'Absent'],
    ['of a device that tells none', gpus({ utilRatio: 0.5 }), 'Absent'],
    ['a minute old', gpus({}, { xid: xid('Clear', ago(60_000)) }), 'Fresh'],
    ['older', gpus({ xid: xid('Fatal', ago(60_001)) }), 'Stale'],
    ['fatal', gpus({ xid: xid('Fatal') }), 'Fresh'],
    [
      'of unknown age',
      gpus({}, { xid: xid('Clear') }, { xid: xid('Suspect') }),
      'Ignored',
      'a fatal code of unknown age: its work decides',
    ],
    [
      'of the time before',
      gpus({}, { xid: xid('Clear') }, { xid: xid('Dismissed') }),
      'Ignored',
      'a fatal code after which it has worked or started anew',
    ],
    ['of unknown age, beside one that is lost', gpus({ xid: xid('Suspect') }, { xid: xid('Fatal') }), 'Fresh'],
    ['of the time before, beside one that is lost', gpus({ xid: xid('Dismissed') }, { xid: xid('Fatal') }), 'Fresh'],
  ],
  reports: [
    ['fresh', { reports: 'Fresh' }, 'Fresh'],
    ['silent, of sidecars that there were', { cluster: { sidecars: 1 } }, 'Stale'],
    ['of no sidecar ever', {}, 'Absent'],
  ],
};

describe.each(SIGNALS)('the signal %s', (signal) => {
  for (const [what, of, ...words] of ROWS[signal])
    it(what, () => {
      expect(told(signal, of)).toEqual(words);
    });
});

describe('signals in conflict', () => {
  const all = memory({
    engineDoubtSec: 30,
    engine: reading(0),
    kvConflict: { value: 60, beganAtMs: START_MS, goodRatio: null },
    gpus: [gpu({ utilConflict: { value: 1.4, beganAtMs: START_MS } })],
  });

  it('are those that have words, in the order of the signals', () => {
    expect(conflictsOf(all)).toEqual(['engine', 'kv', 'gpu']);
    expect(conflictsOf(memory())).toEqual([]);
    for (const one of [all, memory()])
      expect(SIGNALS.filter((signal) => conflictWords(one, signal) !== undefined)).toEqual(conflictsOf(one));
  });
});
