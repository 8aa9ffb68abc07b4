import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, STANDARD_PROFILE, startModelServers } from '../../../src/lab/modelserver/index.ts';
import { type Arrival, OpenLoop, type RequestOutcome } from '../../../src/lab/traffic/index.ts';
import { run as cli } from '../../cli/run.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const PER_SEC = 20;
const OUTPUT_TOKENS = 10;
/** Of the spare tier: a fifth of the other. */
const SPARE_SLOTS = 16;
const RETURN_AFTER_SEC = 5;
/** Prompts are read one after the other: at full speed in 10 ms, ten times slower for half of the requests at most. */
const PROFILE = { ...STANDARD_PROFILE, stepMs: 20, bend: 0, prefillTokensPerSec: 10_000 };
const PROMPT = 'word'.repeat(100);
const SLOW = { speed: 0.1 };

type Failover = { readonly phase: string; readonly percent: number; readonly reason: string };
type TimelineEvent = { readonly kind: string; readonly atMs: number; readonly message: string };

describe('a first tier whose first tokens are slow', () => {
  let core: ModelServers;
  let spare: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    core = await startModelServers({ count: 1, firstPort: 0, profiles: [{ ...PROFILE, slots: 80 }] });
    spare = await startModelServers({ count: 1, firstPort: 0, profiles: [{ ...PROFILE, slots: SPARE_SLOTS }] });
    const poolOf = (name: string, servers: ModelServers, slots: number) => ({
      name,
      ports: servers.servers.map(({ port }) => port),
      lines: `      maxRunningRequests: ${slots}\n`,
    });
    const policy = poolsPolicy(
      [poolOf('core', core, 80), poolOf('spare', spare, SPARE_SLOTS)],
      `  split: { mode: Failover, tiers: [[core], [spare]], failover: { firstTokenP95Above: 1s, returnAfter: ${RETURN_AFTER_SEC}s } }
  outlierDetection: { interval: 1s, baseEjectionTime: 3s, maxEjectionPercent: 100% }
  circuitBreakers: { maxConnections: 4000, maxPendingRequests: 4000, maxRequests: 4000 }
  signals: { engine: {} }
`,
    );
    serve = await new Serve(policy).start();
    sidecar = await startSidecar(serve.xds, 'a');
    const answers = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${sidecar.port}/v1/models`).then(
        ({ status }) => status === 200,
        () => false,
      );
    await until('the sidecar answers', answers, 20_000);
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await core?.stop();
    await spare?.stop();
  });

  const failover = async (): Promise<Failover> => {
    const state = (await (await serve.get('/api/state')).json()) as { services: readonly { failover: Failover }[] };
    return (state.services[0] as { failover: Failover }).failover;
  };
  const events = async (): Promise<readonly TimelineEvent[]> => {
    const { events: all } = (await (await serve.get('/api/events')).json()) as { events: readonly TimelineEvent[] };
    return all.filter(({ kind }) => kind === 'TierGivenUp' || kind === 'TierReturns');
  };
  const hostOf = async (servers: ModelServers) => {
    const port = servers.servers[0]?.port;
    return (await sidecar.envoy.clusters()).chat?.find(({ address }) => address.endsWith(`:${port}`));
  };

  /** That it was given up before is remembered for ten times `returnAfter`. */
  const forgotten = async (): Promise<void> => {
    await until('it is home', async () => (await failover()).phase === 'Home', 60_000);
    if ((await events()).length > 0) await sleep(11 * RETURN_AFTER_SEC * 1000);
  };

  const start = (perSec: number, seconds: number) => {
    const arrivals = Array.from(
      { length: perSec * seconds },
      (_, i): Arrival => ({ atMs: (i * 1000) / perSec, promptTokens: 100, outputTokens: OUTPUT_TOKENS }),
    );
    const outcomes: RequestOutcome[] = [];
    const loop = new OpenLoop({
      arrivals,
      lanes: [{ name: 'lab', targets: [{ host: '127.0.0.1', port: sidecar.port }] }],
      message: () => ({
        body: JSON.stringify({ model: 'm', prompt: PROMPT, max_tokens: OUTPUT_TOKENS, stream: true }),
      }),
      onOutcome: (outcome) => outcomes.push(outcome),
      silenceMs: 60_000,
    });
    return { loop, done: loop.run(), failures: () => outcomes.flatMap(({ failure }) => failure ?? []) };
  };

  it('gives as many requests as it can hold to the next one within seconds, by EDS alone, and none fails', async () => {
    // In the long run more than the spare tier can hold.
    const load = start(LONG ? 2 * PER_SEC : PER_SEC, 90);
    await sleep(1000);
    const structure = '^(cluster_manager\\.cluster_(added|modified|removed)|listener_manager\\.listener_modified)$';
    const before = await sidecar.envoy.stats(structure);
    await core.fault(0, SLOW);
    const slowAtMs = Date.now();
    await until('the first tier is given up', async () => (await failover()).phase === 'Away', 20_000);
    const trippedMs = Date.now() - slowAtMs;
    const { reason } = await failover();
    let most = 0;
    await until(
      'the next tier has requests',
      async () => {
        most = Math.max(most, (await hostOf(spare))?.rqActive ?? 0);
        return ((await hostOf(spare))?.rqTotal ?? 0) > 0;
      },
      10_000,
    );
    for (let i = 0; i < (LONG ? 400 : 10); i += 1) {
      most = Math.max(most, (await hostOf(spare))?.rqActive ?? 0);
      await sleep(100);
    }
    const { percent } = await failover();
    process.stdout.write(`given up ${trippedMs} ms after it became slow; ${percent} % moved, at most ${most} open\n`);
    const explained = await cli('explain', 'chat', '--admin', serve.admin);
    const ratio = await serve.metric('loadline_failover_ratio', { service: 'chat' });
    await core.fault(0, {});
    load.loop.finish();
    await load.done;
    expect(load.failures()).toEqual([]);
    expect(percent).toBeGreaterThan(0);
    if (LONG) expect(percent).toBeLessThan(100);
    expect(reason).toMatch(/core is slow, first token p95 \d+\.\d\d s of \d+ requests, limit 1 s/);
    expect(most).toBeLessThanOrEqual(SPARE_SLOTS);
    expect(await sidecar.envoy.stats(structure)).toEqual(before);
    expect(explained.out).toMatch(/^tiers: .* to spare/m);
    expect(ratio).toBeGreaterThan(0);
    expect((await events())[0]?.message).toContain('core is slow');
  }, 150_000);

  it.skipIf(!LONG)(
    'is had back when it has been well for as long as the policy says',
    async () => {
      await until('it is back', async () => (await failover()).phase === 'Home', 60_000);
      const load = start(PER_SEC, 4);
      const before = (await hostOf(spare))?.rqTotal;
      await load.done;
      expect(load.failures()).toEqual([]);
      expect((await hostOf(spare))?.rqTotal).toBe(before);
      expect((await events()).map(({ kind }) => kind)).toEqual(['TierGivenUp', 'TierReturns']);
    },
    120_000,
  );

  it.skipIf(!LONG)(
    'is held as long when it was the sidecar that gave it up',
    async () => {
      await forgotten();
      // Few enough that the spare tier can hold all of them.
      const load = start(PER_SEC / 2, 90);
      await sleep(2000);
      await core.fault(0, { crash: true });
      await until('it is given up', async () => (await failover()).phase === 'Away', 20_000);
      expect((await failover()).reason).toContain('the sidecars had given up core');
      await sleep(2000);
      await core.fault(0, {});
      const healedAtMs = Date.now();
      await until('the sidecar has taken it back', async () => (await hostOf(core))?.ejected === false, 30_000);
      const before = (await hostOf(core))?.rqTotal ?? 0;
      await until('all are elsewhere', async () => (await failover()).percent === 100, 20_000).catch(() => undefined);
      const { percent } = await failover();
      await until('it has requests again', async () => ((await hostOf(core))?.rqTotal ?? 0) > before + 3, 60_000);
      const waitedMs = Date.now() - healedAtMs;
      process.stdout.write(`${percent} % held; requests again ${waitedMs} ms after it was well\n`);
      load.loop.finish();
      await load.done;
      expect(percent).toBe(100);
      expect(waitedMs).toBeGreaterThan(RETURN_AFTER_SEC * 1000);
    },
    300_000,
  );

  it.skipIf(!LONG)(
    'is given up again at most once in ten times that, however it flaps',
    async () => {
      await forgotten();
      const since = Date.now();
      const load = start(PER_SEC, 150);
      for (let i = 0; i < 7; i += 1) {
        await core.fault(0, SLOW);
        await sleep(9000);
        await core.fault(0, {});
        await sleep(12_000);
      }
      load.loop.finish();
      await load.done;
      const seen = (await events()).filter(({ atMs }) => atMs >= since);
      process.stdout.write(
        `${seen.map(({ kind, atMs }) => `${kind} at ${Math.round((atMs - since) / 1000)} s`).join(', ')}\n`,
      );
      expect(load.failures()).toEqual([]);
      const trips = seen.filter(({ kind }) => kind === 'TierGivenUp').map(({ atMs }) => atMs);
      expect(trips.length).toBeGreaterThanOrEqual(2);
      const again = trips.slice(1);
      for (const [i, atMs] of again.entries())
        if (i > 0) expect(atMs - (again[i - 1] as number)).toBeGreaterThanOrEqual(10 * RETURN_AFTER_SEC * 1000);
    },
    300_000,
  );

  if (!LONG) process.stdout.write('slow-tier: the way back and flapping run with LOADLINE_TEST_LONG=1\n');
});
