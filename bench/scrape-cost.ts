import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../src/base/units/index.ts';
import { SignalSchedule } from '../src/edge/signals/index.ts';
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
    return [
      {
        what: `scrape, ${ENDPOINTS} engines once a second`,
        value: `${(100 * core).toFixed(0)} %`,
        note:
          `of a core; pages of ${Math.round(pageBytes / 1000)} KB, ${(collected / (tookMs / 1000)).toFixed(0)} a second, ` +
          `${Math.round(samples / Math.max(1, collected))} samples each, ${failed} failed; event-loop lag p99 ${(lag.percentile(99) / 1e6).toFixed(0)} ms`,
        bar: { most: `${100 * MOST_RATIO} %`, met: core <= MOST_RATIO },
      },
    ];
  } finally {
    child.disconnect();
  }
}
