import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostStatus } from '../../../src/edge/envoy/index.ts';
import { AgentProcess } from '../../support/agent.ts';
import { type Failing, startFailing } from '../../support/failing-backends.ts';
import { type FakeMetadata, startMetadata } from '../../support/instance-metadata.ts';
import { type Load, startLoad } from '../../support/load.ts';
import { loadline } from '../../support/loadline.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const PER_SEC = 20;
/** Streams take 3 s; EC2 gives two minutes. */
const NOTICE_MS = 30_000;
const INSTANCE = 'i-0123456789abcdef0';

describe('a machine that is to go away', () => {
  let servers: Failing;
  let serve: Serve;
  let sidecar: Sidecar;
  let metadata: FakeMetadata;
  let agent: AgentProcess;
  let load: Load;

  beforeAll(async () => {
    servers = await startFailing(3);
    const [, second] = servers.ports;
    const policy = poolsPolicy([{ name: 'gpu', ports: servers.ports }]);
    serve = await new Serve(policy.replace(`port: ${second} `, `port: ${second}, instance: ${INSTANCE} `)).start();
    sidecar = await startSidecar(serve.xds, 'a');
    metadata = await startMetadata();
    const endpoint = `127.0.0.1:${servers.ports[0]}`;
    agent = new AgentProcess(['--server', serve.admin, '--spot-notices', metadata.url, '--endpoint', endpoint]);
    await until('the agent asks', () => metadata.asked.some((one) => one.startsWith('GET')));
    await servers.mode('Streams');
    load = startLoad([sidecar], { perSec: PER_SEC, seconds: 120 });
  });

  afterAll(async () => {
    load?.stop();
    await load?.done;
    await agent?.end('SIGTERM');
    await metadata?.stop();
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await servers?.stop();
  });

  const host = async (index: number): Promise<HostStatus> => {
    const hosts = (await sidecar.envoy.clusters()).chat ?? [];
    return hosts.find(({ address }) => address.endsWith(`:${servers.ports[index]}`)) as HostStatus;
  };

  const post = (body: unknown): Promise<Response> =>
    fetch(`http://${serve.http}/api/notices`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  /** Gives a notice about a busy server; requests and streams are then Envoy's own count. */
  const goes = async (index: number, give: (deadlineMs: number) => Promise<void> | void): Promise<void> => {
    await until('it has streams', async () => (await host(index)).rqActive > 3);
    const atMs = load.sinceStartMs();
    await give(Date.now() + NOTICE_MS);
    await until('it drains', async () => (await host(index)).edsHealth === 'DRAINING', 5000);
    process.stdout.write(`drains ${Math.round(load.sinceStartMs() - atMs)} ms after the notice (polled)\n`);
    const { rqTotal } = await host(index);
    await until('its streams have ended', async () => (await host(index)).rqActive === 0, NOTICE_MS);
    const sent = load.sent();
    await until('others have more requests', () => load.sent() > sent + PER_SEC);
    expect((await host(index)).rqTotal, 'requests that it was given').toBe(rqTotal);
    expect(load.failures()).toEqual([]);
  };

  it('says so by its agent: no new requests, no stream is cut, and operators see it', async () => {
    await goes(0, (deadlineMs) => metadata.interrupt('terminate', deadlineMs));
    expect(agent.log).toContain('interruption notice given');
    const { stdout } = await loadline('operations', 'list', '--admin', serve.admin);
    expect(stdout).toMatch(/drain-\w{4} .*Spot interruption: terminate/s);
  }, 60_000);

  it('is told of by EventBridge: the same', async () => {
    await goes(1, async (deadlineMs) => {
      const answer = await post({
        version: '0',
        'detail-type': 'EC2 Spot Instance Interruption Warning',
        source: 'aws.ec2',
        time: new Date(deadlineMs - 120_000).toISOString(),
        detail: { 'instance-id': INSTANCE, 'instance-action': 'terminate' },
      });
      expect(answer.status).toBe(200);
    });
    expect(await (await serve.get('/api/state')).text()).toContain(
      `EC2 Spot interruption: terminate ${INSTANCE}; development on loopback`,
    );
  }, 60_000);

  it('is not believed of what makes no sense, and nothing changes', async () => {
    const running = async (): Promise<unknown> =>
      ((await (await serve.get('/api/state')).json()) as { operations: { id: string }[] }).operations.map(
        ({ id }) => id,
      );
    const before = await running();
    expect(before).toHaveLength(2);
    const port = servers.ports[2];
    for (const [body, status] of [
      [{ address: `127.0.0.1:${port}` }, 400],
      [{ address: `127.0.0.1:${port}`, deadline: 'soon' }, 400],
      [{ instance: 'i-0ffffffffffffffff', deadline: '2m' }, 404],
      [{ 'detail-type': 'EC2 Instance Rebalance Recommendation', source: 'aws.ec2', detail: {} }, 400],
    ] as const)
      expect((await post(body)).status, JSON.stringify(body)).toBe(status);
    expect(await running()).toEqual(before);
    expect((await host(2)).edsHealth).toBe('HEALTHY');
    await load.finish();
    expect(load.failures()).toEqual([]);
  });
});
