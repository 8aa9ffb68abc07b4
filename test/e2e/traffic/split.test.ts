import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, startBackends } from '../../support/backends.ts';
import { envoyOf, INSTALL_TIMEOUT_MS, RELEASES } from '../../support/envoy-releases.ts';
import { startLoad } from '../../support/load.ts';
import { loadline } from '../../support/loadline.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
/** With 10,000 requests the share of a pool strays by half a point (one sigma), with 4,000 by 0.8. */
const REQUESTS = LONG ? 10_000 : 4000;
const POINTS = LONG ? 2 : 3.2;
const PER_SEC = 400;
const STREAM_SEC = LONG ? 60 : 10;
const POOLS = ['core', 'plain', 'spare'] as const;

type Shares = Readonly<Record<(typeof POOLS)[number], number>>;

describe.each(LONG ? RELEASES : ['1.40.0'])('a fixed split on Envoy %s', (release) => {
  let serve: Serve;
  let sidecar: Sidecar | undefined;
  const pools = new Map<string, Backends>();

  const policy = (weights: string): string =>
    poolsPolicy(
      [...pools].map(([name, { ports }]) => ({ name, ports })),
      `  split: { mode: Fixed, weights: { ${weights} } }\n  retry: { budget: { percent: 20%, minRetryConcurrency: 20 } }\n`,
    );

  beforeAll(async () => {
    const found = await envoyOf(release);
    for (const name of POOLS) pools.set(name, await startBackends(2));
    serve = await new Serve(policy('core: 5, plain: 3, spare: 2')).start();
    if ('binary' in found) sidecar = await startSidecar(serve.xds, 'a', found.binary);
  }, INSTALL_TIMEOUT_MS);

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await Promise.all([...pools.values()].map((backends) => backends.stop()));
  });

  /** Requests so far, by pool, as Envoy counts them. */
  const counts = async ({ envoy }: Sidecar): Promise<Shares> => {
    const stats = await envoy.stats('^cluster\\.chat/.*\\.upstream_rq_total$');
    return Object.fromEntries(
      POOLS.map((name) => [name, stats[`cluster.chat/${name}.upstream_rq_total`] ?? 0]),
    ) as Shares;
  };

  /** Percent of the requests between two counts. */
  const shares = (before: Shares, after: Shares): Shares => {
    const total = POOLS.reduce((sum, name) => sum + after[name] - before[name], 0);
    return Object.fromEntries(POOLS.map((name) => [name, (100 * (after[name] - before[name])) / total])) as Shares;
  };

  const expectShares = (got: Shares, wanted: Shares, points = POINTS): void => {
    for (const name of POOLS) {
      expect(got[name], `${name} of ${JSON.stringify(got)}`).toBeGreaterThan(wanted[name] - points);
      expect(got[name], `${name} of ${JSON.stringify(got)}`).toBeLessThan(wanted[name] + points);
    }
  };

  it('gives 5/3/2 of the requests, and other shares under load without a trace', async ({ skip }) => {
    const one = sidecar ?? skip(`no Envoy ${release}`);
    const start = await counts(one);
    const half = startLoad([one], { perSec: PER_SEC, seconds: REQUESTS / PER_SEC });
    const stream = streamed(one.port, STREAM_SEC);
    await half.done;
    const middle = await counts(one);
    expect(half.failures()).toEqual([]);
    expectShares(shares(start, middle), { core: 50, plain: 30, spare: 20 });

    const before = await one.envoy.stats(
      'drain_close|rx_reset|tx_reset|config_reload|cluster_modified|listener_modified',
    );
    const changed = startLoad([one], { perSec: PER_SEC, seconds: REQUESTS / PER_SEC + 2 });
    const across = streamed(one.port, STREAM_SEC);
    serve.write(policy('core: 10, plain: 10, spare: 80'));
    await until(
      'Envoy has the new shares',
      async () => Number((await one.envoy.runtime())['loadline.split.chat.chat/spare']) > 80_000,
    );
    const from = await counts(one);
    await changed.done;
    expectShares(shares(from, await counts(one)), { core: 10, plain: 10, spare: 80 });
    expect(changed.failures()).toEqual([]);
    expect(await stream, 'a stream from before').toBe('complete');
    expect(await across, 'a stream across the change').toBe('complete');
    // Runtime values and nothing else: no route, cluster or listener came anew, no connection was told to go.
    expect(
      await one.envoy.stats('drain_close|rx_reset|tx_reset|config_reload|cluster_modified|listener_modified'),
    ).toEqual(before);
    expect(await serve.metric('loadline_xds_nacks_total')).toBe(0);
  }, 240_000);

  it('keeps the shares of what is let in while a part is shed', async ({ skip }) => {
    const one = sidecar ?? skip(`no Envoy ${release}`);
    serve.write(policy('core: 80, plain: 10, spare: 10'));
    await until('Envoy has the new shares', async () => {
      const values = await one.envoy.runtime();
      return Number(values['loadline.split.chat.chat/core']) > 7.5 * Number(values['loadline.split.chat.chat/spare']);
    });
    const shed = ['shed', 'chat', '50%', '--for', '2m', '--reason', 'test'];
    expect(await loadline(...shed, '--admin', serve.admin)).toMatchObject({ code: 0 });
    await until('Envoy sheds', async () => (await one.envoy.runtime())['loadline.shed.chat'] === '50');
    const start = await counts(one);
    const load = startLoad([one], { perSec: PER_SEC, seconds: 4 });
    await load.done;
    // Half of 1,600 requests: one sigma is 1.4 points.
    expectShares(shares(start, await counts(one)), { core: 80, plain: 10, spare: 10 }, 6);
    const [running] = JSON.parse((await loadline('operations', 'list', '-o', 'json', '--admin', serve.admin)).stdout);
    await loadline('operations', 'cancel', running.id, '--reason', 'done', '--admin', serve.admin);
    serve.write(policy('core: 10, plain: 10, spare: 80'));
    await until('Envoy sheds nothing, and has the shares of before', async () => {
      const values = await one.envoy.runtime();
      return values['loadline.shed.chat'] === undefined && Number(values['loadline.split.chat.chat/spare']) > 80_000;
    });
  }, 60_000);

  it('leaves the share of a pool whose servers are gone to the others, at once and by their shares', async ({
    skip,
  }) => {
    const one = sidecar ?? skip(`no Envoy ${release}`);
    const load = startLoad([one], { perSec: 100, seconds: 5 });
    await sleep(2000);
    await pools.get('spare')?.stop();
    pools.delete('spare');
    await load.done;
    // Refused connections are tried again elsewhere. What a server had when it was killed is nobody's to repeat.
    const name = 'cluster.chat/spare.upstream_cx_destroy_remote_with_active_rq';
    const had = (await one.envoy.stats(`^${name.replaceAll('.', '\\.')}$`))[name] ?? 0;
    expect(load.failures().length - had).toBeLessThanOrEqual(1);
    const before = await one.envoy.stats('^cluster\\.chat/spare\\.(upstream_rq_total|lb_healthy_panic)$');
    const after = startLoad([one], { perSec: 200, seconds: 5 });
    await after.done;
    expect(after.failures()).toEqual([]);
    // The cluster of the pool still has its share of the requests: others answer them.
    const total = (await one.envoy.stats('^cluster\\.chat/spare\\.upstream_rq_total$'))[
      'cluster.chat/spare.upstream_rq_total'
    ];
    expect(total).toBeGreaterThan((before['cluster.chat/spare.upstream_rq_total'] ?? 0) + 600);
  }, 60_000);
});

/** A stream of so many seconds through a sidecar: `complete`, or how far it came. */
async function streamed(port: number, seconds: number): Promise<string> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/stream/${seconds}`);
    const text = await answer.text();
    return text.endsWith('data: [DONE]\n\n') ? 'complete' : `cut after ${text.length} bytes`;
  } catch (error) {
    return `failed: ${(error as Error).cause ?? (error as Error).message}`;
  }
}
