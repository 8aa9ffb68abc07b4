import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, startBackends } from '../../support/backends.ts';
import { startLoad } from '../../support/load.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const PER_SEC = 200;

describe.each([
  { retries: 2, most: 1 },
  // Each of three servers is given up after three failures in a row, and what is on its way to them then fails too.
  { retries: 0, most: 3 * 3 + 5 },
])('a dead first tier, with $retries retries', ({ retries, most }) => {
  let serve: Serve;
  let sidecar: Sidecar;
  let first: Backends;
  let second: Backends;

  beforeAll(async () => {
    first = await startBackends(3);
    second = await startBackends(2);
    const policy = poolsPolicy(
      [
        { name: 'first', ports: first.ports },
        { name: 'second', ports: second.ports },
      ],
      `  split: { mode: Failover, tiers: [[first], [second]], failover: { consecutiveGatewayFailure: 3 } }
  retry: { numRetries: ${retries}, retryOn: [connect-failure], budget: { percent: 20%, minRetryConcurrency: 20 } }
`,
    );
    serve = await new Serve(policy).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await first?.stop();
    await second?.stop();
  });

  /** Requests that each tier has been given. */
  const given = async (): Promise<{ readonly first: number; readonly second: number }> => {
    const hosts = (await sidecar.envoy.clusters()).chat ?? [];
    const of = (backends: Backends): number =>
      hosts
        .filter(({ address }) => backends.ports.some((port) => address.endsWith(`:${port}`)))
        .reduce((sum, { rqTotal }) => sum + rqTotal, 0);
    return { first: of(first), second: of(second) };
  };

  it('sends nothing to the second tier while the first is well', async () => {
    const load = startLoad([sidecar], { perSec: PER_SEC, seconds: 2 });
    await load.done;
    expect(load.failures()).toEqual([]);
    const { first: served, second: spared } = await given();
    expect(served).toBe(2 * PER_SEC);
    expect(spared).toBe(0);
  });

  it(`fails at most ${most} requests, and the next tier answers all others`, async () => {
    const load = startLoad([sidecar], { perSec: PER_SEC, seconds: 6 });
    await sleep(1000);
    await first.stop();
    const goneAtMs = load.sinceStartMs();
    await until('the next tier has a request', async () => (await given()).second > 0, 5000);
    // At 200 requests a second the bound on failures is one on time too; the wall clock of a busy host is only told.
    process.stdout.write(
      `next tier after ${Math.round(load.sinceStartMs() - goneAtMs)} ms (polled), retries ${retries}\n`,
    );
    await load.done;
    const failures = load.failures();
    // Requests that a server had when it was killed are nobody's to repeat: they may have been begun.
    const had = await cutOff(sidecar);
    expect(failures.length - had, JSON.stringify({ had, failures: failures.slice(0, 5) })).toBeLessThanOrEqual(most);
    expect((await given()).second).toBeGreaterThan(4 * PER_SEC);
    const stats = await sidecar.envoy.stats(
      '^cluster\\.chat\\.(upstream_rq_retry_overflow|outlier_detection\\.ejections_active)$',
    );
    expect(stats).toEqual({ 'cluster.chat.outlier_detection.ejections_active': 3 });
    const pools = (await serve.state()).services[0]?.pools ?? [];
    const issued = pools.map(({ name, endpoints }) => [
      name,
      endpoints.reduce((sum, one) => sum + (one.issuedShare ?? 0), 0),
    ]);
    expect(Object.fromEntries(issued).second, 'what Loadline says of issued requests').toBeGreaterThan(0.5);
  });
});

/** Requests whose connection the server ended while they were open. */
async function cutOff({ envoy }: Sidecar): Promise<number> {
  const name = 'cluster.chat.upstream_cx_destroy_remote_with_active_rq';
  return (await envoy.stats(`^${name.replaceAll('.', '\\.')}$`))[name] ?? 0;
}
