import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import type { Sample } from '../../../src/core/topology/index.ts';
import {
  type Collected,
  type CollectReport,
  type EngineTarget,
  type ExporterTarget,
  type PrometheusTarget,
  SignalSchedule,
  type SignalScheduleOptions,
  type SignalSource,
  type Target,
} from '../../../src/edge/signals/index.ts';
import { FakeLog } from './fake-log.ts';
import { FakeTimers } from './fake-timers.ts';
import { MetricsServer, page } from './metrics-server.ts';

type Behaviour = (nowMs: number, signal: AbortSignal) => Promise<Collected>;

/** A source whose behaviour a test changes on the way; it also watches that no two tries overlap. */
class FakeSource implements SignalSource {
  behaviour: Behaviour = async (nowMs) => good(nowMs);
  readonly startedAtMs: number[] = [];
  running = 0;
  mostRunning = 0;

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    this.startedAtMs.push(nowMs);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      return await this.behaviour(nowMs, signal);
    } finally {
      this.running--;
    }
  }
}

function good(nowMs: number): Collected {
  const sample: Sample = {
    subject: { address: '10.0.0.1', port: 1 },
    metric: 'runningRequests',
    value: 1,
    sampledAtMs: nowMs,
    changedAtMs: nowMs,
    source: 'fake',
  };
  return { samples: [sample], refusals: [], badLines: 0 };
}

function bad(): Collected {
  return { samples: [], refusals: [], badLines: 0, failure: { reason: 'Status', message: 'answered 500' } };
}

const hang: Behaviour = (_nowMs, signal) =>
  new Promise((resolve) => {
    const failure = { reason: 'Timeout', message: 'no answer' } as const;
    signal.addEventListener('abort', () => resolve({ samples: [], refusals: [], badLines: 0, failure }));
  });

function target(key: string, intervalMs = 1000): EngineTarget {
  const common = { key, source: `engine ${key}`, service: 'chat', pool: 'gpu', url: `http://${key}/`, intervalMs };
  return { kind: 'Engine', subject: { address: '10.0.0.1', port: 1 }, ...common };
}

function prometheus(key: string, intervalMs = 1000): PrometheusTarget {
  const { subject: _, ...common } = target(key, intervalMs);
  return { ...common, kind: 'Prometheus', joinBy: ['Pod'] };
}

function start(options: Partial<SignalScheduleOptions> = {}) {
  const timers = new FakeTimers();
  const log = new FakeLog();
  const sources = new Map<string, FakeSource>();
  const reports: CollectReport[] = [];
  const source = (key: string): FakeSource => {
    const known = sources.get(key) ?? new FakeSource();
    sources.set(key, known);
    return known;
  };
  const schedule = new SignalSchedule({
    clock: timers.clock,
    random: seededRandom(7),
    log,
    timers,
    sourceOf: ({ key }: Target) => source(key),
    onCollected: (report) => reports.push(report),
    ...options,
  });
  return { timers, log, schedule, source, reports, sources };
}

describe('the schedule', () => {
  it('reads each source once per interval, each at a phase of its own', async () => {
    const { timers, schedule, sources } = start();
    schedule.configure(Array.from({ length: 40 }, (_, at) => target(`s${at}`)));
    await timers.advance(10_000);
    const phases = [...sources.values()].map(({ startedAtMs: [first = -1] }) => first);
    for (const { startedAtMs } of sources.values()) {
      expect(startedAtMs.length).toBeGreaterThanOrEqual(10);
      for (let at = 1; at < startedAtMs.length; at++) {
        expect((startedAtMs[at] as number) - (startedAtMs[at - 1] as number)).toBeCloseTo(1000, 6);
      }
    }
    // Spread over the interval: every quarter has its share.
    for (const quarter of [0, 1, 2, 3]) {
      const share = phases.filter((phase) => Math.floor(phase / 250) === quarter).length / phases.length;
      expect(share).toBeGreaterThan(0.1);
    }
  });

  it('hands out each sample once', async () => {
    const { timers, schedule } = start();
    schedule.configure([target('a'), target('b')]);
    await timers.advance(1000);
    expect(schedule.take().samples).toHaveLength(2);
    expect(schedule.take().samples).toHaveLength(0);
    await timers.advance(2000);
    expect(schedule.take().samples).toHaveLength(4);
  });

  it('reports health per source, in the order of the targets', async () => {
    const { timers, schedule, source } = start();
    source('b').behaviour = async () => bad();
    schedule.configure([target('a'), target('b'), target('c', 60_000)]);
    expect(schedule.health().map(({ lastSuccessMs }) => lastSuccessMs)).toEqual([undefined, undefined, undefined]);
    await timers.advance(1000);
    const [a, b, c] = schedule.health();
    expect(a).toMatchObject({
      source: 'engine a',
      service: 'chat',
      pool: 'gpu',
      consecutiveFailures: 0,
      lastError: undefined,
    });
    expect(a?.lastSuccessMs).toBeLessThanOrEqual(1000);
    expect(b).toMatchObject({ lastSuccessMs: undefined, lastError: 'answered 500' });
    expect(b?.consecutiveFailures).toBeGreaterThan(0);
    expect(c).toMatchObject({ consecutiveFailures: 0, lastError: undefined });
  });

  it('interrupts a hanging source at its interval, at most after two seconds, and never tries it twice at once', async () => {
    const { timers, schedule, source, reports } = start();
    source('quick').behaviour = hang;
    source('slow').behaviour = hang;
    schedule.configure([target('quick', 1000), target('slow', 60_000)]);
    await timers.advance(90_000);
    expect(source('quick').mostRunning).toBe(1);
    const durations = (key: string) =>
      new Set(reports.filter((one) => one.target.key === key).map((one) => Math.round(one.durationMs)));
    expect(durations('quick')).toEqual(new Set([1000]));
    expect(durations('slow')).toEqual(new Set([2000]));
  });

  it('tries a failing endpoint less often, but at least every five seconds, and sees it recover', async () => {
    const { timers, schedule, source } = start();
    source('a').behaviour = async () => bad();
    schedule.configure([target('a')]);
    await timers.advance(60_000);
    const starts = source('a').startedAtMs;
    const gaps = starts.slice(1).map((at, before) => at - (starts[before] as number));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5000);
    expect(Math.min(...gaps.slice(4))).toBeGreaterThanOrEqual(2500);
    source('a').behaviour = async (nowMs) => good(nowMs);
    const healedAtMs = timers.nowMs;
    await timers.advance(5000);
    const [health] = schedule.health();
    expect(health).toMatchObject({ consecutiveFailures: 0, lastError: undefined });
    expect(health?.lastSuccessMs).toBeGreaterThan(healedAtMs);
    // Back to its beat.
    const before = source('a').startedAtMs.length;
    await timers.advance(5000);
    expect(source('a').startedAtMs.length - before).toBe(5);
  });

  it('spares a failing Prometheus more, and no source is tried more seldom than its interval asks', async () => {
    const { timers, schedule, source } = start();
    source('p').behaviour = async () => bad();
    source('rare').behaviour = async () => bad();
    schedule.configure([prometheus('p'), target('rare', 20_000)]);
    await timers.advance(300_000);
    const gapsOf = (key: string) => {
      const starts = source(key).startedAtMs;
      return starts.slice(1).map((at, before) => at - (starts[before] as number));
    };
    expect(Math.max(...gapsOf('p'))).toBeGreaterThan(15_000);
    expect(Math.max(...gapsOf('p'))).toBeLessThanOrEqual(30_000);
    expect(Math.max(...gapsOf('rare'))).toBeLessThanOrEqual(20_000);
  });

  it('asks what several targets share once, at the smallest interval, and tells each of them', async () => {
    const { timers, schedule, source, reports } = start();
    const shared = (key: string, intervalMs: number) => ({ ...prometheus(key, intervalMs), url: 'http://p/' });
    schedule.configure([shared('often', 1000), shared('seldom', 5000)]);
    await timers.advance(10_000);
    expect(source('often').startedAtMs).toHaveLength(10);
    expect(source('seldom').startedAtMs).toEqual(source('often').startedAtMs);
    expect(reports).toHaveLength(20);
    expect(schedule.stats()).toMatchObject({ sources: 2 });

    // Each has its own health; while one is well, the beat is kept for both.
    source('seldom').behaviour = async () => bad();
    await timers.advance(10_000);
    expect(source('seldom').startedAtMs).toHaveLength(20);
    expect(schedule.health()).toMatchObject([{ consecutiveFailures: 0 }, { consecutiveFailures: 10 }]);
    source('often').behaviour = async () => bad();
    await timers.advance(60_000);
    expect(source('often').startedAtMs.length).toBeLessThan(40);
  });

  it('lets targets come to and go from what is asked, and changes its beat with them', async () => {
    const { timers, schedule, source, reports } = start();
    const shared = (key: string, intervalMs: number) => ({ ...prometheus(key, intervalMs), url: 'http://p/' });
    schedule.configure([shared('stays', 10_000)]);
    await timers.advance(10_000);
    expect(source('stays').startedAtMs).toHaveLength(1);
    schedule.configure([shared('stays', 10_000), shared('comes', 1000)]);
    await timers.advance(10_000);
    expect(source('comes').startedAtMs.length).toBeGreaterThanOrEqual(9);
    expect(source('stays').startedAtMs.length).toBe(source('comes').startedAtMs.length + 1);
    schedule.configure([shared('stays', 10_000)]);
    await timers.advance(30_000);
    const [before, after] = [source('comes').startedAtMs.length, source('stays').startedAtMs.length];
    await timers.advance(30_000);
    expect(source('comes').startedAtMs.length).toBe(before);
    expect(source('stays').startedAtMs.length - after).toBe(3);
    expect(reports.filter(({ target: { key } }) => key === 'comes')).toHaveLength(before);
  });

  it('reads an exporter that pools and services share by one request per try', async () => {
    const server = await MetricsServer.start();
    server.answer = page('DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",pod="vllm-0"} 80\n');
    const reports: CollectReport[] = [];
    const schedule = new SignalSchedule({
      clock: () => performance.now(),
      random: seededRandom(7),
      log: new FakeLog(),
      onCollected: (report) => reports.push(report),
    });
    const exporter = (service: string, pool: string): ExporterTarget => ({
      ...{ kind: 'Exporter', key: `${service}/${pool}`, source: 'gpu', service, pool, url: server.url },
      ...{ intervalMs: 100, subject: { address: '10.0.0.1' } },
    });
    schedule.configure([exporter('chat', 'a'), exporter('chat', 'b'), exporter('code', 'a')]);
    for (let looks = 0; looks < 1000 && reports.length < 15; looks++) {
      await new Promise((wait) => setTimeout(wait, 10));
    }
    schedule.stop();
    const tries = reports.length / 3;
    expect(tries).toBeGreaterThanOrEqual(5);
    expect(server.requests.length - tries).toBeLessThanOrEqual(1);
    expect(reports.every(({ collected: { samples } }) => samples[0]?.value === 0.8)).toBe(true);
    await server.stop();
  });

  it('leaves out beats that a slow answer runs over, and does not catch up', async () => {
    const { timers, schedule, source } = start();
    source('a').behaviour = (nowMs) =>
      new Promise((resolve) => {
        timers.after(900, () => resolve(good(nowMs)));
      });
    schedule.configure([target('a', 500)]);
    await timers.advance(10_000);
    const starts = source('a').startedAtMs;
    expect(source('a').mostRunning).toBe(1);
    expect(starts.length).toBeLessThanOrEqual(11);
    expect(starts.length).toBeGreaterThanOrEqual(9);
  });

  it('keeps the others on their beat while many sources hang', async () => {
    const { timers, schedule, source, sources } = start({ maxConcurrent: 8 });
    const hanging = Array.from({ length: 50 }, (_, at) => target(`hanging${at}`));
    const healthy = Array.from({ length: 20 }, (_, at) => target(`healthy${at}`));
    schedule.configure(healthy);
    await timers.advance(1000);
    schedule.configure([...healthy, ...hanging]);
    for (const { key } of hanging) source(key).behaviour = hang;
    // Once they are known to hang they hold no more than half of the places.
    await timers.advance(20_000);
    const counts = healthy.map(({ key }) => source(key).startedAtMs.length);
    await timers.advance(30_000);
    healthy.forEach(({ key }, at) => {
      expect(source(key).startedAtMs.length - (counts[at] as number), key).toBe(30);
    });
    const busy = [...sources.values()].reduce((sum, { running }) => sum + running, 0);
    expect(busy).toBeLessThanOrEqual(8);
    expect(schedule.stats().running).toBe(busy);
    for (const { key } of hanging) expect(source(key).startedAtMs.length, key).toBeGreaterThan(2);
  });

  it('goes on when a source breaks its contract: throws, or cannot be interrupted', async () => {
    const { timers, schedule, source, log } = start();
    source('throws').behaviour = async () => {
      throw new TypeError('secret internals of http://user:password@host');
    };
    source('stuck').behaviour = () => new Promise(() => {});
    schedule.configure([target('throws'), target('stuck'), target('well')]);
    await timers.advance(10_000);
    const [throws, stuck, well] = schedule.health();
    expect(throws).toMatchObject({ lastError: 'failed in an unforeseen way (TypeError)' });
    expect(source('throws').startedAtMs.length).toBeGreaterThan(2);
    expect(stuck).toMatchObject({ consecutiveFailures: 1, lastError: 'hangs and cannot be interrupted' });
    expect(source('stuck').startedAtMs).toHaveLength(1);
    expect(schedule.stats().running).toBe(0);
    expect(well).toMatchObject({ consecutiveFailures: 0 });
    expect(log.lines.join('\n')).not.toMatch(/password|secret/);
  });

  it('on a change of targets keeps what stays, ends what goes and starts what comes', async () => {
    const { timers, schedule, source } = start();
    schedule.configure([target('stays'), target('goes')]);
    await timers.advance(3000);
    const before = source('stays').startedAtMs.length;
    const goneAfter = source('goes').startedAtMs.length;
    for (let change = 0; change < 20; change++) {
      schedule.configure([target('stays'), target('comes')]);
      await timers.advance(100);
    }
    expect(source('stays').startedAtMs.length - before).toBe(2);
    expect(source('goes').startedAtMs.length).toBe(goneAfter);
    expect(source('comes').startedAtMs.length).toBeGreaterThanOrEqual(1);
    expect(schedule.health().map((one) => one.source)).toEqual(['engine stays', 'engine comes']);
  });

  it('drops what a source that was ended still brings', async () => {
    const { timers, schedule, source, reports } = start();
    let aborted: unknown;
    source('a').behaviour = (nowMs, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = signal.reason;
          resolve(good(nowMs));
        });
      });
    schedule.configure([target('a')]);
    await timers.advance(1000);
    expect(source('a').running).toBe(1);
    schedule.configure([]);
    await timers.advance(5000);
    expect(aborted).toBe('Stopped');
    expect(schedule.take().samples).toEqual([]);
    expect(reports).toEqual([]);
    expect(schedule.stats()).toMatchObject({ sources: 0, running: 0, waiting: 0 });
  });

  it('stops: no timer stays armed, nothing runs, nothing starts again', async () => {
    const { timers, schedule, source } = start({ maxConcurrent: 1 });
    source('a').behaviour = hang;
    source('b').behaviour = hang;
    schedule.configure([target('a'), target('b'), target('c')]);
    await timers.advance(990);
    schedule.stop();
    await timers.advance(100);
    expect(timers.armed).toBe(0);
    expect(schedule.stats()).toMatchObject({ sources: 0, running: 0, waiting: 0 });
    const before = source('a').startedAtMs.length;
    schedule.configure([target('a')]);
    await timers.advance(10_000);
    expect(source('a').startedAtMs.length).toBe(before);
  });

  it('names a source in the log when its trouble begins, changes and ends, not at every try', async () => {
    const { timers, schedule, source, log } = start();
    schedule.configure([target('a')]);
    await timers.advance(2000);
    expect(log.lines).toEqual([]);
    source('a').behaviour = async () => bad();
    await timers.advance(20_000);
    source('a').behaviour = async (nowMs) => ({
      ...good(nowMs),
      refusals: [
        { name: 'vllm:num_requests_running', words: 'is NaN' },
        { name: 'vllm:kv_cache_usage_perc', words: 'is 7, outside 0..1.05' },
      ],
    });
    await timers.advance(20_000);
    expect(schedule.health()).toMatchObject([
      { consecutiveFailures: 0, lastError: 'refused: vllm:num_requests_running is NaN (and 1 more)' },
    ]);
    source('a').behaviour = async (nowMs) => ({
      ...good(nowMs),
      refusals: [{ name: 'vllm:num_requests_running', words: 'is NaN' }],
      note: 'knows nothing of b',
    });
    await timers.advance(20_000);
    expect(schedule.health()).toMatchObject([
      { lastError: 'refused: vllm:num_requests_running is NaN; knows nothing of b' },
    ]);
    source('a').behaviour = async (nowMs) => ({ ...good(nowMs), note: 'knows nothing of b' });
    await timers.advance(20_000);
    source('a').behaviour = async (nowMs) => good(nowMs);
    await timers.advance(20_000);
    expect(log.lines).toEqual([
      'warn | signal source failed | engine a | answered 500',
      'warn | signal source sends unusable values | engine a | refused: vllm:num_requests_running is NaN (and 1 more)',
      'warn | signal source says less than it should | engine a | knows nothing of b',
      'info | signal source is well again | engine a',
    ]);
  });

  it('does not fill the memory when nobody takes the samples', async () => {
    const { timers, schedule, source } = start();
    source('a').behaviour = async (nowMs) => ({
      ...good(nowMs),
      samples: Array.from({ length: 60_000 }, () => good(nowMs).samples[0] as Sample),
    });
    schedule.configure([target('a')]);
    await timers.advance(10_000);
    expect(schedule.take().samples.length).toBeLessThanOrEqual(200_000);
    expect(schedule.stats().droppedSamples).toBeGreaterThanOrEqual(360_000);
  });
});
