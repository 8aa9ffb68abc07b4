import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { loadline, loadlineWithin } from '../support/loadline.ts';
import { Serve, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
if (!LONG)
  process.stdout.write('skipped: a probe of a minute on real Envoys: set LOADLINE_TEST_LONG=1 (npm run test:long)\n');

type Estimate = { readonly value: number; readonly low: number; readonly high: number };
type Measure = { readonly delaySec: Estimate; readonly gain: Estimate; readonly expectedGain: number };

/** An operator asks a running fleet how fast its loop is; real Envoys, real pushes. */
describe('loadline probe', () => {
  let models: ModelServers;
  let serve: Serve;
  const sidecars: Sidecar[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 2, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers, { gpuPortOffset: 100 })).start();
    for (const id of ['a', 'b']) sidecars.push(await startSidecar(serve.xds, id));
  });

  afterAll(async () => {
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  const target = () => `chat/gpu/127.0.0.1:${models.servers[0]!.port}`;

  it('refuses what would not be seen', async () => {
    const idle = await loadline('probe', target(), '--admin', serve.admin);
    expect(idle.code).toBe(1);
    expect(idle.stderr).toMatch(/no requests at all|no sidecar reports/);
    const load = startLoad(sidecars, { perSec: 100, seconds: 60, outputTokens: 1 });
    await until(
      'a step of 5 % is refused for want of requests',
      async () => {
        const { code, stderr } = await loadline('probe', target(), '--admin', serve.admin);
        return code === 1 && /needs \d+ requests of the service; in 60 s it has \d{4}: use --step 20%/.test(stderr);
      },
      25_000,
    );
    load.stop();
    await load.done;
  });

  it.skipIf(!LONG)(
    'measures delay and gain, and takes its step back',
    async () => {
      const load = startLoad(sidecars, { perSec: 100, seconds: 120, outputTokens: 1 });
      await sleep(12_000);
      const command = ['probe', target(), '--step', '20%', '--output', 'json', '--admin', serve.admin];
      const { code, stdout, stderr } = await loadlineWithin(100_000, ...command);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      const { delaySec, gain, expectedGain } = JSON.parse(stdout) as Measure;
      expect(delaySec.value).toBeLessThan(5);
      expect(gain.low).toBeLessThanOrEqual(expectedGain);
      expect(gain.high).toBeGreaterThanOrEqual(expectedGain);
      const weights = (await sidecars[0]!.envoy.clusters()).chat?.map(({ weight }) => weight) ?? [];
      expect(weights).toHaveLength(2);
      expect(new Set(weights).size).toBe(1);
      expect(await serve.metric('loadline_xds_nacks_total')).toBe(0);
      load.stop();
      await load.done;
      expect(load.failures()).toEqual([]);
    },
    150_000,
  );
});
