import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beliefNotes, type LoadState, type ServiceLoad, stepLoad } from '../../../src/core/load/index.ts';
import type { LoadReport, OrcaMean } from '../../../src/core/topology/index.ts';
import { START_MS } from '../weights/beliefs.ts';
import { inputAt, N, page, report } from './seconds.ts';

type Told = { readonly kv?: number; readonly waiting?: number; readonly answers?: number };

function means({ kv, waiting, answers = 2 }: Told): OrcaMean[] {
  return [
    ...(kv === undefined ? [] : [{ metric: 'kvUsageRatio' as const, mean: kv, answers }]),
    ...(waiting === undefined ? [] : [{ metric: 'waitingRequests' as const, mean: waiting, answers }]),
  ];
}

/** The report of one second in which the first server's answers said this. */
function telling(atMs: number, orca: readonly OrcaMean[], inFlight = 16): LoadReport {
  const said = report(atMs, () => ({ inFlight, issued: 2 }));
  return {
    ...said,
    clusters: said.clusters.map((cluster) => ({
      ...cluster,
      endpoints: cluster.endpoints.map((endpoint, i) =>
        i === 0 && orca.length > 0 ? { ...endpoint, orca } : endpoint,
      ),
    })),
  };
}

type Run = { readonly state: LoadState; readonly load: ServiceLoad };

/** Seconds of load reports; `of` says what the answers of each told, undefined for none. */
function run(
  seconds: number,
  of: (sec: number) => Told | undefined,
  more: { optIn?: boolean; engine?: boolean } = {},
): Run {
  let state: LoadState | undefined;
  let load: ServiceLoad | undefined;
  for (let sec = 0; sec < seconds; sec += 1) {
    const nowMs = START_MS + sec * 1000;
    const told = of(sec);
    const reports = [telling(nowMs - 200, told === undefined ? [] : means(told))];
    const samples = more.engine === true ? page(0, nowMs - 100, { running: 14, waiting: 0 }) : [];
    const input = inputAt(nowMs, { reports, samples }, state === undefined);
    const out = stepLoad(state, { ...input, options: { leastRequest: true, orca: more.optIn ?? true } });
    ({ state, load } = out);
  }
  return { state: state as LoadState, load: load as ServiceLoad };
}

const first = ({ load }: Run): ServiceLoad['endpoints'][number] =>
  load.endpoints[0] as ServiceLoad['endpoints'][number];
const memoryOf = ({ state }: Run) => Object.values(state.endpoints)[0] as LoadState['endpoints'][string];

describe('what answers say of an engine without a metrics page', () => {
  it('a queue that stands over several answers teaches the batch limit: what is in flight less the queue', () => {
    const learned = run(12, () => ({ waiting: 6 }));
    expect(first(learned).slots).toBeCloseTo(10, 1);
    expect(memoryOf(learned).slotsByQueueFrom).toBe('Orca');
    expect(first(learned)).toMatchObject({ waiting: 6, engine: 'Absent' });
    // The others said nothing and are believed as before.
    expect(learned.load.endpoints.slice(1).map(({ slots }) => slots)).toEqual(Array(N - 1).fill(64));
  });

  it('a full KV cache raises the pressure at once and bounds the slots', () => {
    const full = run(12, () => ({ kv: 0.9, waiting: 0 }));
    const empty = run(12, () => ({ kv: 0.1, waiting: 0 }));
    expect(first(full).slots).toBeCloseTo((0.85 * 16) / 0.9, 1);
    expect(first(empty).slots).toBe(64);
    expect(first(full).pressure / ((16 + 1) / first(full).slots)).toBeCloseTo(1.5, 6);
    expect(first(full).kvUsageRatio).toBeCloseTo(0.9, 9);
    expect(beliefNotes({}, memoryOf(full), first(full), full.state.atMs).join()).toContain('ORCA');
  });

  it('seconds without answers teach nothing: neither that a queue stands nor that it is gone', () => {
    const once = run(12, (sec) => (sec === 3 ? { waiting: 6 } : undefined));
    expect(first(once).slots).toBe(64);
    // Two answers with a queue, a minute apart: nobody knows of the time between.
    const apart = run(80, (sec) => (sec === 3 || sec === 70 ? { waiting: 6 } : undefined));
    expect(first(apart).slots).toBe(64);
    // A queue that a first answer did not see has not stood since then.
    const late = run(20, (sec) => (sec === 3 ? { waiting: 0 } : sec === 15 ? { waiting: 6 } : undefined));
    expect(first(late).slots).toBe(64);
  });

  it('after five seconds of silence it is no longer shown, and no longer presses', () => {
    const silent = run(20, (sec) => (sec < 10 ? { kv: 0.95 } : undefined));
    expect(first(silent).kvUsageRatio).toBeUndefined();
    expect(first(silent).waiting).toBeUndefined();
    expect(first(silent).pressure).toBeCloseTo(17 / first(silent).slots, 9);
    expect(run(14, (sec) => (sec < 10 ? { kv: 0.95 } : undefined)).load.endpoints[0]?.kvUsageRatio).toBeCloseTo(
      0.95,
      9,
    );
  });

  it('a mean out of range is refused, and takes no other with it', () => {
    const odd = run(12, () => ({ kv: 7, waiting: 6 }));
    expect(first(odd).kvUsageRatio).toBeUndefined();
    expect(first(odd).slots).toBeCloseTo(10, 1);
  });

  it('says nothing beside a fresh metrics page, nor where the policy does not listen', () => {
    const told = () => ({ kv: 0.99, waiting: 50 });
    for (const more of [{ engine: true }, { optIn: false }]) {
      const deaf = run(15, told, more);
      expect(deaf).toEqual(run(15, () => undefined, more));
    }
  });

  it('the means of several sidecars count by their answers', () => {
    const nowMs = START_MS + 1000;
    const before = run(1, () => undefined).state;
    const twice = (waiting: number, answers: number, nodeId: string): LoadReport => ({
      ...telling(nowMs - 100, means({ waiting, answers })),
      nodeId,
    });
    const known = stepLoad(before, {
      ...inputAt(nowMs, { reports: [{ ...twice(0, 1, 'b'), receivedAtMs: nowMs - 900 }] }),
      options: { leastRequest: true, orca: true },
    }).state;
    const out = stepLoad(known, {
      ...inputAt(nowMs + 1000, { reports: [twice(2, 9, 'a'), twice(12, 1, 'b')] }),
      options: { leastRequest: true, orca: true },
    });
    expect(out.load.endpoints[0]?.waiting).toBeCloseTo(3, 9);
  });
});

describe('any numbers in an answer', () => {
  const anything = fc.oneof(
    fc.double(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 1e308, 2 ** 63, 0, 1, 0.5),
  );
  const told = fc.array(
    fc.record({
      metric: fc.constantFrom('kvUsageRatio', 'waitingRequests', 'constructor', 'other') as fc.Arbitrary<
        OrcaMean['metric']
      >,
      mean: anything,
      answers: anything,
    }),
    { maxLength: 4 },
  );

  it('leave beliefs that are numbers, a state that is JSON, and the other servers as they were', () => {
    fc.assert(
      fc.property(fc.array(told, { minLength: 1, maxLength: 12 }), (seconds) => {
        const live = (orca: (sec: number) => readonly OrcaMean[]): Run => {
          let out = { state: undefined as LoadState | undefined, load: undefined as ServiceLoad | undefined };
          for (const sec of seconds.keys()) {
            const nowMs = START_MS + sec * 1000;
            const input = inputAt(nowMs, { reports: [telling(nowMs - 200, orca(sec))] }, sec === 0);
            out = stepLoad(out.state, { ...input, options: { leastRequest: true, orca: true } });
          }
          return out as Run;
        };
        const hostile = live((sec) => seconds[sec] ?? []);
        const calm = live(() => []);
        expect(JSON.parse(JSON.stringify(hostile.state))).toEqual(hostile.state);
        const { slots, pressure, kvUsageRatio = 0, waiting = 0 } = first(hostile);
        expect(slots).toBeGreaterThanOrEqual(1);
        expect(slots).toBeLessThanOrEqual(64);
        expect(Number.isFinite(pressure)).toBe(true);
        expect(kvUsageRatio >= 0 && kvUsageRatio <= 1).toBe(true);
        expect(waiting >= 0 && waiting <= 1e6).toBe(true);
        expect(hostile.load.endpoints.slice(1).map(({ slots: of }) => of)).toEqual(
          calm.load.endpoints.slice(1).map(({ slots: of }) => of),
        );
      }),
      { numRuns: 300 },
    );
  });
});
