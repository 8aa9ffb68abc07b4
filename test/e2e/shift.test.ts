import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { loadline } from '../support/loadline.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

/** The main job on one page: a model server slows, its weight falls on a real Envoy, by EDS alone. */
describe('the slice', () => {
  let models: ModelServers;
  let serve: Serve;
  const sidecars: Sidecar[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 4, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers, { gpuPortOffset: 100 })).start();
    for (const id of ['a', 'b', 'c', 'd']) sidecars.push(await startSidecar(serve.xds, id));
  });

  afterAll(async () => {
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  it('moves traffic off a server that slows, with no push but EDS and no failed request', async () => {
    const structural = async () => {
      const counts: Record<string, number> = {};
      for (const type of ['cds', 'lds', 'rds', 'ecds'])
        counts[type] = await serve.metric('loadline_xds_pushes_total', { type });
      return counts;
    };
    const before = await structural();
    expect(before.cds).toBe(4);
    const load = startLoad(sidecars, { perSec: 16, seconds: 120, outputTokens: 50 });
    await sleep(12_000);
    await models.fault(2, { speed: 0.4 });
    const slow = `127.0.0.1:${models.servers[2]!.port}`;
    await until(
      'the slow server weighs at most 3/4 of the heaviest, in the Envoy itself',
      async () => {
        const hosts = (await sidecars[0]!.envoy.clusters()).chat ?? [];
        const heaviest = Math.max(...hosts.map(({ weight }) => weight));
        return (hosts.find(({ address }) => address === slow)?.weight ?? heaviest) <= 0.75 * heaviest;
      },
      25_000,
    );
    expect(await serve.metric('loadline_load_reports_total')).toBeGreaterThan(10);
    const explained = await loadline('explain', 'chat', '--admin', serve.admin);
    expect(explained.code, explained.stderr).toBe(0);
    expect(explained.stdout).toContain(slow);
    const status = await loadline('status', '--admin', serve.admin);
    expect(status.code, status.stderr).toBe(0);
    expect(status.stdout).toMatch(/SYNCED/);
    await load.finish();
    expect(load.failures()).toEqual([]);
    expect(await structural()).toEqual(before);
    expect(await serve.metric('loadline_xds_nacks_total')).toBe(0);
  });
});
