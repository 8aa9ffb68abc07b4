import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectPolicies, type PoliciesClient, type PolicyAnswer } from '../../src/edge/admin/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { configDump } from '../support/config-dump.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

describe('policies that are applied to a running server', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;
  let client: PoliciesClient;

  beforeAll(async () => {
    models = await startModelServers({ count: 3, firstPort: 0 });
    serve = await new Serve(undefined).start();
    client = connectPolicies(serve.admin);
    done(await client.apply([file('5m')], { reason: 'the first' }));
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    client?.close();
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await models?.stop();
  });

  const file = (request: string) => ({
    name: 'lab.yaml',
    text: labPolicy(models.servers, { service: `  timeouts: { request: ${request} } # as agreed\n` }),
  });
  const timeout = async (): Promise<string> => {
    const routes = JSON.stringify([...(await configDump(sidecar.envoy)).routes.values()]);
    return [...new Set([...routes.matchAll(/"timeout":"(\d+)s"/g)].map((match) => match[1]))].join();
  };

  it('reach Envoy, and are taken back, without a failed request', async () => {
    await until('Envoy has the first policy', async () => (await timeout()).includes('300'));
    const load = startLoad([sidecar], { perSec: 20, seconds: 8 });
    done(await client.apply([file('9m')], { reason: 'longer answers' }));
    await until('Envoy has the second policy', async () => (await timeout()).includes('540'));
    expect(await timeout()).not.toContain('300');
    const back = done(await client.rollback(undefined, 1, { reason: 'as it was' }));
    expect(back.revision).toBe(3);
    await until('Envoy has the first policy again', async () => (await timeout()).includes('300'));
    await load.done;
    expect(load.failures()).toEqual([]);
  });

  it('are there after a kill, with who wrote them and why', async () => {
    await serve.end('SIGKILL');
    await serve.start();
    const versions = done(await client.history({ key: { kind: 'ModelService', name: 'chat' } })).versions;
    expect(versions.map(({ revision, reason }) => `${revision} ${reason}`)).toEqual([
      '3 as it was',
      '2 longer answers',
      '1 the first',
    ]);
    expect(done(await client.get()).documents[0]?.text).toContain('{ request: 5m } # as agreed\n');
    expect(await timeout()).toContain('300');
  });
});

function done<T>(answer: PolicyAnswer<T>): T {
  if (!answer.ok) return expect.fail(`${answer.code}: ${answer.message}`);
  return answer.value;
}
