import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, startBackends } from '../../support/backends.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const SECONDS = LONG ? 60 : 8;
const CLIENTS = 16;
const RATE = 100;
const BURST = 50;

type Tally = { readonly admitted: number; readonly refused: number; readonly other: number; readonly seconds: number };

describe('rate limits', () => {
  let backends: Backends;
  let serve: Serve;
  const sidecars: Sidecar[] = [];

  const policy = (limits: string, more = ''): string =>
    poolsPolicy([{ name: 'gpu', ports: backends.ports }], `${more}  rateLimits:\n${limits}`);
  const LIMITS = `    - { name: each, rate: ${RATE}/s, burst: ${BURST} }\n`;
  const SHARED = `    - { name: all, rate: ${RATE}/s, burst: ${BURST}, scope: Group }\n`;
  const SLOW = '    - { name: slow, rate: 1/m, burst: 20 }\n';

  beforeAll(async () => {
    backends = await startBackends(2);
    serve = await new Serve(policy(LIMITS)).start();
    sidecars.push(await startSidecar(serve.xds, 'a'));
  });

  afterAll(async () => {
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await backends?.stop();
  });

  /** Envoy has the buckets of these names, and no others. */
  const buckets = async (...names: readonly string[]): Promise<void> =>
    until(`every sidecar has ${names}`, async () =>
      (await Promise.all(sidecars.map(async ({ envoy }) => JSON.stringify(await envoy.configDump())))).every((dump) =>
        ['each', 'all', 'slow'].every(
          (name) => dump.includes(`"key":"limit","value":"chat/${name}"`) === names.includes(name),
        ),
      ),
    );

  it('admit what the rate brings and the burst, whatever many clients ask at once', async () => {
    await buckets('each');
    const { admitted, refused, other, seconds } = await pressed(sidecars, SECONDS);
    const due = RATE * seconds + BURST;
    process.stdout.write(
      `admitted ${admitted} of ${due.toFixed(0)} due in ${seconds.toFixed(1)} s, ${refused} refused\n`,
    );
    expect(other).toBe(0);
    expect(refused).toBeGreaterThan(admitted);
    expect(Math.abs(admitted / due - 1)).toBeLessThan(0.02);
  }, 120_000);

  it('are shared by the sidecars of a group, evenly again when one joins', async () => {
    serve.write(policy(SHARED));
    sidecars.push(await startSidecar(serve.xds, 'b'));
    await buckets('all');
    for (const due of [2, 3]) {
      if (sidecars.length < due) sidecars.push(await startSidecar(serve.xds, 'c'));
      await until(`${due} sidecars know each other`, async () =>
        (
          await Promise.all(sidecars.map(async ({ envoy }) => (await envoy.clusters()).loadline_sidecars?.length))
        ).every((members) => members === due),
      );
      // What the buckets hold is used up first: how full each is hangs on when it was made.
      await pressed(sidecars, 1);
      const { admitted, seconds } = await pressed(sidecars, SECONDS);
      process.stdout.write(
        `${due} sidecars admitted ${(admitted / seconds).toFixed(1)} a second together, of ${RATE}\n`,
      );
      expect(Math.abs(admitted / seconds / RATE - 1)).toBeLessThan(0.05);
    }
  }, 240_000);

  it('keep what they hold through an edit of something else', async () => {
    serve.write(policy(SLOW));
    await buckets('slow');
    const [one] = sidecars as [Sidecar];
    expect((await pressed([one], 1)).admitted).toBe(20);
    serve.write(policy(SLOW, '  timeouts: { streamIdle: 4m }\n  retry: { numRetries: 1 }\n'));
    await until('the route is another one', async () =>
      JSON.stringify(await one.envoy.configDump()).includes('"idle_timeout":"240s"'),
    );
    expect((await pressed([one], 1)).admitted).toBe(0);
  }, 60_000);

  it('say how long to wait', async () => {
    const [one] = sidecars as [Sidecar];
    const answer = await fetch(`http://127.0.0.1:${one.port}/`);
    expect(answer.status).toBe(429);
    // One a minute.
    expect(answer.headers.get('retry-after')).toBe('60');
    expect(answer.headers.get('x-ratelimit-limit')).toMatch(/^20/);
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(Number(answer.headers.get('x-ratelimit-reset'))).toBeGreaterThan(0);
    await answer.arrayBuffer();
  });

  it('take what a header says a request costs, and the default where it says nothing that is a cost', async () => {
    const [one] = sidecars as [Sidecar];
    const tokens = (costs: readonly (readonly string[])[]) =>
      Promise.all(costs.map((lines) => costing(one.port, lines)));
    serve.write(policy('    - { name: tokens, rate: 1/m, burst: 100, cost: { header: x-tokens, default: 10 } }\n'));
    await until('the limits are there', async () => {
      const dump = JSON.stringify(await one.envoy.configDump());
      return dump.includes('"chat/tokens":"chat/tokens"') && dump.includes('%REQ(x-tokens)%');
    });
    expect(await tokens([['40']])).toEqual([200]);
    // 60 are left: nothing, no number, none, less than none, more than there can be, and two lines of which one is no number.
    expect(await tokens([[], ['many'], ['0'], ['-5'], ['10000000000']])).toEqual([200, 200, 200, 200, 200]);
    expect(await tokens([['5', 'x']])).toEqual([200]);
    expect(await tokens([['1'], []])).toEqual([429, 429]);
    const stats = await one.envoy.stats('^sidecar_rate_limit\\.http_local_rate_limit\\.rate_limited$');
    expect(Object.values(stats)[0]).toBeGreaterThanOrEqual(2);
  }, 60_000);
});

/** The status of a request with so many lines of the header that says its cost. */
function costing(port: number, lines: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path: '/', agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
    if (lines.length > 0) call.setHeader('x-tokens', [...lines]);
    call.end();
  });
}

/** What becomes of as many requests as so many clients can make, each with one at a time, spread over the sidecars. */
async function pressed(sidecars: readonly Sidecar[], seconds: number): Promise<Tally> {
  const agent = new Agent({ keepAlive: true });
  const tally = { admitted: 0, refused: 0, other: 0 };
  const began = performance.now();
  const until = began + 1000 * seconds;
  let last = began;
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      const { port } = sidecars[i % sidecars.length] as Sidecar;
      while (performance.now() < until) {
        const status = await statusOf(port, agent);
        last = performance.now();
        if (status === 200) tally.admitted += 1;
        else if (status === 429) tally.refused += 1;
        else tally.other += 1;
      }
    }),
  );
  agent.destroy();
  return { ...tally, seconds: (last - began) / 1000 };
}

function statusOf(port: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent, path: '/' }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', reject)
      .end();
  });
}
