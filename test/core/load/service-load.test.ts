import { describe, expect, it } from 'vitest';
import { beliefNotes } from '../../../src/core/load/belief-notes.ts';
import type { ClusterMemory, EndpointMemory, SidecarMemory, XidMemory } from '../../../src/core/load/load-state.ts';
import { type Believed, serviceLoad } from '../../../src/core/load/service-load.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';
import { cluster, gpu, memory, reading } from './memories.ts';

const SIDECAR: SidecarMemory = {
  nodeId: 'a',
  reportedAtMs: START_MS - 400,
  intervalSec: 1,
  baseline: false,
  places: [],
  inFlight: [],
  pending: [],
};

function believed(over: Partial<EndpointMemory> = {}, more: Partial<Believed> = {}): Believed {
  return {
    endpoint: endpoint(0, { maxRunningRequests: 24 }),
    memory: memory(over),
    slots: 24,
    source: 'None',
    engine: 'Absent',
    issued: 0,
    ...more,
  };
}

function service(
  all: readonly Believed[],
  {
    of = {},
    reportsFresh = true,
    ageSec = 100,
  }: { of?: Partial<ClusterMemory>; reportsFresh?: boolean; ageSec?: number } = {},
) {
  return serviceLoad({
    service: 'chat',
    believed: all,
    cluster: cluster({ sidecars: 3, ...of }),
    reportsFresh,
    ageSec,
    nowMs: START_MS,
    sidecars: [{ ...SIDECAR, reportedAtMs: START_MS - 2000 }, SIDECAR],
  });
}

const one = (...args: Parameters<typeof believed>) => service([believed(...args)]).endpoints[0]!;
const heard = (over: Partial<EndpointMemory> = {}) =>
  one({ engine: reading(-1, { kvUsageRatio: 0.9, waiting: 2 }), ...over }, { engine: 'Fresh' });

describe('what is believed of a service', () => {
  it('is its request time by Little, 1 to 60 s, and 8 s until it is measured', () => {
    const time = (totalInFlight: number, completionsSlow: number, ageSec = 20) =>
      service([], { of: { totalInFlight, completionsSlow }, ageSec }).requestTimeSec;
    expect(time(30, 2)).toBe(15);
    expect(time(30, 2, 19.9)).toBe(8);
    expect(time(1, 2)).toBe(1);
    expect(time(300, 2)).toBe(60);
    expect(time(300, 1e-6)).toBe(8);
    expect(time(0.00003, 2e-6)).toBeCloseTo(15, 9);
  });

  it('is how many sidecars report, which is none while they are silent', () => {
    expect(service([])).toMatchObject({ sidecars: 3, loadReports: 'Fresh', service: 'chat', ageSec: 100 });
    expect(service([], { reportsFresh: false })).toMatchObject({ sidecars: 0, loadReports: 'Silent' });
    expect(service([])).toMatchObject({ goodPressure: 0, engineDelaySec: 1 });
    const of = { goodPressure: 0.7, engineAgeSec: 4, meanInFlightPerSidecar: 2 };
    expect(service([], { of })).toMatchObject({ goodPressure: 0.7, engineDelaySec: 4, meanInFlightPerSidecar: 2 });
  });

  it('has capacities around their mean', () => {
    const { endpoints } = service([believed({ logCapacity: 1 }), believed({ logCapacity: 0 })]);
    expect(endpoints.map(({ logCapacity }) => logCapacity)).toEqual([0.5, -0.5]);
  });
});

describe('what is believed of an endpoint', () => {
  it('is its pressure: in flight and one more, over its slots', () => {
    expect(one({ inFlight: 11 })).toMatchObject({ pressure: 0.5, inFlight: 11, foreign: 0, id: endpoint(0).id });
  });

  it('is up to twice the pressure as its KV cache goes from 80 % to full', () => {
    expect(heard({ inFlight: 11 }).pressure).toBeCloseTo(0.75, 12);
    const kv = (kvUsageRatio: number | null, engine: Believed['engine'] = 'Fresh') =>
      one({ inFlight: 11, engine: reading(-1, { kvUsageRatio }) }, { engine }).pressure;
    expect(kv(0.8)).toBeCloseTo(0.5, 12);
    expect(kv(1)).toBeCloseTo(1, 12);
    expect(kv(null)).toBe(0.5);
    expect(kv(1, 'Stale')).toBe(0.5);
  });

  it('has foreign work beyond one request and a tenth of its own, while both engine and sidecars are heard', () => {
    expect(heard({ inFlight: 20, foreign: 3.1 })).toMatchObject({ foreign: 3.1, inFlight: 23.1 });
    expect(heard({ inFlight: 20, foreign: 3 })).toMatchObject({ foreign: 0, inFlight: 20 });
    const stale = one({ inFlight: 20, foreign: 9, engine: reading(-9) }, { engine: 'Stale' });
    expect(stale).toMatchObject({ foreign: 0, inFlight: 20 });
    const input = [believed({ inFlight: 20, foreign: 9, engine: reading(-1) }, { engine: 'Fresh' })];
    expect(service(input, { reportsFresh: false }).endpoints[0]!.foreign).toBe(0);
  });

  it('is what its engine says, while that is fresh', () => {
    expect(heard()).toMatchObject({ running: 8, waiting: 2, kvUsageRatio: 0.9, engine: 'Fresh' });
    const stale = one({ engine: reading(-9, { kvUsageRatio: 0.9 }) }, { engine: 'Stale' });
    expect(stale.running).toBeUndefined();
    expect(stale.waiting).toBeUndefined();
    expect(stale.kvUsageRatio).toBeUndefined();
    expect(one({ engine: reading(-1) }, { engine: 'Fresh' }).kvUsageRatio).toBeUndefined();
  });

  it('knows its slots where they were told, taught or sensed', () => {
    const open = { endpoint: endpoint(0), slots: 64 };
    expect(one({}, open).slotsKnown).toBe(false);
    expect(one({}).slotsKnown).toBe(true);
    expect(one({ slotsByQueue: 99 }, open).slotsKnown).toBe(true);
    expect(one({}, { ...open, slots: 40 }).slotsKnown).toBe(true);
  });

  it('is its share of errors', () => {
    const sick = one({ errorsPerSec: 1, recentErrors: 1, recentRequests: 4 });
    expect(sick).toMatchObject({ errorsPerSec: 1, errorRatio: 0.25, bad: false });
    expect(one({}).errorRatio).toBe(0);
    expect(one({ badSec: 0.1 }).bad).toBe(true);
  });

  it('ramps from its first completion', () => {
    expect(one({ phase: 'Waiting' })).toMatchObject({ waiting1st: true });
    expect(one({ phase: 'Ramping', firstAtMs: START_MS - 7000 })).toMatchObject({ waiting1st: false, rampAgeSec: 7 });
    expect(one({ phase: 'Ramping', firstAtMs: START_MS + 7000 }).rampAgeSec).toBe(0);
    expect(one({ phase: 'Running', firstAtMs: START_MS - 7000 }).rampAgeSec).toBeUndefined();
  });

  it('is as old as the newest that was heard of it', () => {
    const silent = (over: Partial<EndpointMemory>) =>
      service([believed(over)], { reportsFresh: false }).endpoints[0]!.ageMs;
    expect(one({ engine: reading(-1) }).ageMs).toBe(400);
    expect(one({ gpus: [gpu({ utilAtMs: START_MS - 100 })] }).ageMs).toBe(100);
    expect(silent({ engine: reading(-1), gpus: [gpu({ utilAtMs: START_MS - 3000 })] })).toBe(1000);
    expect(silent({ engine: reading(1) })).toBe(0);
    expect(silent({ joinedAtMs: START_MS - 5000 })).toBe(5000);
    expect(silent({ joinedAtMs: START_MS + 5000 })).toBe(0);
  });

  it('shows its GPU and the gate', () => {
    const seen = { gpus: [gpu({ utilRatio: 0.4 })] };
    expect(one(seen)).toMatchObject({ gpuUtilRatio: 0.4, gpuGate: 'Closed' });
    expect(one({}).gpuUtilRatio).toBeUndefined();
    expect(one({}).gpuGate).toBe('Absent');
    const { gpuGate } = cluster();
    expect(service([believed(seen)], { of: { gpuGate: { ...gpuGate, open: true } } }).endpoints[0]!.gpuGate).toBe(
      'Open',
    );
  });
});

function notes(over: Partial<EndpointMemory>, more: Partial<Believed> = {}): readonly string[] {
  const all = believed(over, more);
  return beliefNotes(all.endpoint, all.memory, service([all]).endpoints[0]!, START_MS);
}

describe('the notes of an endpoint', () => {
  it('are none where there is nothing to say', () => {
    expect(notes({ engine: reading(-1) }, { engine: 'Fresh' })).toEqual([]);
    expect(notes({ gpus: [gpu({ utilRatio: 0.99 })] })).toEqual([]);
    expect(notes({ slotsByQueue: 24 })).toEqual([]);
    expect(notes({ engine: null }, { engine: 'Stale' })).toEqual([]);
  });

  it('say why a belief stands or what it comes from', () => {
    expect(notes({ engine: reading(-9) }, { engine: 'Stale' })).toEqual([
      'engine metrics are 9 s old: beliefs are held',
    ]);
    expect(notes({ engine: reading(-1), foreign: 4.25 }, { engine: 'Fresh' })).toEqual([
      '4.3 requests at the engine did not come through the sidecars',
    ]);
    const taught = 'a queue stood while 12 requests ran: taken as its batch limit';
    expect(notes({ slotsByQueue: 12 }, { slots: 12 })).toEqual([taught]);
    expect(notes({ slotsByQueue: 12 }, { slots: 63, endpoint: endpoint(0) })).toEqual([taught]);
    expect(notes({ slotsByQueue: 12 }, { slots: 64, endpoint: endpoint(0) })).toEqual([]);
  });

  it('say that an engine is not believed, whatever else is wrong with its page', () => {
    const doubted = 'its engine tells of less than half of what the sidecars have there: load reports are believed';
    expect(notes({ engine: reading(-9), engineDoubtSec: 30 }, { engine: 'Stale' })).toEqual([doubted]);
    expect(notes({ engine: reading(-9), engineDoubtSec: 29.9 }, { engine: 'Stale' })).toEqual([
      'engine metrics are 9 s old: beliefs are held',
    ]);
  });

  it('say that answers stand in for an engine page, while they are about now', () => {
    const orca = { atMs: START_MS - 5000, kvUsageRatio: 0.5, waiting: null };
    const means = 'queue and KV usage are means over what its answers said (ORCA)';
    expect(notes({ orca })).toEqual([means]);
    expect(notes({ orca: { ...orca, atMs: START_MS - 5001 } })).toEqual([]);
    expect(notes({ orca, engine: reading(-1) }, { engine: 'Fresh' })).toEqual([]);
    // Its time lies ahead of now where the clock was set back.
    expect(notes({ orca: { ...orca, atMs: START_MS } })).toEqual([means]);
    expect(notes({ orca: { ...orca, atMs: START_MS + 1 } })).toEqual([]);
  });

  it('say what throttling costs, or who knows', () => {
    const much = 'its GPU is throttled by heat or power 40 % of the time';
    const throttled = { ratio: 0.4, log: 0 };
    expect(notes({ throttled: { ratio: 0.4, log: -0.1 } })).toEqual([`${much}: derated by 10 % until it ends`]);
    const clocked = [gpu({ clockHertz: 2e9 })];
    expect(notes({ throttled, gpus: clocked })).toEqual([`${much}: its SM clock says how much that costs`]);
    expect(notes({ throttled, gpus: [gpu()] })).toEqual([much]);
  });

  it('say what becomes of a GPU with a fatal code', () => {
    const fallen = 'XID 79 (the GPU has fallen off the bus)';
    const coded = (stage: XidMemory['stage'], fatalCode = 79) =>
      gpu({
        xid: { atMs: START_MS, code: fatalCode, stage, fatalCode, stageAtMs: START_MS, recent: 0, recentAtMs: 0 },
      });
    const lost = { gpus: [coded('Fatal')] };
    expect(notes(lost)).toEqual([
      `its GPU reported ${fallen} of GPU-0: not drained, since its pool keeps half, or the policy says so`,
    ]);
    expect(notes({ ...lost, drainedAtMs: START_MS })).toEqual([]);
    expect(notes({ gpus: [gpu(), coded('Suspect')] })).toEqual([
      `its GPU tells of ${fallen} at an unknown time: its work decides whether that counts`,
    ]);
    expect(notes({ gpus: [coded('Dismissed')] })).toEqual([
      `its GPU tells of ${fallen}: ignored, since the server has worked or started anew after it`,
    ]);
    expect(notes({ gpus: [coded('Clear', 0)] })).toEqual([]);
  });

  it('say why GPU utilisation is not used', () => {
    const shared = 'its GPU is shared or partitioned: utilisation is not used';
    expect(notes({ gpus: [gpu({ utilRatio: 1 }), gpu({ whole: false })] })).toEqual([shared]);
    expect(notes({ gpus: [gpu({ utilRatio: 0.995 })] })).toEqual([
      'GPU utilisation reads full: it cannot tell load apart and is ignored',
    ]);
  });
});
