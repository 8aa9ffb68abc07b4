import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Failing, startFailing } from '../../support/failing-backends.ts';
import { startLoad } from '../../support/load.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

describe('outlier detection in a pool of three', () => {
  let servers: Failing;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    servers = await startFailing(3);
    const outliers = '  outlierDetection: { interval: 1s, baseEjectionTime: 2s }\n';
    serve = await new Serve(poolsPolicy([{ name: 'gpu', ports: servers.ports }], outliers)).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await servers?.stop();
  });

  const ejected = async (): Promise<readonly number[]> =>
    ((await sidecar.envoy.clusters()).chat ?? [])
      .filter((host) => host.ejected)
      .map(({ address }) => servers.ports.findIndex((port) => address.endsWith(`:${port}`)));

  /** The most that were ejected at one time. */
  const mostEjected = async (during: Promise<void>): Promise<number> => {
    let most = 0;
    let running = true;
    void during.then(() => {
      running = false;
    });
    while (running) {
      most = Math.max(most, (await ejected()).length);
      await sleep(50);
    }
    return most;
  };

  it('ejects the one that is broken within 5 s, and never two', async () => {
    const load = startLoad([sidecar], { perSec: 100, seconds: 10 });
    await sleep(1000);
    await servers.mode('Busy', 1);
    const most = mostEjected(load.done);
    await until('it is ejected', async () => (await ejected()).join() === '1', 5000);
    await load.done;
    expect(await most).toBe(1);
    await servers.mode('Well');
  }, 60_000);

  it('ejects nobody when all are slow', async () => {
    await until('nobody is ejected', async () => (await ejected()).length === 0, 60_000);
    await servers.mode('Slow');
    const load = startLoad([sidecar], { perSec: 30, seconds: 8 });
    expect(await mostEjected(load.done)).toBe(0);
    expect(load.failures()).toEqual([]);
    await servers.mode('Well');
  }, 90_000);

  it('does not take busy (429) for broken', async () => {
    await servers.mode('Full', 2);
    const load = startLoad([sidecar], { perSec: 50, seconds: 5 });
    expect(await mostEjected(load.done)).toBe(0);
    await servers.mode('Well');
  }, 60_000);
});
