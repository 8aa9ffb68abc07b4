import { afterEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../../src/lab/modelserver/fault.ts';
import {
  type Fault,
  HOSTILE_PAGES,
  type HostilePage,
  type ModelServers,
  type Place,
  type ProfileInput,
  type ServerStatus,
  startModelServers,
} from '../../../src/lab/modelserver/index.ts';
import { call, metricsOf, open, samples, textOf, until, valuesOf } from './client.ts';

const QUICK: ProfileInput = { stepMs: 1, prefillTokensPerSec: 1_000_000 };

let running: ModelServers | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

type Lab = { servers: ModelServers; place: Place; row: () => ServerStatus; complete: () => Promise<number> };

async function start(profile: ProfileInput = QUICK): Promise<Lab> {
  const servers = await startModelServers({ count: 1, firstPort: 0, profiles: [profile], seed: 5 });
  running = servers;
  const place = servers.servers[0] as Place;
  return {
    servers,
    place,
    row: () => servers.snapshot()[0] as ServerStatus,
    complete: async () => (await call(place.port, '/v1/completions', { prompt: 'a', max_tokens: 3 })).status,
  };
}

describe('crash', () => {
  it('resets what runs, refuses what comes, keeps the exporter up, and comes back on the same port as a new process', async () => {
    const { servers, place, row, complete } = await start({ ...QUICK, stepMs: 1000 });
    const victim = await open(place.port, '/v1/completions', { prompt: 'a', max_tokens: 100, stream: true });
    const end = textOf(victim).then(
      () => 'ended',
      (error: NodeJS.ErrnoException) => error.code,
    );
    const startedBefore = (await metricsOf(place)).get('process_start_time_seconds') as number;
    await servers.fault(0, { crash: true });
    expect(await end).toBe('ECONNRESET');
    await expect(complete()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(row()).toMatchObject({ state: 'Crashed', running: 0, errors: 1, fault: { crash: true } });
    expect((await call(place.gpuPort, '/metrics')).status).toBe(200);

    await new Promise((resolve) => setTimeout(resolve, 30));
    await servers.fault(0, {});
    expect(row()).toMatchObject({ state: 'Serving', port: place.port, fault: {} });
    expect(await complete().catch(() => 0)).toBe(200);
    const page = await metricsOf(place);
    expect(page.get('process_start_time_seconds')).toBeGreaterThan(startedBefore);
    expect(valuesOf(page, 'vllm:generation_tokens_total')).toEqual([3]);
  });

  it('survives orders that cross: crash, heal, crash and heal at the same time end healed', async () => {
    const { servers, complete, row } = await start();
    const orders: Fault[] = [{ crash: true }, {}, { crash: true }, { crash: true }, {}];
    await Promise.all(orders.map((fault) => servers.fault(0, fault)));
    expect(row().state).toBe('Serving');
    expect(await complete()).toBe(200);
  });
});

describe('freeze', () => {
  it('gives no headers, moves no number, and goes on where it stood', async () => {
    const { servers, place, row, complete } = await start();
    expect(await complete()).toBe(200);
    await servers.fault(0, { freeze: true });
    const before = await metricsOf(place);
    let answered = false;
    const waiting = open(place.port, '/v1/completions', { prompt: 'a', max_tokens: 5, stream: true }).then(
      (response) => {
        answered = true;
        return textOf(response);
      },
    );
    await until(row, ({ issued }) => issued === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    expect(await metricsOf(place)).toEqual(before);
    expect(row()).toMatchObject({ state: 'Frozen', running: 0, waiting: 0 });
    await servers.fault(0, {});
    expect(await waiting).toContain('[DONE]');
    expect(row()).toMatchObject({ state: 'Serving', finished: 2 });
  });

  it('forgets who left meanwhile', async () => {
    const { servers, place, row } = await start({ ...QUICK, stepMs: 1000 });
    const running = await open(place.port, '/v1/completions', { prompt: 'a', max_tokens: 500, stream: true });
    running.on('error', () => undefined);
    await servers.fault(0, { freeze: true });
    running.destroy();
    await until(row, ({ cancelled }) => cancelled === 1);
    expect(row().running).toBe(1);
    await servers.fault(0, {});
    expect(row().running).toBe(0);
  });
});

describe('cold start', () => {
  it('is unhealthy with zero metrics for its time, then serves what waited, with counters from zero', async () => {
    const { servers, place, row, complete } = await start();
    expect(await complete()).toBe(200);
    await servers.fault(0, { coldStart: '200ms' });
    const waiting = complete();
    expect((await call(place.port, '/health')).status).toBe(503);
    const page = await metricsOf(place);
    for (const name of [
      'num_requests_running',
      'num_requests_waiting',
      'generation_tokens_total',
      'kv_cache_usage_perc',
    ]) {
      expect(valuesOf(page, `vllm:${name}`), name).toEqual([0]);
    }
    expect(valuesOf(page, 'vllm:request_success_total')).toEqual([0, 0, 0]);
    expect(row()).toMatchObject({ state: 'Cold', fault: { coldStart: '200ms' } });
    expect(await waiting).toBe(200);
    expect(row()).toMatchObject({ state: 'Serving', fault: {}, finished: 2 });
    expect((await call(place.port, '/health')).status).toBe(200);
    expect(valuesOf(await metricsOf(place), 'vllm:generation_tokens_total')).toEqual([3]);
  });

  it('ends early when healed', async () => {
    const { servers, row, complete } = await start();
    await servers.fault(0, { coldStart: '1h' });
    const waiting = complete();
    await until(row, ({ issued }) => issued === 1);
    await servers.fault(0, {});
    expect(await waiting).toBe(200);
  });
});

describe('the other faults', () => {
  it('failRatio: that share is answered 503 at once, in the same order for the same seed; 1 hits all, {} none', async () => {
    const { servers, row, complete } = await start();
    await servers.fault(0, { failRatio: 0.7 });
    const statuses: number[] = [];
    for (let n = 0; n < 100; n += 1) statuses.push(await complete());
    const failed = statuses.filter((status) => status === 503).length;
    expect(failed + statuses.filter((status) => status === 200).length).toBe(100);
    expect(failed).toBeGreaterThan(55);
    expect(failed).toBeLessThan(85);
    expect(row().errors).toBe(failed);
    await servers.stop();

    const again = await start();
    await again.servers.fault(0, { failRatio: 0.7 });
    for (let n = 0; n < 30; n += 1) expect(await again.complete()).toBe(statuses[n]);
    await again.servers.fault(0, { failRatio: 1 });
    expect(await again.complete()).toBe(503);
    await again.servers.fault(0, {});
    expect(await again.complete()).toBe(200);
  });

  it('speed and foreign load reach the engine, and heal', async () => {
    const { servers, place, row } = await start({ ...QUICK, slots: 10, speed: 0.5 });
    await servers.fault(0, { speed: 0.5, foreignLoad: 0.4 });
    expect(row()).toMatchObject({ speed: 0.25, running: 4 });
    expect(valuesOf(await metricsOf(place), 'vllm:num_requests_running')).toEqual([4]);
    await servers.fault(0, {});
    expect(row()).toMatchObject({ speed: 0.5, running: 0 });
  });

  it('a fault replaces the one before it', async () => {
    const { servers, row } = await start();
    await servers.fault(0, { speed: 0.5, freeze: true });
    await servers.fault(0, { gpu: 'Pinned' });
    expect(row()).toMatchObject({ state: 'Serving', speed: 1, fault: { gpu: 'Pinned' } });
  });
});

describe('hostile metric pages', () => {
  const seen: Record<Exclude<HostilePage, 'Hang' | 'Cut'>, (status: number, body: string, honest: string) => void> = {
    Garbage: (_status, body) => expect(() => samples(body)).toThrow(),
    Huge: (_status, body, honest) => {
      expect(body.length).toBeGreaterThan(10 * 1024 * 1024);
      expect(body.endsWith(honest)).toBe(true);
    },
    Negative: (_status, body) => expect([...samples(body).values()].every((value) => value <= 0)).toBe(true),
    Nan: (_status, body) => expect([...samples(body).values()].every(Number.isNaN)).toBe(true),
    Truncated: (_status, body, honest) => {
      expect(honest.startsWith(body)).toBe(true);
      expect(body.endsWith('\n')).toBe(false);
      expect(body.length).toBeLessThan(honest.length - 100);
    },
    Empty: (status, body) => expect([status, body]).toEqual([200, '']),
    Error: (status) => expect(status).toBe(500),
  };

  it.each(Object.keys(seen) as (keyof typeof seen)[])('%s, on the engine and on the GPU exporter', async (kind) => {
    const { servers, place } = await start({ gpuPeriod: '1h' });
    const honest = { engine: await call(place.port, '/metrics'), gpu: await call(place.gpuPort, '/metrics') };
    await servers.fault(0, { metrics: kind, gpuMetrics: kind });
    const hostile = { engine: await call(place.port, '/metrics'), gpu: await call(place.gpuPort, '/metrics') };
    seen[kind](hostile.engine.status, hostile.engine.body, honest.engine.body);
    seen[kind](hostile.gpu.status, hostile.gpu.body, honest.gpu.body);
    await servers.fault(0, {});
    expect(await call(place.port, '/metrics')).toMatchObject({ status: 200, body: honest.engine.body });
    expect(await call(place.gpuPort, '/metrics')).toMatchObject({ status: 200, body: honest.gpu.body });
  });

  it('Cut: the connection closes inside the page', async () => {
    const { servers, place } = await start();
    await servers.fault(0, { metrics: 'Cut' });
    await expect(call(place.port, '/metrics')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('Hang: no answer until it is healed, and then a reset', async () => {
    const { servers, place, complete } = await start();
    await servers.fault(0, { metrics: 'Hang' });
    let settled = false;
    const hanging = call(place.port, '/metrics').then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code,
    );
    hanging.then(() => {
      settled = true;
    });
    expect(await complete()).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(settled).toBe(false);
    await servers.fault(0, {});
    expect(await hanging).toBe('ECONNRESET');
    expect((await call(place.port, '/metrics')).status).toBe(200);
  });

  it('are all covered here', () => {
    expect([...Object.keys(seen), 'Hang', 'Cut'].sort()).toEqual([...HOSTILE_PAGES].sort());
  });
});

describe('sleep', () => {
  it('makes the first request after an idle time wait, and those that come meanwhile; it says that it is well', async () => {
    const { servers, place, row, complete } = await start();
    await servers.fault(0, { coldAfter: '150ms', coldStart: '300ms' });
    const timed = async (): Promise<number> => {
      const startedAt = performance.now();
      expect(await complete()).toBe(200);
      return performance.now() - startedAt;
    };
    expect(await timed()).toBeLessThan(150);
    await new Promise((resolve) => setTimeout(resolve, 250));
    const [first, second] = await Promise.all([
      timed(),
      new Promise((resolve) => setTimeout(resolve, 100)).then(async () => {
        expect((await call(place.port, '/health')).status).toBe(200);
        return timed();
      }),
    ]);
    expect(first).toBeGreaterThanOrEqual(290);
    expect(second).toBeGreaterThanOrEqual(150);
    expect(await timed()).toBeLessThan(150);
    expect(row()).toMatchObject({ state: 'Serving', fault: { coldAfter: '150ms', coldStart: '300ms' } });
    await new Promise((resolve) => setTimeout(resolve, 250));
    await servers.fault(0, {});
    expect(await timed()).toBeLessThan(150);
  });

  it('lets go who leaves meanwhile', async () => {
    const { servers, place, row } = await start();
    await servers.fault(0, { coldAfter: '0ms', coldStart: '200ms' });
    const gone = open(place.port, '/v1/completions', { prompt: 'a', max_tokens: 3, stream: true });
    gone.catch(() => undefined);
    await until(row, ({ issued }) => issued === 1);
    await servers.fault(0, { crash: true });
    await servers.fault(0, {});
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(row()).toMatchObject({ state: 'Serving', issued: 1, errors: 1, finished: 0, running: 0 });
  });

  it('is refused without the time that waking takes', async () => {
    expect(parseFault({ coldAfter: '30s' })).toMatchObject({ ok: false, issues: [{ path: 'coldAfter' }] });
  });
});
