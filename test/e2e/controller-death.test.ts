import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

type Explained = { readonly services: readonly { readonly decidedAtMs: number }[] };

/** SIGKILL of the server under load, and its return: Envoys must not notice either. */
describe('the death of the controller', () => {
  let models: ModelServers;
  let serve: Serve;
  const sidecars: Sidecar[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 8, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers, { gpuPortOffset: 100 })).start();
    sidecars.push(await startSidecar(serve.xds, 'a'), await startSidecar(serve.xds, 'b'));
  });

  afterAll(async () => {
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  it('fails no request for 30 s at 50 a second, and sends nothing again when it is back', async () => {
    // Unequal weights first, so that "the weights before the kill" is something that could be lost.
    await models.fault(2, { speed: 0.4 });
    const warm = startLoad(sidecars, { perSec: 40, seconds: 20, outputTokens: 40 });
    await until(
      'weights are unequal',
      async () => {
        const hosts = (await sidecars[0]!.envoy.clusters()).chat ?? [];
        return new Set(hosts.map(({ weight }) => weight)).size > 1;
      },
      20_000,
    );
    // To its end: the law has to come to rest, or it goes on after the restart by right.
    await warm.done;
    expect(warm.failures()).toEqual([]);

    const weights = async (sidecar: Sidecar) =>
      Object.fromEntries(((await sidecar.envoy.clusters()).chat ?? []).map(({ address, weight }) => [address, weight]));
    const load = startLoad(sidecars, { perSec: 50, seconds: 30 });
    await sleep(3000);
    await serve.end('SIGKILL');
    const before = await weights(sidecars[0]!);
    await sleep(15_000);
    expect(await weights(sidecars[0]!)).toEqual(before);
    const restartedAtMs = Date.now();
    await serve.start();
    await until(
      'both sidecars are back',
      async () => (await serve.metric('loadline_xds_streams', { kind: 'ads' })) === 2,
    );
    await sleep(1500);
    for (const type of ['cds', 'lds', 'rds', 'ecds']) {
      expect(await serve.metric('loadline_xds_pushes_total', { type }), `${type} pushes after the restart`).toBe(0);
    }
    const after = await weights(sidecars[0]!);
    const { services } = (await (await serve.get('/api/explain?service=chat')).json()) as Explained;
    if ((services[0]?.decidedAtMs ?? 0) < restartedAtMs) {
      expect(await serve.metric('loadline_xds_pushes_total', { type: 'eds' })).toBe(0);
      expect(after).toEqual(before);
    } else {
      // The law may decide anew, by what it had learned: the slow server is still known to be slow.
      const slow = after[`127.0.0.1:${models.servers[2]?.port}`] as number;
      expect(slow).toBeLessThan(0.6 * Math.max(...Object.values(after)));
    }
    await load.done;
    expect(load.outcomes).toHaveLength(1500);
    expect(load.failures()).toEqual([]);
  });
});
