import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ByHandClient, connectByHand, connectRollouts, type RolloutClient } from '../../src/edge/admin/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { configDump } from '../support/config-dump.ts';
import { freePort } from '../support/free-port.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { type Load, startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const SIDECARS = 10;
const PER_SEC = 500;
const ROLLOUT = '  rollout: { canary: 10%, minNodes: 1, hold: 4s }\n';

/** How often an Envoy took (`success`) and refused (`rejected`) listeners. */
async function listenerUpdates({ envoy }: Sidecar): Promise<{ readonly rejected: number; readonly success: number }> {
  const stats = await envoy.stats('listener_manager.lds');
  return {
    rejected: stats['listener_manager.lds.update_rejected'] ?? 0,
    success: stats['listener_manager.lds.update_success'] ?? 0,
  };
}

describe('a change on its way through ten Envoys under load', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecars: Sidecar[];
  let client: RolloutClient;
  let load: Load;

  const policy = (group: string, service = ''): string =>
    labPolicy(models.servers, { group: `${ROLLOUT}${group}`, service });
  const over = (): Promise<void> =>
    until('the rollout is over', async () => (await client.get()).running === null, 30_000);

  beforeAll(async () => {
    models = await startModelServers({ count: 4, firstPort: 0 });
    // One of the changes takes every endpoint away.
    serve = await new Serve(policy(''), ['--max-shrink', '100%']).start();
    sidecars = await Promise.all(Array.from({ length: SIDECARS }, (_, at) => startSidecar(serve.xds, `sidecar-${at}`)));
    client = connectRollouts(serve.admin);
    load = startLoad(sidecars, { perSec: PER_SEC, seconds: 300, outputTokens: 2 });
    await sleep(3000);
  }, 180_000);

  afterAll(async () => {
    load?.stop();
    client?.close();
    await Promise.all((sidecars ?? []).map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  it('reaches one of them first, holds there, and then all others', async () => {
    serve.write(policy('', '  timeouts: { connect: 3s }\n'));
    await until('it is tried', async () => (await client.get()).running !== null);
    const { running } = await client.get();
    expect(running?.groups[0]?.canaries).toHaveLength(1);
    const canary = running?.groups[0]?.canaries[0]?.nodeId;
    await until('the canary has it', async () => (await client.get()).running?.groups[0]?.heldSinceMs != null);
    const timeouts = await Promise.all(sidecars.map(connectTimeout));
    expect(sidecars.filter((_, at) => timeouts[at] === '3s').map(({ id }) => id)).toEqual([canary]);
    await over();
    expect((await client.get()).last).toMatchObject({ cause: 'Policy', outcome: 'Passed' });
    await until('all have it', async () =>
      (await Promise.all(sidecars.map(connectTimeout))).every((timeout) => timeout === '3s'),
    );
  }, 90_000);

  it('that one refuses is taken back before a second one sees it, and the line is named', async () => {
    const before = await Promise.all(sidecars.map(listenerUpdates));
    const { revision } = await serve.state();
    // A port that is taken on the sidecar's host: nothing in the policy is wrong, and Envoy refuses it.
    const taken = Number(new URL(`http://${serve.http}`).port);
    const text = policy('', '  timeouts: { connect: 3s }\n').replace(
      'port: 15001 }',
      `port: 15001 }\n    - { name: more, address: 127.0.0.1, port: ${taken} }`,
    );
    serve.write(text);
    const passed = (await client.get()).last?.to;
    await until('it was tried', async () => (await client.get()).last?.to !== passed, 30_000);
    const { last } = await client.get();
    const line = text.split('\n').findIndex((one) => one.includes('name: more')) + 1;
    expect(last).toMatchObject({ outcome: 'Returned', origin: expect.stringContaining(`policy.yaml:${line}:`) });
    expect(last?.why).toMatch(/^Nack on sidecar-\d: lds .*cannot bind .*Address already in use/s);
    const refused = (await Promise.all(sidecars.map(listenerUpdates))).map(
      ({ rejected }, at) => rejected - (before[at]?.rejected ?? 0),
    );
    expect(refused.filter((count) => count > 0)).toHaveLength(1);
    expect(sidecars[refused.findIndex((count) => count > 0)]?.id).toBe(last?.node);
    expect((await serve.state()).revision).toBe(revision);
    expect(await serve.metric('loadline_policy_problems')).toBe(1);
    // What was taken back stays so.
    await sleep(3000);
    expect((await client.get()).running).toBeNull();
  }, 60_000);

  it('that makes requests fail is taken back, though every Envoy would take it', async () => {
    // Back to what stands, so that a new change is one.
    serve.write(policy('', '  timeouts: { connect: 3s }\n'));
    await until('no problem is left', async () => (await serve.metric('loadline_policy_problems')) === 0);
    const nowhere = await freePort();
    serve.write(
      labPolicy([{ port: nowhere }], {
        group: ROLLOUT,
        service: '  timeouts: { connect: 3s }\n  retry: { numRetries: 0 }\n',
      }),
    );
    await until('it is tried', async () => (await client.get()).running !== null);
    const failing = load.sinceStartMs();
    await over();
    const { last } = await client.get();
    expect(last?.why).toMatch(/^ErrorBurn on sidecar-\d: /);
    await sleep(2000);
    // One sidecar's clients saw it, and for as long as it takes to be sure.
    const failures = load.failures().filter(({ atMs }) => atMs >= failing - 3000);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.length).toBeLessThan(PER_SEC);
    await sleep(1000);
    const later = load.failures().length;
    await sleep(3000);
    expect(load.failures().length).toBe(later);
  }, 60_000);

  it('goes on after a restart in the middle, from the start of its hold, and costs no request', async () => {
    const failures = load.failures().length;
    serve.write(policy('', '  timeouts: { connect: 4s }\n'));
    await until('it is tried', async () => (await client.get()).running !== null);
    await serve.end('SIGKILL');
    await serve.start();
    await until(
      'it is over',
      async () => {
        const answer = await client.get().catch(() => undefined); // the channel is dialled anew
        return answer?.running === null && answer.last?.outcome === 'Passed';
      },
      40_000,
    );
    await until('all have it', async () =>
      (await Promise.all(sidecars.map(connectTimeout))).every((timeout) => timeout === '4s'),
    );
    expect(load.failures().length).toBe(failures);
  }, 90_000);

  it('is taken back by hand, with a reason', async () => {
    serve.write(policy('', '  timeouts: { connect: 5s }\n'));
    await until('it is tried', async () => (await client.get()).running !== null);
    const answer = await client.act('Abort', 'support has calls');
    expect(answer).toMatchObject({
      running: null,
      last: { outcome: 'Returned', why: 'Operator: local: support has calls' },
    });
    await expect(client.act('Abort', 'again')).rejects.toThrow(/nothing is tried/);
    await expect(client.act('Promote', ' ')).rejects.toThrow(/reason/);
    await client.act('Retry', 'they were wrong');
    await until('it is tried again', async () => (await client.get()).running !== null);
    await client.act('Promote', 'seen enough');
    await until('all have it', async () =>
      (await Promise.all(sidecars.map(connectTimeout))).every((timeout) => timeout === '5s'),
    );
  }, 60_000);
});

describe('an operation on its way through Envoys whose group has canaries', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecars: Sidecar[];
  let client: ByHandClient;
  let load: Load;

  beforeAll(async () => {
    models = await startModelServers({ count: 3, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers, { group: ROLLOUT })).start();
    sidecars = await Promise.all(['a', 'b', 'c'].map((id) => startSidecar(serve.xds, id)));
    client = connectByHand(serve.admin);
    load = startLoad(sidecars, { perSec: 60, seconds: 120, outputTokens: 2 });
    await until('all servers are used', () => models.snapshot().every(({ issued }) => issued > 10));
  });

  afterAll(async () => {
    load?.stop();
    await load?.done;
    client?.close();
    await Promise.all((sidecars ?? []).map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  /** Of an endpoint that is drained; who leaves it out of its load balancing. */
  const drain = async (at: number, now = false) => {
    const endpoint = `127.0.0.1:${models.servers[at]?.port}`;
    const what = { kind: 'Drain', service: 'chat', pool: 'gpu', endpoint, reason: 'a test', force: false } as const;
    const end = { kind: 'For', ms: 600_000 } as const;
    const begun = await client.begin({ what: { ...what, ...(now ? { now } : {}) }, end, dryRun: false });
    if (!begun.ok) throw new Error(begun.issues[0]?.message);
    const drained = async () => {
      const clusters = await Promise.all(sidecars.map(({ envoy }) => envoy.clusters()));
      const has = clusters.map(({ chat = [] }) => chat.find(({ address }) => address === endpoint)?.edsHealth);
      return sidecars.filter((_, i) => has[i] === 'DRAINING').map(({ id }) => id);
    };
    return { ...begun.value.operation, drained };
  };
  const one = async (id: string) => (await client.list({ finished: true })).find((operation) => operation.id === id);

  it('is what one of them has first, then all, and is gone from all at once; with --now it is everywhere at once', async () => {
    const { id, phase, drained } = await drain(0);
    expect(phase).toBe('Canary');
    await until('the canary has it', async () => (await drained()).length > 0);
    expect(await drained()).toHaveLength(1);
    await until('all have it', async () => (await drained()).length === 3);
    expect(await one(id)).toMatchObject({ state: 'Running', phase: 'Everywhere' });
    expect((await client.cancel(id, 'enough')).ok).toBe(true);
    await until('nobody has it', async () => (await drained()).length === 0);
    const urgent = await drain(0, true);
    expect(urgent.phase).toBe('Everywhere');
    await until('all have it', async () => (await urgent.drained()).length === 3);
    await client.cancel(urgent.id, 'enough');
    expect(load.failures()).toEqual([]);
  }, 60_000);

  it('is cancelled when its canary is lost, and no other has seen it', async () => {
    const { id, drained } = await drain(1);
    await until('the canary has it', async () => (await drained()).length > 0);
    const [canary] = await drained();
    const lost = sidecars.findIndex((sidecar) => sidecar.id === canary);
    const [gone] = sidecars.splice(lost, 1);
    load.stop();
    await gone?.envoy.stop();
    await until('it is cancelled', async () => (await one(id))?.state === 'Cancelled', 30_000);
    expect(await one(id)).toMatchObject({
      phase: 'Canary',
      cancelledBy: 'loadline',
      cancelReason: expect.stringMatching(new RegExp(`^CanaryLost on ${canary}: gone for 1\\d s$`)),
    });
    expect(await drained()).toEqual([]);
  }, 60_000);
});

/** Of the cluster `chat`, as the Envoy has it. */
async function connectTimeout({ envoy }: Sidecar): Promise<unknown> {
  return (await configDump(envoy)).clusters.get('chat')?.connect_timeout;
}
