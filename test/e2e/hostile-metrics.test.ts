import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTILE_PAGES, type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, sleep } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

describe('hostile metric pages', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    models = await startModelServers({ count: 8, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers, { gpuPortOffset: 100 })).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await models?.stop();
  });

  it('leave the weights within their bounds, the log names each source, and no request fails', async () => {
    const load = startLoad([sidecar], { perSec: 20, seconds: 18, outputTokens: 20 });
    await sleep(3000);
    const pages = [...HOSTILE_PAGES];
    expect(pages.length).toBeGreaterThan(4);
    const hit = pages.slice(0, 7);
    await Promise.all(hit.map((page, index) => models.fault(index, { metrics: page })));
    await sleep(9000);
    const endpoints = (await serve.state()).services[0]!.pools[0]!.endpoints;
    expect(endpoints).toHaveLength(8);
    for (const { weight, share } of endpoints) {
      expect(Number.isInteger(weight) && weight >= 1 && weight <= 1000).toBe(true);
      expect(share).toBeGreaterThanOrEqual(0.04 / 8);
      expect(share).toBeLessThan(0.6);
    }
    const named = hit.filter((_, index) => serve.log.includes(`:${models.servers[index]!.port}/metrics`));
    expect(named, `sources named in the log for ${hit.join(', ')}`).toEqual(hit);
    await load.done;
    expect(load.failures()).toEqual([]);
  });
});
