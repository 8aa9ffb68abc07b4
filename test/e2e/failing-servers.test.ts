import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

/** One server answers 503 at once, another closes its listener: the default retries and ejections must hide both. */
describe('failing model servers', () => {
  let models: ModelServers;
  let serve: Serve;
  const sidecars: Sidecar[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 8, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers)).start();
    sidecars.push(await startSidecar(serve.xds, 'a'), await startSidecar(serve.xds, 'b'));
  });

  afterAll(async () => {
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  it('show no client a failure after the first second, are out within 5 s, and never take too many with them', async () => {
    const load = startLoad(sidecars, { perSec: 50, seconds: 20 });
    await sleep(4000);
    await Promise.all([models.fault(1, { failRatio: 1 }), models.fault(5, { crash: true })]);
    const brokenAtMs = load.sinceStartMs();
    const broken = new Set([models.servers[1]!.port, models.servers[5]!.port].map((port) => `127.0.0.1:${port}`));
    let mostEjected = 0;
    const outOf = async (sidecar: Sidecar): Promise<boolean> => {
      const hosts = (await sidecar.envoy.clusters()).chat ?? [];
      const out = hosts.filter(({ ejected }) => ejected);
      mostEjected = Math.max(mostEjected, out.length / hosts.length);
      return out.length === 2 && out.every(({ address }) => broken.has(address));
    };
    await until(
      'both are ejected by every sidecar',
      async () => (await Promise.all(sidecars.map(outOf))).every(Boolean),
      5000,
    );
    await load.done;
    const late = load.failures().filter(({ atMs }) => atMs > brokenAtMs + 1000);
    expect(late).toEqual([]);
    // The crash resets the streams that were open on it: their first tokens were out, so nobody may repeat them. What was
    // not begun is retried, and three retries at once are always within the budget.
    const notBegun = load.failures().filter(({ why }) => !why.startsWith('StreamReset'));
    expect(notBegun.length, `all failures: ${JSON.stringify(load.failures())}`).toBeLessThanOrEqual(3);
    for (const sidecar of sidecars) await outOf(sidecar);
    expect(mostEjected).toBeLessThanOrEqual(0.5);
  });
});
