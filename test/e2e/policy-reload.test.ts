import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

describe('policies that change under a running server', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    models = await startModelServers({ count: 3, firstPort: 0 });
    // Without the yes of a real Envoy nothing comes into force.
    serve = await new Serve(labPolicy(models.servers), ['--validate', 'Require']).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await models?.stop();
  });

  it('a bad file is refused with its position, and the running policy stays as it was', async () => {
    const { revision } = await serve.state();
    // The tick after a sidecar came may still tell it about its peers.
    await sleep(2000);
    const pushes = await serve.metric('loadline_xds_pushes_total');
    serve.write(labPolicy(models.servers).replace('hostnames:', 'hostname:'));
    await until('the refusal is logged', () => serve.log.includes('policy refused'));
    expect(serve.log).toMatch(/policy\.yaml:13:3/);
    expect(serve.log).toMatch(/hostnames/);
    await sleep(1500);
    expect((await serve.state()).revision).toBe(revision);
    expect(await serve.metric('loadline_xds_pushes_total')).toBe(pushes);
    expect(await serve.metric('loadline_policy_problems')).toBeGreaterThan(0);
  });

  it('a restart with the file still bad serves the last good one', async () => {
    const { revision } = await serve.state();
    expect(await serve.end('SIGTERM')).toBe(0);
    await serve.start();
    expect((await serve.state()).revision).toBe(revision);
    serve.write(labPolicy(models.servers));
    await until('the problem is gone', async () => (await serve.metric('loadline_policy_problems')) === 0);
    expect((await serve.state()).revision).toBe(revision);
  });

  it('another breaker limit travels by RTDS alone, and no request fails', async () => {
    const load = startLoad([sidecar], { perSec: 20, seconds: 6 });
    const count = async (type: string) => serve.metric('loadline_xds_pushes_total', { type });
    await until(
      'the sidecar is connected',
      async () => (await serve.metric('loadline_xds_streams', { kind: 'ads' })) === 1,
    );
    const before = {
      cds: await count('cds'),
      lds: await count('lds'),
      rds: await count('rds'),
      rtds: await count('rtds'),
    };
    serve.write(labPolicy(models.servers, { service: '  circuitBreakers: { maxRequests: 77 }\n' }));
    await until('Envoy has the new limit', async () =>
      Object.entries(await sidecar.envoy.runtime()).some(
        ([key, value]) => key === 'circuit_breakers.chat.default.max_requests' && value === '77',
      ),
    );
    expect(await count('rtds')).toBeGreaterThan(before.rtds);
    expect({ cds: await count('cds'), lds: await count('lds'), rds: await count('rds') }).toEqual({
      cds: before.cds,
      lds: before.lds,
      rds: before.rds,
    });
    await load.done;
    expect(load.failures()).toEqual([]);
  });

  it('what changed while no server ran is in force once Envoy has taken it', async () => {
    const { revision } = await serve.state();
    expect(await serve.end('SIGTERM')).toBe(0);
    serve.write(labPolicy(models.servers, { service: '  circuitBreakers: { maxRequests: 66 }\n' }));
    await serve.start();
    await until('Envoy has the new limit', async () =>
      Object.entries(await sidecar.envoy.runtime()).some(
        ([key, value]) => key === 'circuit_breakers.chat.default.max_requests' && value === '66',
      ),
    );
    expect((await serve.state()).revision).not.toBe(revision);
    expect(serve.log).toContain('it is judged first');
  });

  it('a removed endpoint leaves without a failed request', async () => {
    const load = startLoad([sidecar], { perSec: 20, seconds: 8, outputTokens: 30 });
    await sleep(2000);
    serve.write(labPolicy(models.servers.slice(0, 2)));
    await until('Envoy has two hosts', async () => ((await sidecar.envoy.clusters()).chat ?? []).length === 2);
    await load.done;
    expect(load.failures()).toEqual([]);
  });
});
