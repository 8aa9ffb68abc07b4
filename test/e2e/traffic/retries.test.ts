import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Failing, startFailing } from '../../support/failing-backends.ts';
import { startLoad } from '../../support/load.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const PER_SEC = 200;

describe('retries', () => {
  let servers: Failing;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    servers = await startFailing(3);
    serve = await new Serve(poolsPolicy([{ name: 'gpu', ports: servers.ports }])).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await servers?.stop();
  });

  const tries = async (): Promise<number> =>
    ((await sidecar.envoy.clusters()).chat ?? []).reduce((sum, { rqTotal }) => sum + rqTotal, 0);

  it('do not storm a service that is down, and need nobody when it is back', async () => {
    const load = startLoad([sidecar], { perSec: PER_SEC, seconds: LONG ? 40 : 22 });
    await sleep(2000);
    await servers.mode('Busy');
    await sleep(5000);
    const before = { tries: await tries(), sent: load.sent() };
    await sleep(LONG ? 20_000 : 5000);
    const after = { tries: await tries(), sent: load.sent() };
    const factor = (after.tries - before.tries) / (after.sent - before.sent);
    process.stdout.write(`a dead service is offered ${factor.toFixed(3)} times its load from 5 s on\n`);
    expect(factor).toBeLessThanOrEqual(1.2);
    const events = await (await serve.get('/api/events')).text();
    expect(events).toContain('RetriesCut');
    await servers.mode('Well');
    const wellAtMs = load.sinceStartMs();
    await load.done;
    const late = load.failures().filter(({ atMs }) => atMs > wellAtMs + 8000);
    expect(late, 'failures more than 8 s after it was back').toEqual([]);
    await until('the budget is the policy’s again', async () =>
      Object.entries(await sidecar.envoy.runtime()).some(
        ([key, value]) => key === 'circuit_breakers.chat.default.retry_budget.budget_percent' && value === '5',
      ),
    );
  }, 90_000);

  it('never run a request again whose answer began', async () => {
    await until(
      'nobody is ejected',
      async () => ((await sidecar.envoy.clusters()).chat ?? []).every(({ ejected }) => !ejected),
      60_000,
    );
    await servers.mode('CutAnswers');
    const before = await tries();
    const answers = await Promise.all(Array.from({ length: 5 }, () => answerOf(sidecar.port)));
    expect(answers.every((answer) => answer.startsWith('cut'))).toBe(true);
    expect(await tries()).toBe(before + 5);
    const stats = await sidecar.envoy.stats('^cluster\\.chat\\.upstream_rq_retry$');
    await servers.mode('Well');
    expect(Object.values(stats).every(Number.isFinite)).toBe(true);
  }, 90_000);
});

if (!LONG) process.stdout.write('skipped: the retries of one dead pool are for LOADLINE_TEST_LONG=1\n');

describe.runIf(LONG)('retries of a pool with nothing behind it', () => {
  it('are cut when it is dead as a whole, while those of the others stand', async () => {
    const servers = await startFailing(4);
    const pool = (name: string, ports: readonly number[], revision: string) => ({
      ...{ name, ports, lines: `      modelRevision: ${revision}\n` },
    });
    const serve = await new Serve(
      poolsPolicy(
        [pool('gpu', servers.ports.slice(0, 2), 'a'), pool('next', servers.ports.slice(2), 'b')],
        '  split: { mode: Fixed, weights: { gpu: 1, next: 1 } }\n',
      ),
    ).start();
    const sidecar = await startSidecar(serve.xds, 'a');
    try {
      const budget = async (name: string): Promise<string | undefined> =>
        (await sidecar.envoy.runtime())[`circuit_breakers.chat/${name}.default.retry_budget.budget_percent`];
      await until('the pools are known', async () => (await budget('gpu')) === '5');
      const load = startLoad([sidecar], { perSec: PER_SEC, seconds: 25 });
      await sleep(2000);
      await servers.mode('Busy', 0);
      await servers.mode('Busy', 1);
      await until('its retries are cut', async () => (await budget('gpu')) === '0');
      expect(await budget('next')).toBe('5');
      const retries = async (): Promise<number> =>
        Object.values(await sidecar.envoy.stats('^cluster\\.chat/gpu\\.upstream_rq_retry$'))[0] ?? 0;
      await sleep(2000);
      const before = { retries: await retries(), sent: load.sent() };
      await sleep(5000);
      const factor = ((await retries()) - before.retries) / ((load.sent() - before.sent) / 2);
      process.stdout.write(`a dead pool is offered ${(1 + factor).toFixed(3)} times its load\n`);
      expect(factor).toBeLessThan(0.05);
      expect(await (await serve.get('/api/events')).text()).toMatch(/"RetriesCut","[^}]*chat\/gpu/);
      await servers.mode('Well');
      await until('they are back', async () => (await budget('gpu')) === '5', 60_000);
      await load.done;
    } finally {
      await sidecar.envoy.stop();
      await serve.dispose();
      await servers.stop();
    }
  }, 180_000);
});

/** What a POST came to: `whole`, or `cut` after so many bytes. */
async function answerOf(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    body: '{"prompt":"hello"}',
  });
  try {
    return `whole: ${(await response.text()).length}`;
  } catch {
    return `cut (${response.status})`;
  }
}
