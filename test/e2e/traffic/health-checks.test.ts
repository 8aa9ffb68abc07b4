import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Failing, startFailing } from '../../support/failing-backends.ts';
import { startLoad } from '../../support/load.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const PER_SEC = 100;
const SICK = 1;

describe('active health checks', () => {
  let servers: Failing;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    servers = await startFailing(3);
    const checks = '  healthCheck: { interval: 300ms, noTrafficInterval: 300ms, timeout: 250ms }\n';
    serve = await new Serve(poolsPolicy([{ name: 'gpu', ports: servers.ports }], checks)).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await servers?.stop();
  });

  const stat = async (name: string): Promise<number> =>
    (await sidecar.envoy.stats(`^cluster\\.chat\\.${name.replaceAll('.', '\\.')}$`))[`cluster.chat.${name}`] ?? 0;

  const untilHealthy = (count: number): Promise<void> =>
    until(`${count} are healthy`, async () => (await stat('membership_healthy')) === count, 10_000);

  /** Requests of clients that the sick one was given; checks are not among them. */
  const givenToSick = async (): Promise<number> => {
    const hosts = (await sidecar.envoy.clusters()).chat ?? [];
    return hosts.find(({ address }) => address.endsWith(`:${servers.ports[SICK]}`))?.rqTotal ?? Number.NaN;
  };

  it('notice a server that says that it is unwell, also before the first request', async () => {
    await untilHealthy(3);
    expect(await stat('upstream_rq_total')).toBe(0);
    await servers.mode('Unwell', SICK);
    await untilHealthy(2);
    await servers.mode('Well', SICK);
    await untilHealthy(3);
  });

  it('take it out under load and bring it back, and no request fails', async () => {
    const load = startLoad([sidecar], { perSec: PER_SEC, seconds: 30 });
    await until('it has requests', async () => (await givenToSick()) > 0);
    await servers.mode('Unwell', SICK);
    await untilHealthy(2);
    const before = await givenToSick();
    const sent = load.sent();
    await until('others have many more', () => load.sent() > sent + PER_SEC);
    expect(await givenToSick()).toBe(before);
    await servers.mode('Well', SICK);
    await until('it has requests again', async () => (await givenToSick()) > before);
    await load.finish();
    expect(load.failures()).toEqual([]);
    expect(await stat('health_check.failure')).toBeGreaterThan(0);
    expect(await stat('outlier_detection.ejections_enforced_total')).toBe(0);
  });
});
