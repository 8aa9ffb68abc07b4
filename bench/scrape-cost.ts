import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../src/base/units/index.ts';
import { ACCEPT } from '../src/edge/signals/exposition-page.ts';
import { ENGINE_NAMES } from '../src/edge/signals/formats/engine-formats.ts';
import { HttpPageFetcher, SignalSchedule, scanExposition } from '../src/edge/signals/index.ts';
import { LineHeads } from '../src/edge/signals/line-heads.ts';
import { beside } from './beside.ts';
import type { Row } from './main.ts';

const ENDPOINTS = 1000;
const WARM_UP_MS = 5000;
const MEASURED_MS = 20_000;
/** Of one core. */
const MOST_RATIO = 0.4;

/** A thousand engines read once a second, from a process of their own: what it costs the server to know. */
export async function scrapeCost(): Promise<readonly Row[]> {
  const child = fork(beside(import.meta, 'pages-process'), [String(ENDPOINTS)]);
  try {
    const [{ ports, pageBytes }] = (await once(child, 'message')) as [{ ports: number[]; pageBytes: number }];
    let collected = 0;
    let failed = 0;
    let samples = 0;
    const quiet = { info: () => undefined, warn: () => undefined };
    const schedule = new SignalSchedule({
      clock: () => performance.now(),
      random: seededRandom(1),
      log: quiet,
      onCollected: (report) => {
        collected += 1;
        samples += report.collected.samples.length;
        if (report.collected.failure !== undefined) failed += 1;
      },
    });
    schedule.configure(
      ports.map((port) => ({
        kind: 'Engine',
        key: String(port),
        source: `engine http://127.0.0.1:${port}/metrics`,
        service: 'chat',
        pool: 'gpu',
        url: `http://127.0.0.1:${port}/metrics`,
        intervalMs: 1000,
        subject: { address: '127.0.0.1', port },
      })),
    );
    await pause(WARM_UP_MS);
    [collected, failed, samples] = [0, 0, 0];
    const lag = monitorEventLoopDelay({ resolution: 10 });
    lag.enable();
    const before = process.cpuUsage();
    const startedMs = performance.now();
    // Each second the loop takes what has come, as the server does.
    for (let second = 0; second < MEASURED_MS / 1000; second += 1) {
      await pause(1000);
      schedule.take();
    }
    const { user, system } = process.cpuUsage(before);
    const tookMs = performance.now() - startedMs;
    lag.disable();
    schedule.stop();
    const core = (user + system) / 1000 / tookMs;
    const perSecond = collected / (tookMs / 1000);
    const { fetchUs, scanUs } = await costOfParts(ports);
    const share = (us: number): string => `${((us * perSecond) / 10_000).toFixed(0)} %`;
    return [
      {
        what: `scrape, ${ENDPOINTS} engines once a second`,
        value: `${(100 * core).toFixed(0)} %`,
        note:
          `of a core; pages of ${Math.round(pageBytes / 1000)} KB, ${perSecond.toFixed(0)} a second, ` +
          `${Math.round(samples / Math.max(1, collected))} samples each, ${failed} failed; ` +
          `fetched alone they cost ${share(fetchUs)}, scanned alone ${share(scanUs)}; event-loop lag p99 ${(lag.percentile(99) / 1e6).toFixed(0)} ms`,
        bar: { most: `${100 * MOST_RATIO} %`, met: core <= MOST_RATIO },
      },
    ];
  } finally {
    child.disconnect();
  }
}

/** Processor time of one page in µs: to fetch it, and to scan it. In a row they cost a little less than in their time. */
async function costOfParts(ports: readonly number[]): Promise<{ fetchUs: number; scanUs: number }> {
  const fetcher = new HttpPageFetcher();
  const { signal } = new AbortController();
  const heads = new LineHeads();
  let body: Buffer = Buffer.alloc(0);
  const fetchAll = async (): Promise<void> => {
    for (const port of ports) {
      const got = await fetcher.get({ url: `http://127.0.0.1:${port}/metrics`, accept: ACCEPT, lent: true }, signal);
      if (!got.ok) throw new Error(`port ${port}: ${got.failure.message}`);
      body = got.body;
    }
  };
  // Once for the connections.
  await fetchAll();
  const connected = process.cpuUsage();
  await fetchAll();
  const fetchUs = totalUs(process.cpuUsage(connected)) / ports.length;
  const page = Buffer.from(body);
  fetcher.close();
  const before = process.cpuUsage();
  for (let turn = 0; turn < ports.length; turn += 1) scanExposition(page, { wanted: ENGINE_NAMES, heads });
  return { fetchUs, scanUs: totalUs(process.cpuUsage(before)) / ports.length };
}

function totalUs({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}
