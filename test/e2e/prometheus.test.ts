import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Policy, Pool } from '../../src/core/policy/index.ts';
import { type Endpoint, endpointId, type Sample } from '../../src/core/topology/index.ts';
import { type CollectReport, SignalSchedule, targetsFromPolicy } from '../../src/edge/signals/index.ts';
import { HttpPageFetcher } from '../../src/edge/signals/page-fetcher.ts';
import { PrometheusFleet } from '../../src/edge/signals/prometheus-fleet.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { FakeLog } from '../edge/signals/fake-log.ts';
import { MetricsServer, page } from '../edge/signals/metrics-server.ts';
import { policyOf, poolOf } from '../edge/signals/policy-of.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { type Load, startLoad } from '../support/load.ts';
import { loadline } from '../support/loadline.ts';
import { findPrometheus, Prometheus } from '../support/prometheus.ts';
import { Serve } from '../support/serve.ts';

const SCRAPE_INTERVAL_MS = 3000;
const INTERVAL_MS = 1000;
/** What a try may last; a value is dated too old by at most that. */
const TIMEOUT_MS = 1000;
const TRIES = 8;
const POOLS = [
  ['chat', 'big'],
  ['chat', 'small'],
  ['code', 'big'],
  ['code', 'small'],
] as const;

/** As Prometheus itself counts them. */
const QUERIES = 'prometheus_http_requests_total{code="200",handler="/api/v1/query"}';

const found = await findPrometheus();
if ('missing' in found) process.stderr.write(`skipped, for want of a Prometheus: ${found.missing}\n`);

describe.skipIf('missing' in found)('a real Prometheus', () => {
  let servers: ModelServers;
  let tgi: MetricsServer;
  let stranger: MetricsServer;
  let prometheus: Prometheus;

  beforeAll(async () => {
    servers = await startModelServers({ count: POOLS.length, firstPort: 0 });
    tgi = await MetricsServer.start();
    tgi.answer = page('tgi_batch_current_size 3\ntgi_queue_size 1\nprocess_start_time_seconds 1763892110\n');
    stranger = await MetricsServer.start();
    stranger.answer = page('process_start_time_seconds 1763892111\n');
    const engines = servers.servers.map(({ address, port }) => `${address}:${port}`);
    const exporters = servers.servers.map(({ address, gpuPort }) => `${address}:${gpuPort}`);
    const others = [tgi, stranger].map(({ port }) => `127.0.0.1:${port}`);
    const often = { scrapeIntervalMs: 1000 };
    prometheus = await Prometheus.start(
      { binary: 'binary' in found ? found.binary : '', scrapeIntervalMs: SCRAPE_INTERVAL_MS },
      [
        { job: 'plain', targets: exporters.slice(0, 2) },
        // Sets labels that the exporter sets too, as Kubernetes does: Prometheus renames those of the exporter.
        { job: 'kubernetes', targets: exporters.slice(2), labels: { pod: 'dcgm-exporter-x', namespace: 'monitoring' } },
        // Two jobs scrape each engine, as it happens where pods and services are both discovered.
        { job: 'pods', targets: engines, ...often },
        { job: 'services', targets: engines, ...often },
        { job: 'others', targets: others, ...often },
      ],
    );
    await until(async () => (await prometheus.value('count(vllm:num_requests_running)')) === 2 * POOLS.length);
    await until(async () => (await prometheus.value('count(process_start_time_seconds{job="others"})')) === 2);
    await until(async () => (await prometheus.value('count(DCGM_FI_DEV_GPU_UTIL)')) === POOLS.length);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await servers?.stop();
    await tgi?.stop();
    await stranger?.stop();
  });

  it('brings all values of an engine, though its series differ only by name, and the start of no other process', async () => {
    const fetcher = new HttpPageFetcher();
    const fleet = new PrometheusFleet(`${prometheus.url}/api/v1/query`, fetcher);
    const answer = await fleet.ask('Engines', Date.now(), new AbortController().signal);
    fetcher.close();
    if (!answer.ok) expect.fail(answer.failure.message);
    expect(answer.badElements).toBe(0);
    const pages = new Map(answer.engines.all.map((one) => [one.instance, one]));
    const known = pages.get(`127.0.0.1:${tgi.port}`);
    expect(known?.format?.name).toBe('Tgi');
    expect(known?.series.map(({ name, value }) => `${name} ${value}`).sort()).toEqual([
      'process_start_time_seconds 1763892110',
      'tgi_batch_current_size 3',
      'tgi_queue_size 1',
    ]);
    expect(pages.has(`127.0.0.1:${stranger.port}`)).toBe(false);
  });

  describe('read for the engines of a pool, and for their GPUs', () => {
    let serve: Serve;
    let load: Load;
    let queriesBefore = 0;

    beforeAll(async () => {
      queriesBefore = await prometheus.own(QUERIES);
      const asked = `{ prometheus: { url: "${prometheus.url}" }, interval: 1s`;
      const signals = `  signals: { engine: ${asked} }, gpu: ${asked} } }\n`;
      serve = await new Serve(labPolicy(servers.servers).replace(/ {2}signals:\n.*\n/, signals)).start();
      // Three long streams on each server.
      load = startLoad(servers.servers, { perSec: 12, seconds: 1, outputTokens: 20_000 });
    });

    afterAll(async () => {
      load?.stop();
      await serve?.dispose();
    });

    type Belief = { readonly freshness: string; readonly running: number | null };
    type Explained = {
      readonly services: readonly {
        readonly endpoints: readonly { readonly port: number; readonly belief: Belief }[];
      }[];
    };

    async function beliefs(): Promise<readonly Belief[]> {
      const explained = (await (await serve.get('/api/explain?service=chat')).json()) as Explained;
      const endpoints = explained.services.flatMap((one) => one.endpoints);
      return servers.servers.map(({ port }) => {
        const { freshness, running } = endpoints.find((one) => one.port === port)?.belief ?? {
          freshness: '',
          running: null,
        };
        return { freshness, running };
      });
    }

    const fresh = { freshness: 'Fresh', running: 3 };

    it('hears each engine once, although two jobs scrape it, by one query for engines and GPUs', async () => {
      let seen: readonly Belief[] = [];
      await until(async () => {
        seen = await beliefs();
        return seen.every(({ freshness, running }) => freshness === 'Fresh' && running === 3);
      });
      expect(seen).toEqual([fresh, fresh, fresh, fresh]);
      const queries = (await prometheus.own(QUERIES)) - queriesBefore;
      const tries = (await serve.metric('loadline_signal_scrapes_total', { kind: 'prometheus' })) / 2;
      expect(queries).toBeGreaterThan(0);
      // One more may be under way; a try that a busy machine cut off is none that was asked for twice.
      expect(queries).toBeLessThanOrEqual(tries + 1);
    });

    it('knows nothing any more of an engine whose page died, does not take it for idle, and says which it is', async () => {
      await servers.fault(0, { metrics: 'Cut' });
      await until(async () => (await beliefs())[0]?.freshness === 'Stale');
      expect(await beliefs()).toEqual([{ freshness: 'Stale', running: null }, fresh, fresh, fresh]);
      const { stdout } = await loadline('status', '--admin', serve.admin);
      expect(stdout).toContain('sources say less than they should');
      expect(stdout).toContain(`knows no engine metric of 127.0.0.1:${servers.servers[0]?.port}\n`);
      await servers.fault(0, {});
      await until(async () => (await beliefs())[0]?.freshness === 'Fresh');
    });
  });

  describe('read for GPUs alone', () => {
    let schedule: SignalSchedule;
    const log = new FakeLog();
    const reports: CollectReport[] = [];

    beforeAll(() => {
      schedule = new SignalSchedule({
        clock: Date.now,
        random: Math.random,
        log,
        onCollected: (report) => reports.push(report),
      });
    });

    afterAll(() => {
      schedule?.stop();
    });

    function targets() {
      const policy = {
        ...policyOf('chat', []),
        services: ['chat', 'code'].flatMap((name) => serviceOf(name).services),
      };
      const endpoints = POOLS.map(([service, pool], at): Endpoint => {
        const { address, port } = servers.servers[at] as { address: string; port: number };
        const id = endpointId(service, pool, address, port);
        return { id, service, pool, address, port, incarnation: 'static', capacity: 1, lifecycle: 'Active' };
      });
      return targetsFromPolicy(policy, endpoints);
    }

    function serviceOf(name: string): Policy {
      const pools = POOLS.filter(([service]) => service === name).map(([, pool]): Pool => {
        const source = { kind: 'Prometheus', url: prometheus.url } as const;
        const intervalMs = pool === 'big' ? INTERVAL_MS : 5 * INTERVAL_MS;
        return {
          ...poolOf(pool),
          signals: { gpu: { intervalMs, source, joinBy: ['Pod', 'Node'], fatalXid: 'Drain' as const } },
        };
      });
      return policyOf(name, pools);
    }

    function queriesSeen(): Promise<number> {
      return prometheus.own(QUERIES);
    }

    async function collected(tries: number): Promise<readonly Sample[]> {
      reports.length = 0;
      await until(() => reports.length >= tries * POOLS.length);
      return schedule.take().samples;
    }

    it('asks once per interval for two services of two pools, whatever they want to know', async () => {
      const before = await queriesSeen();
      schedule.configure(targets());
      const samples = await collected(TRIES);
      const queries = (await queriesSeen()) - before;
      const tries = reports.length / POOLS.length;
      expect(reports.filter(({ collected: { failure } }) => failure !== undefined)).toEqual([]);
      expect(queries).toBeGreaterThanOrEqual(tries);
      // One more may have been asked since.
      expect(queries).toBeLessThanOrEqual(tries + 1);
      expect(schedule.health()).toHaveLength(POOLS.length);
      expect(new Set(samples.map(({ subject }) => subject.pod))).toEqual(
        new Set(POOLS.map((_, at) => `modelserver-${at}`)),
      );

      // Each value once, with the time at which Prometheus scraped it, although it was asked three times as often.
      for (const [at] of POOLS.entries()) {
        const times = samples
          .filter(({ subject, metric }) => metric === 'gpuUtilRatio' && subject.pod === `modelserver-${at}`)
          .map(({ sampledAtMs }) => sampledAtMs);
        const scraped = await prometheus.times(`DCGM_FI_DEV_GPU_UTIL{UUID=~".*${at}"}`, 60);
        expect(times.length).toBeGreaterThanOrEqual(2);
        expect(times.length).toBeLessThan(tries);
        for (const time of times) {
          expect(scraped.some((scrapedAtMs) => time >= scrapedAtMs - TIMEOUT_MS && time <= scrapedAtMs + 5)).toBe(true);
        }
      }
    });

    it('knows nothing any more of a server whose exporter died, and does not take it for idle', async () => {
      schedule.take();
      await servers.fault(0, { gpuMetrics: 'Cut' });
      await until(async () => (await prometheus.value('count(DCGM_FI_DEV_GPU_UTIL)')) === POOLS.length - 1);
      schedule.take();
      const samples = await collected(TRIES);
      const pods = new Set(samples.map(({ subject }) => subject.pod));
      expect(pods).toEqual(new Set(['modelserver-1', 'modelserver-2', 'modelserver-3']));
      expect(schedule.health().map(({ lastError }) => lastError)).toEqual([undefined, undefined, undefined, undefined]);
    });

    it('says for every pool that Prometheus itself is gone', async () => {
      await prometheus.stop();
      await until(() => schedule.health().every(({ consecutiveFailures }) => consecutiveFailures > 0));
      expect(schedule.health().map(({ lastError }) => lastError)).toEqual(POOLS.map(() => 'connection refused'));
    });
  });
});

async function until(seen: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    if (await seen()) return;
    await new Promise((wait) => setTimeout(wait, 100));
  }
  throw new Error('waited for a minute in vain');
}
