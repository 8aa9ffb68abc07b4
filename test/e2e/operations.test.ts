import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BeginRequest, type ByHandClient, connectByHand } from '../../src/edge/admin/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { type Load, startLoad } from '../support/load.ts';
import { loadline } from '../support/loadline.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const STRUCTURE =
  '^(cluster_manager.cluster_(added|modified|removed)|listener_manager.listener_(added|modified|removed|in_place_updated)|http.models.rds.models.config_reload|cluster.chat.membership_change)$';

/** An operator does things to a fleet under load; real Envoys, the real command line. */
describe('operations by hand', () => {
  let models: ModelServers;
  let serve: Serve;
  let load: Load;
  let stream: Stream;
  let streamsOn: number;
  const sidecars: Sidecar[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 4, firstPort: 0 });
    serve = await new Serve(twoPools(models.servers.map(({ port }) => port))).start();
    for (const id of ['a', 'b']) sidecars.push(await startSidecar(serve.xds, id));
    // Before the load: whoever has a request then has this one.
    stream = openStream((sidecars[0] as Sidecar).port, 300);
    await until('the long stream runs', () => models.snapshot().some(({ running }) => running > 0));
    streamsOn = models.snapshot().findIndex(({ running }) => running > 0);
    load = startLoad(sidecars, { perSec: 30, seconds: 300, outputTokens: 4 });
    await until('all servers are used', () => models.snapshot().every(({ issued }) => issued > 10));
  });

  afterAll(async () => {
    load?.stop();
    await load?.done;
    await Promise.all(sidecars.map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  /** The same calls that the commands make, without the start of a process each. */
  const byHand = async <T>(use: (client: ByHandClient) => Promise<T>): Promise<T> => {
    const client = connectByHand(serve.admin);
    try {
      return await use(client);
    } finally {
      client.close();
    }
  };
  const begin = async (what: Partial<BeginRequest['what']>) => {
    const asked = { service: 'chat', reason: 'a test', force: false, ...what } as BeginRequest['what'];
    const begun = await byHand((client) =>
      client.begin({ what: asked, end: { kind: 'For', ms: 600_000 }, dryRun: false }),
    );
    if (!begun.ok) throw new Error(begun.issues[0]?.message);
    return begun.value.operation;
  };
  const issued = () => models.snapshot().map((one) => one.issued);
  const healthOn = async ({ envoy }: Sidecar) =>
    Object.fromEntries(((await envoy.clusters()).chat ?? []).map(({ address, edsHealth }) => [address, edsHealth]));
  const run = async (...args: readonly string[]) => {
    const ran = await loadline(...args, '--admin', serve.admin);
    expect(ran.stderr).toBe('');
    expect(ran.code).toBe(0);
    return ran.stdout;
  };
  /** Which servers get requests over so long. */
  const servedOver = async (ms: number) => {
    const before = issued();
    await sleep(ms);
    return issued().map((count, i) => count > (before[i] as number));
  };

  it('a drained endpoint gets nothing new, its stream ends well, and at the end it is back', async () => {
    const at = streamsOn;
    const { port } = models.servers[at] as { port: number };
    const told = await run(
      'drain',
      `chat/${at < 2 ? 'a' : 'b'}/127.0.0.1:${port}`,
      '--for',
      '12s',
      '--reason',
      'kernel update',
    );
    expect(told).toMatch(/^drain-\w{4}: chat\/[ab]\/127\.0\.0\.1:\d+ takes no new requests/);
    await until('every sidecar knows', async () => {
      const all = await Promise.all(sidecars.map(healthOn));
      return all.every((health) => health[`127.0.0.1:${port}`] === 'DRAINING');
    });
    await sleep(200);
    expect(await servedOver(2500)).toEqual([0, 1, 2, 3].map((i) => i !== at));
    const status = await run('status');
    expect(status).toContain('kernel update; development on loopback');
    await until(
      'it is back by itself',
      async () => (await healthOn(sidecars[0] as Sidecar))[`127.0.0.1:${port}`] === 'HEALTHY',
    );
    await until('and is used', async () => (await servedOver(500))[at] === true);
    expect(await stream.ended).toEqual({ tokens: 300, done: true });
    expect(await run('operations', 'list', '--all')).toMatch(/Drain +Lapsed/);
    expect(load.failures()).toEqual([]);
  }, 60_000);

  it('a failover leaves all traffic to the other pool, without an error', async () => {
    const operation = await begin({ kind: 'Failover', from: 'a' });
    expect(operation.effect).toBe(
      '2 of 4 endpoints of chat take no new requests, the others carry all; streams that run there go on',
    );
    await until('both pools say so', async () => {
      const all = await Promise.all(sidecars.map(healthOn));
      return all.every((health) => Object.values(health).filter((one) => one === 'DRAINING').length === 2);
    });
    await sleep(200);
    expect(await servedOver(2000)).toEqual([false, false, true, true]);
    const refused = await loadline('drain', 'chat/b', '--for', '1m', '--reason', 'too much', '--admin', serve.admin);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `no endpoint of chat would be left to take requests (with ${operation.id}); use --force`,
    );
    await byHand((client) => client.cancel(operation.id, 'moved'));
    await until('all are used again', async () => (await servedOver(1000)).every(Boolean));
    expect(load.failures()).toEqual([]);
  }, 60_000);

  it('frozen weights are not pushed while the load changes', async () => {
    await until('no weight has moved for a while', () => settled(serve));
    await begin({ kind: 'Freeze' });
    const before = await pushesOf(serve);
    await models.fault(3, { speed: 0.1 });
    await until(
      'the law would move it',
      async () => /the law aims at [2-9]\d % less/.test(await (await serve.get('/api/explain?service=chat')).text()),
      25_000,
    );
    expect(await pushesOf(serve)).toBe(before);
    await byHand((client) => client.unfreeze('chat', ''));
    await until('weights move', async () => (await pushesOf(serve)) > before);
    await models.fault(3, {});
    expect(load.failures()).toEqual([]);
  }, 60_000);

  it('a shed answers its part at once, changes no structure, and lapses when the server dies; a restart takes it up again', async () => {
    load.stop();
    await load.done;
    const [sidecar] = sidecars as [Sidecar];
    const structure = await sidecar.envoy.stats(STRUCTURE);
    await begin({ kind: 'Shed', percent: 50 });
    await until('it is in force', async () => (await sidecar.envoy.runtime())['loadline.shed.chat'] === '50');
    const answers = await Promise.all(Array.from({ length: 400 }, () => ask(sidecar.port)));
    const shed = answers.filter(({ status }) => status === 503);
    expect(shed.length).toBeGreaterThan(150);
    expect(shed.length).toBeLessThan(250);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(400 - shed.length);
    expect(new Set(shed.map(({ retryAfter }) => retryAfter))).toEqual(new Set(['5']));
    expect(await sidecar.envoy.stats(STRUCTURE)).toEqual(structure);

    await serve.end('SIGKILL');
    await until('it lapses', async () => (await sidecar.envoy.runtime())['loadline.shed.chat'] === undefined, 20_000);
    const after = await Promise.all(Array.from({ length: 50 }, () => ask(sidecar.port)));
    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([200]));

    await serve.start();
    await until('it is taken up again', async () => (await sidecar.envoy.runtime())['loadline.shed.chat'] === '50');
    expect(await run('operations', 'list')).toMatch(/Shed 50 % +Running/);
    expect(await serve.metric('loadline_operations', { kind: 'Shed' })).toBe(1);
    expect(await serve.metric('loadline_xds_nacks_total')).toBe(0);
  }, 90_000);
});

type Stream = { readonly ended: Promise<{ readonly tokens: number; readonly done: boolean }> };

function openStream(port: number, tokens: number): Stream {
  const body = JSON.stringify({ model: 'm', prompt: 'long', max_tokens: tokens, stream: true });
  const ended = new Promise<{ tokens: number; done: boolean }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/v1/completions', method: 'POST' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const events = text.split('\n').filter((line) => line.startsWith('data: {'));
        const [last] = events.slice(-1);
        const usage = /"completion_tokens":(\d+)/.exec(last ?? '')?.[1];
        resolve({ tokens: usage === undefined ? events.length : Number(usage), done: text.includes('data: [DONE]') });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
  return { ended };
}

async function ask(port: number): Promise<{ readonly status: number; readonly retryAfter: string | null }> {
  const body = JSON.stringify({ model: 'm', prompt: 'hello', max_tokens: 1 });
  const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, { method: 'POST', body });
  await response.arrayBuffer();
  return { status: response.status, retryAfter: response.headers.get('retry-after') };
}

function pushesOf(serve: Serve): Promise<number> {
  return serve.metric('loadline_xds_pushes_total', { type: 'eds' });
}

async function settled(serve: Serve): Promise<boolean> {
  const before = await pushesOf(serve);
  await sleep(1500);
  return (await pushesOf(serve)) === before;
}

function twoPools(ports: readonly number[]): string {
  const pool = (name: string, of: readonly number[]) => `    - name: ${name}
      endpoints:
        static:
${of.map((port) => `          - { address: 127.0.0.1, port: ${port} }`).join('\n')}
`;
  return `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners:
    - { name: models, address: 127.0.0.1, port: 15001 }
  modelServices: [chat]
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
  signals:
    engine: { path: /metrics, interval: 1s }
  pools:
${pool('a', ports.slice(0, 2))}${pool('b', ports.slice(2))}`;
}
