import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Metric } from '../../src/core/topology/index.ts';
import type { ExplainView } from '../../src/edge/observe/index.ts';
import { HttpPageFetcher } from '../../src/edge/signals/page-fetcher.ts';
import { EngineSource } from '../../src/edge/signals/sources/engine-source.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { complete, occupy } from '../support/llama-cpp/completion.ts';
import { findLlamaServer, type LlamaServer } from '../support/llama-cpp/install-llama-server.ts';
import { RunningLlama } from '../support/llama-cpp/llama-server.ts';
import { type Load, startLoad } from '../support/load.ts';
import { Serve, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const SLOTS = 4;
const SERVERS = 3;
/** Three whole servers would want more cores than there are: each may run for this share of the time. */
const SPEED = 0.3;
const REQUESTS_PER_SEC = 3;
const TOKENS = 60;
/** Seconds, but for a server that has become well: with half a request in flight there is little to learn its speed from. */
const LIMIT_MS = 240_000;
const EVEN = 1 / SERVERS;
/** What a light load lets it learn anew is within the dead band of even, not even. */
const BACK = 0.7;

const found =
  process.env.LOADLINE_TEST_LONG === '1'
    ? await findLlamaServer()
    : { missing: 'set LOADLINE_TEST_LONG=1 (npm run test:long)' };
if ('missing' in found) process.stdout.write(`skipped: llama.cpp: ${found.missing}\n`);

/** What Loadline reads from a real llama-server, compared with what was sent to it. */
describe.skipIf('missing' in found)('a real llama-server', () => {
  const fetcher = new HttpPageFetcher();
  let server: RunningLlama;
  let source: EngineSource;
  let values: () => Promise<Partial<Record<Metric, number>>>;

  beforeAll(async () => {
    server = await RunningLlama.start(found as LlamaServer, SLOTS);
    const url = server.url('/metrics');
    const subject = { address: '127.0.0.1', port: server.port };
    const about = { key: 'k', service: 'chat', pool: 'gpu', intervalMs: 1000, source: `engine ${url}`, url, subject };
    source = new EngineSource({ ...about, kind: 'Engine' }, fetcher);
    values = async () => {
      const { samples, failure, refusals, note } = await source.collect(Date.now(), AbortSignal.timeout(5000));
      expect({ failure, refusals, note }).toEqual({ failure: undefined, refusals: [], note: undefined });
      return Object.fromEntries(samples.map(({ metric, value }) => [metric, value]));
    };
  });

  afterAll(async () => {
    await server?.stop();
    fetcher.close();
  });

  it('is recognised and states its slots', async () => {
    expect(await values()).toEqual({
      runningRequests: 0,
      waitingRequests: 0,
      promptTokensTotal: 0,
      generationTokensTotal: 0,
      maxRunningRequests: SLOTS,
    });
  });

  it('counts the tokens that its clients get', async () => {
    const before = await values();
    const done = await Promise.all(
      [30, 50, 70].map((tokens, at) => complete(server.port, { prompt: `${at} is the number of a request`, tokens })),
    );
    const after = await values();
    const sum = (of: (one: (typeof done)[number]) => number) => done.reduce((total, one) => total + of(one), 0);
    expect(sum((one) => one.generatedTokens)).toBe(150);
    expect(await server.page('/metrics')).toContain('llamacpp:tokens_predicted_total 150\n');
    // By steps of the batch, of which the last one of a request may count or not.
    const generated = (after.generationTokensTotal ?? 0) - (before.generationTokensTotal ?? 0);
    expect(Math.abs(generated - 150)).toBeLessThanOrEqual(done.length);
    expect((after.promptTokensTotal ?? 0) - (before.promptTokensTotal ?? 0)).toBe(
      sum((one) => one.promptTokens - one.cachedTokens),
    );
  });

  it('tells who runs and who waits for a slot', async () => {
    const others = occupy(server.port, SLOTS + 3, 1500);
    try {
      await until('three wait', async () => (await values()).waitingRequests === 3);
      const { generationTokensTotal: before = 0, runningRequests } = await values();
      expect(runningRequests).toBe(SLOTS);
      // Its own count of tokens stands still until one of them ends.
      await until('tokens are counted', async () => ((await values()).generationTokensTotal ?? 0) > before + SLOTS);
    } finally {
      await others.stop();
    }
    await until('it is idle again', async () => (await values()).runningRequests === 0);
  });

  it('sends headers when a slot takes a request up: those of a queue are as late as the queue is long', async () => {
    const running = occupy(server.port, SLOTS, 1500);
    await until('all slots run', async () => (await values()).runningRequests === SLOTS);
    let headersCame = false;
    const queued = complete(server.port, { prompt: 'one that waits', tokens: 2 }).finally(() => {
      headersCame = true;
    });
    await until('it waits', async () => (await values()).waitingRequests === 1);
    expect(headersCame).toBe(false);
    await running.stop();
    const { headersMs, firstTokenMs } = await queued;
    process.stdout.write(
      `llama.cpp: in a queue headers after ${Math.round(headersMs)} ms, first token after ${Math.round(firstTokenMs)} ms\n`,
    );
    expect(headersMs).toBeGreaterThan(firstTokenMs / 2);
  });
});

/** Three of them behind a real Envoy that `loadline serve` feeds, under a load that none of them has trouble with. */
describe.skipIf('missing' in found)('three real llama-servers behind Envoy', () => {
  let servers: readonly RunningLlama[];
  let serve: Serve;
  let sidecar: Sidecar;
  let load: Load;

  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: SERVERS }, () => RunningLlama.start(found as LlamaServer, SLOTS)));
    for (const server of servers) await server.setSpeed(SPEED);
    serve = await new Serve(labPolicy(servers)).start();
    sidecar = await startSidecar(serve.xds, 'sidecar-1');
    load = startLoad([sidecar], { perSec: REQUESTS_PER_SEC, seconds: 900, outputTokens: TOKENS });
  }, 120_000);

  afterAll(async () => {
    load?.stop();
    await load?.done;
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  async function believed(): Promise<readonly Explained[]> {
    const { services } = (await (await serve.get('/api/explain?service=chat')).json()) as {
      readonly services: readonly ExplainView[];
    };
    return servers.map(({ port }) => {
      const one = services[0]?.endpoints.find((endpoint) => endpoint.port === port);
      if (one?.belief === null || one?.belief === undefined) throw new Error('nothing is believed yet');
      return { share: one.share, reason: one.reason, ...one.belief };
    });
  }

  /** Waits for a share, prints how long it took, and says what was believed where it did not come. */
  async function untilShare(what: string, at: number, holds: (share: number) => boolean): Promise<void> {
    const startedAt = performance.now();
    let last: Explained | undefined;
    try {
      await until(
        what,
        async () => {
          last = (await believed())[at];
          return last !== undefined && holds(last.share);
        },
        LIMIT_MS,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${JSON.stringify(last)}`);
    }
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stdout.write(`llama.cpp: ${what} after ${seconds} s (share ${last?.share.toFixed(2)})\n`);
  }

  it('are heard, each with the slots that it states, and share the load evenly', async () => {
    await until('all are heard', async () => (await believed()).every(({ freshness }) => freshness === 'Fresh'));
    for (const one of await believed()) expect(one).toMatchObject({ slots: SLOTS, slotsKnown: true });
    for (const at of servers.keys()) {
      await untilShare(`an even share of server ${at}`, at, (share) => share > 0.7 * EVEN && share < 1.3 * EVEN);
    }
  });

  it('one that others load past Envoy has a queue, loses share within seconds and gets it back', async () => {
    const others = occupy((servers[0] as RunningLlama).port, 3 * SLOTS, TOKENS);
    try {
      await until('its queue is seen', async () => ((await believed())[0]?.waiting ?? 0) > SLOTS);
      await untilShare('less than half of an even share under foreign load', 0, (share) => share < 0.5 * EVEN);
      await until('it is known for foreign', async () => ((await believed())[0]?.foreign ?? 0) > SLOTS);
    } finally {
      await others.stop();
    }
    await untilShare('the share back without foreign load', 0, (share) => share > BACK * EVEN);
  }, 500_000);

  it('one that becomes slow loses share and gets it back when it is well', async () => {
    const slow = servers[1] as RunningLlama;
    await slow.setSpeed(SPEED / 5);
    await untilShare('less than half of an even share at a fifth of the speed', 1, (share) => share < 0.5 * EVEN);
    await slow.setSpeed(SPEED);
    await untilShare('the share back at full speed', 1, (share) => share > BACK * EVEN);
  }, 500_000);

  it('sends its headers before the first token of a long prompt', async () => {
    const long = { prompt: 'a long prompt '.repeat(50), tokens: 2 };
    const alone = await complete(sidecar.port, long);
    expect(alone.headersMs).toBeLessThan(alone.firstTokenMs / 2);
    const ms = (value: number): string => `${Math.round(value)} ms`;
    process.stdout.write(
      `llama.cpp: headers after ${ms(alone.headersMs)}, first token after ${ms(alone.firstTokenMs)}\n`,
    );
  });

  it('no client has noticed', () => {
    expect(load.outcomes.length).toBeGreaterThan(50);
    expect(load.failures()).toEqual([]);
  });
});

type Explained = { readonly share: number; readonly reason: string } & NonNullable<
  ExplainView['endpoints'][number]['belief']
>;
