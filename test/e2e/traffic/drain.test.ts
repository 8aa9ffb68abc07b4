import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostStatus } from '../../../src/edge/envoy/index.ts';
import { type Failing, startFailing } from '../../support/failing-backends.ts';
import { startLoad } from '../../support/load.ts';
import { loadline } from '../../support/loadline.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const PER_SEC = 20;
const LEAVER = 2;

describe('an endpoint that leaves its pool', () => {
  let servers: Failing;
  let serve: Serve;
  let sidecar: Sidecar;

  const policy = (count: number): string =>
    poolsPolicy([{ name: 'gpu', ports: servers.ports.slice(0, count) }], '  drain: { deadline: 60s }\n');

  beforeAll(async () => {
    servers = await startFailing(3);
    serve = await new Serve(policy(3)).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await servers?.stop();
  });

  const leaver = async (): Promise<HostStatus | undefined> =>
    ((await sidecar.envoy.clusters()).chat ?? []).find(({ address }) => address.endsWith(`:${servers.ports[LEAVER]}`));

  it('takes nothing new, finishes what it has, also over a restart of Loadline, and is gone then', async () => {
    await servers.mode('Streams');
    const load = startLoad([sidecar], { perSec: PER_SEC, seconds: 60 });
    await until('it has streams', async () => ((await leaver())?.rqActive ?? 0) > 3);
    serve.write(policy(2));
    await until('it drains', async () => (await leaver())?.edsHealth === 'DRAINING');
    const before = await leaver();
    expect(before?.rqActive).toBeGreaterThan(0);
    const { stdout } = await loadline('status', '--admin', serve.admin);
    expect(stdout).toMatch(
      /:\d+ drains: it left its pool, takes no new requests, and goes when none is open there, at /,
    );
    await serve.end('SIGKILL');
    await serve.start();
    const told = (await serve.state()).services[0]?.pools[0]?.endpoints.find(
      ({ port }) => port === servers.ports[LEAVER],
    );
    expect(told?.state).toBe('Draining');
    let last = before;
    await until(
      'it is gone',
      async () => {
        const now = await leaver();
        last = now ?? last;
        return now === undefined;
      },
      30_000,
    );
    expect(last?.rqTotal, 'requests that it was given while it drained').toBe(before?.rqTotal);
    expect(last?.rqActive, 'streams that it had when it went').toBe(0);
    await load.finish();
    expect(load.failures()).toEqual([]);
  }, 90_000);
});
