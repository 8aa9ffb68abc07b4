import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRollouts, type RolloutAnswer, type RolloutClient } from '../../src/edge/admin/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { configDump } from '../support/config-dump.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { type Load, startLoad } from '../support/load.ts';
import { type OtherBuild, otherBuild } from '../support/other-build.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const IDLE = {
  file: 'core/resources/cluster.js',
  text: "HTTP1_IDLE_TIMEOUT = '4s'",
  other: "HTTP1_IDLE_TIMEOUT = '3s'",
};

describe('another release of Loadline, that compiles the same policy to other bytes', () => {
  let models: ModelServers;
  let before: OtherBuild;
  let today: string;
  let serve: Serve;
  let sidecars: Sidecar[];
  let client: RolloutClient;
  let load: Load;

  const answer = async (): Promise<RolloutAnswer | undefined> => client.get().catch(() => undefined); // dialled anew
  const policy = (service = ''): string =>
    labPolicy(models.servers, { group: '  rollout: { canary: 25%, hold: 4s }\n', service });

  beforeAll(async () => {
    models = await startModelServers({ count: 2, firstPort: 0 });
    before = otherBuild(IDLE.file, IDLE.text, IDLE.other);
    serve = new Serve(policy());
    today = serve.bin;
    serve.bin = before.bin;
    await serve.start();
    sidecars = await Promise.all(Array.from({ length: 4 }, (_, at) => startSidecar(serve.xds, `sidecar-${at}`)));
    client = connectRollouts(serve.admin);
    load = startLoad(sidecars, { perSec: 40, seconds: 120, outputTokens: 4 });
    await sleep(3000);
  }, 120_000);

  afterAll(async () => {
    load?.stop();
    client?.close();
    await Promise.all((sidecars ?? []).map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    before?.dispose();
    await models?.stop();
  });

  it('goes to canaries first, and costs no request', async () => {
    expect(await idleTimeouts(sidecars)).toEqual(['3s', '3s', '3s', '3s']);
    expect(await serve.end('SIGTERM')).toBe(0);
    serve.bin = today;
    await serve.start();
    await until('it is tried', async () => (await answer())?.running?.cause === 'Release');
    await until('the canary has it', async () => (await answer())?.running?.groups[0]?.heldSinceMs != null);
    const canary = (await answer())?.running?.groups[0]?.canaries[0]?.nodeId;
    const timeouts = await idleTimeouts(sidecars);
    expect(sidecars.filter((_, at) => timeouts[at] === '4s').map(({ id }) => id)).toEqual([canary]);
    await until('it is over', async () => (await answer())?.running === null, 30_000);
    expect((await answer())?.last).toMatchObject({ cause: 'Release', outcome: 'Passed' });
    await until('all have it', async () => (await idleTimeouts(sidecars)).every((timeout) => timeout === '4s'));
    expect(load.failures()).toEqual([]);
  }, 90_000);

  it('is no change after a restart of the same release', async () => {
    const pushes = await Promise.all(sidecars.map(({ envoy }) => envoy.stats('cluster_manager.cluster_modified')));
    expect(await serve.end('SIGTERM')).toBe(0);
    await serve.start();
    await until('all are back', async () => (await serve.metric('loadline_xds_streams', { kind: 'ads' })) === 4);
    await sleep(2500);
    expect((await answer())?.running).toBeNull();
    expect(await Promise.all(sidecars.map(({ envoy }) => envoy.stats('cluster_manager.cluster_modified')))).toEqual(
      pushes,
    );
  }, 60_000);

  it('that is taken back stays so over a restart, and all others keep what they have', async () => {
    expect(await serve.end('SIGTERM')).toBe(0);
    serve.bin = before.bin;
    await serve.start();
    await until('it is tried', async () => (await answer())?.running?.cause === 'Release');
    await client.act('Abort', 'not today');
    await until('all are as before', async () => (await idleTimeouts(sidecars)).every((timeout) => timeout === '4s'));
    expect(await serve.end('SIGTERM')).toBe(0);
    await serve.start();
    await sleep(3000);
    expect((await answer())?.running).toBeNull();
    expect(await idleTimeouts(sidecars)).toEqual(['4s', '4s', '4s', '4s']);
    expect(await serve.metric('loadline_policy_problems')).toBe(1);
    // The release that compiles what they have takes over without a push.
    expect(await serve.end('SIGTERM')).toBe(0);
    serve.bin = today;
    await serve.start();
    await sleep(2000);
    expect((await answer())?.running).toBeNull();
    expect(await serve.metric('loadline_policy_problems')).toBe(0);
    expect(load.failures()).toEqual([]);
  }, 90_000);
});

/** Of idle connections of the cluster `chat`, by sidecar. */
async function idleTimeouts(sidecars: readonly Sidecar[]): Promise<readonly (string | undefined)[]> {
  const dumps = await Promise.all(sidecars.map(({ envoy }) => configDump(envoy)));
  return dumps.map(({ clusters }) => /"idle_timeout":"([^"]+)"/.exec(JSON.stringify(clusters.get('chat')))?.[1]);
}
