import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { loadline } from '../support/loadline.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const LOST = 2;

/** A GPU falls off the bus: nobody is sent there any more, nobody notices, and it comes back gently. */
describe('a GPU with a fatal XID', () => {
  let models: ModelServers;
  let serve: Serve;
  const sidecars: Sidecar[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 4, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers, { gpuPortOffset: 100 })).start();
    sidecars.push(await startSidecar(serve.xds, 'a'), await startSidecar(serve.xds, 'b'));
  });

  afterAll(async () => {
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  const issued = () => models.snapshot()[LOST]!.issued;
  const endpoint = async () =>
    (await serve.state()).services[0]!.pools[0]!.endpoints.find(({ port }) => port === models.servers[LOST]!.port)!;
  const events = async () =>
    ((await (await serve.get('/api/events')).json()) as { events: { kind: string; message: string }[] }).events.map(
      ({ kind, message }) => `${kind}: ${message}`,
    );

  it('gets no new request within 3 s, costs no client anything, says why, and returns with a ramp', async () => {
    const load = startLoad(sidecars, { perSec: 20, seconds: 120, outputTokens: 20 });
    await sleep(8000);
    expect(issued()).toBeGreaterThan(10);
    await models.fault(LOST, { gpuXid: 79 });
    await sleep(3000);
    const after3Sec = issued();
    await sleep(5000);
    expect(issued()).toBe(after3Sec);
    expect(await endpoint()).toMatchObject({ state: 'Draining', reason: expect.stringContaining('XID 79') });
    const explained = await loadline('explain', 'chat', '--admin', serve.admin);
    expect(explained.stdout).toContain('drains: its GPU reported XID 79 (the GPU has fallen off the bus)');
    expect(await serve.metric('loadline_endpoints_drained', { reason: 'GpuFault' })).toBe(1);
    expect(await events()).toContainEqual(expect.stringContaining('EndpointDrained: its GPU reported XID 79'));

    await models.fault(LOST, {});
    await until('it is back, and warming up', async () => (await endpoint()).state === 'WarmingUp', 4000);
    await until('it gets requests again', () => issued() > after3Sec, 10_000);
    const { weight } = await endpoint();
    expect(weight).toBeLessThan(1000);
    expect(await events()).toContainEqual(expect.stringContaining('EndpointReturned'));
    // As it warms up.
    await sleep(3000);
    await load.finish();
    expect(load.failures()).toEqual([]);
    expect(await serve.metric('loadline_xds_nacks_total')).toBe(0);
  });
});
