import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type AdminServer,
  connectObserve,
  createAdminServer,
  type ObserveClient,
  type ObserveSeam,
} from '../../../src/edge/admin/index.ts';
import {
  buildExplainView,
  buildProxyConfigView,
  buildServerView,
  type ProxyConfigInput,
  type ViewInput,
} from '../../../src/edge/observe/index.ts';
import { freePort } from '../../support/free-port.ts';
import { leaveSocketBehind } from '../../support/leave-socket-behind.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog } from '../observe/fake-log.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** Durations cross with nanoseconds, so the one that is measured is made a round number. */
const INPUT = withRoundTime(viewInput(40));
const OBSERVE: ObserveSeam = {
  status: () => buildServerView(INPUT),
  explain: (target) => buildExplainView(INPUT, target),
  proxyConfig: (target) => buildProxyConfigView(configInput(target.node), target),
};

function configInput(node: string): ProxyConfigInput {
  const types = ['cds', 'eds'].map((type) => ({ type, peer: '127.0.0.1:5000', resources: [] }));
  const known = { id: 'a', group: 'lab', envoyVersion: '1.40.0', connectedAtMs: 1000, types };
  return { nowMs: 2000, policyRevision: 'r1', node: node === 'a' ? known : undefined, connected: () => ['a'] };
}

async function serve(
  observe: ObserveSeam = OBSERVE,
  address = '127.0.0.1:0',
  log = new FakeLog(),
): Promise<AdminServer> {
  const server = await createAdminServer({ address, observe, log });
  ending.push(() => server.stop());
  return server;
}

function client(address: string, deadlineMs = 5000): ObserveClient {
  const connected = connectObserve(address, { deadlineMs });
  ending.push(() => connected.close());
  return connected;
}

describe('the Observe service', () => {
  it('gives the status as the server sees it', async () => {
    const { address } = await serve();
    expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    expect(await client(address).status()).toEqual(buildServerView(INPUT));
  });

  it('leaves endpoints out of the status for who wants names alone', async () => {
    const { address } = await serve();
    const { services, ...rest } = await client(address).status({ withoutEndpoints: true });
    const whole = buildServerView(INPUT);
    expect({ ...rest, services: [] }).toEqual({ ...whole, services: [] });
    expect(services).toEqual(
      whole.services.map((one) => ({ ...one, pools: one.pools.map((pool) => ({ ...pool, endpoints: [] })) })),
    );
    expect(services[0]?.pools.length).toBeGreaterThan(0);
  });

  it('explains a service, a pool, an endpoint', async () => {
    const { address } = await serve();
    const observe = client(address);
    for (const target of [
      { service: 'chat' },
      { service: 'chat', pool: 'gpu' },
      { service: 'chat', pool: 'gpu', endpoint: '10.0.0.3:8000' },
    ]) {
      expect(await observe.explain(target)).toEqual(buildExplainView(INPUT, target));
    }
  });

  it('gives the configuration of a sidecar, of all types or of one', async () => {
    const { address } = await serve();
    const observe = client(address);
    for (const target of [{ node: 'a' }, { node: 'a', type: 'eds' }, { node: 'a', type: 'sds' }]) {
      expect(await observe.proxyConfig(target)).toEqual(buildProxyConfigView(configInput('a'), target));
    }
    expect(await observe.proxyConfig({ node: 'b' })).toMatchObject({
      ok: false,
      issues: [{ code: 'NotFound', message: 'no sidecar "b" is connected; there are: a' }],
    });
    expect(await observe.proxyConfig({ node: 'a', type: 'xds' })).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', message: expect.stringMatching(/^no type "xds"; there are: cds, eds, /) }],
    });
  });

  it('answers a name that there is not with the names that there are', async () => {
    const { address } = await serve();
    const result = await client(address).explain({ service: 'caht' });
    expect(result).toEqual({
      ok: false,
      issues: [{ code: 'NotFound', path: '', message: 'no service "caht"; known: chat' }],
    });
  });

  it('refuses an endpoint without its pool as a question that has no sense', async () => {
    const { address } = await serve();
    const result = await client(address).explain({ service: 'chat', endpoint: '10.0.0.3:8000' });
    expect(result).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', message: 'an endpoint needs the name of its pool' }],
    });
  });

  it('keeps the words of a failure to its log, and goes on', async () => {
    const log = new FakeLog();
    const failing: ObserveSeam = {
      ...OBSERVE,
      status: () => {
        throw new Error('secret detail');
      },
    };
    const { address } = await serve(failing, '127.0.0.1:0', log);
    const observe = client(address);
    const failed = observe.status();
    await expect(failed).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: expect.stringContaining('its log says why'),
    });
    await expect(failed).rejects.not.toThrow('secret detail');
    expect(log.lines).toMatchObject([
      ['error', { method: 'Status', err: { message: 'secret detail' } }, expect.anything()],
    ]);
    expect((await observe.explain({ service: 'chat' })).ok).toBe(true);
  });

  it('carries the state of a large fleet: more than the usual limit of a message', async () => {
    const view = buildServerView(INPUT);
    const [chat] = view.services;
    const [pool] = chat?.pools ?? [];
    const endpoints = Array.from({ length: 20_000 }, (_, i) => ({
      ...pool!.endpoints[0]!,
      id: `chat/gpu/${i}`,
      reason: 'r'.repeat(200),
    }));
    const large = { ...view, services: [{ ...chat!, pools: [{ ...pool!, endpoints }] }] };
    const { address } = await serve({ ...OBSERVE, status: () => large });
    const arrived = await client(address).status();
    expect(arrived.services[0]?.pools[0]?.endpoints).toHaveLength(20_000);
  });

  it('listens on a UNIX socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-admin-'));
    ending.push(() => rmSync(folder, { recursive: true, force: true }));
    const { address } = await serve(OBSERVE, `unix:${join(folder, 'admin.sock')}`);
    expect((await client(address).status()).version).toBe('1.2.3');
  });

  it('takes over the socket of a server that was killed, and of nobody else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-admin-'));
    ending.push(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'admin.sock');
    leaveSocketBehind(path);
    const { address } = await serve(OBSERVE, `unix:${path}`);
    await expect(serve(OBSERVE, address)).rejects.toMatchObject({ code: 'LOADLINE_BIND' });
    expect((await client(address).status()).version).toBe('1.2.3');
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, 'kind: x');
    await expect(serve(OBSERVE, `unix:${file}`)).rejects.toMatchObject({ code: 'LOADLINE_BIND' });
    expect(readFileSync(file, 'utf8')).toBe('kind: x');
  });

  it('refuses an address that is taken, and what is none', async () => {
    const { address } = await serve();
    await expect(serve(OBSERVE, address)).rejects.toMatchObject({
      code: 'LOADLINE_BIND',
      message: expect.stringContaining(address),
    });
    await expect(serve(OBSERVE, 'nowhere')).rejects.toMatchObject({ code: 'LOADLINE_CONFIG' });
  });

  it('ends although a client stays connected, which is then told that nothing listens', async () => {
    const server = await serve();
    const observe = client(server.address);
    await observe.status();
    await server.stop();
    await expect(observe.status()).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
  });
});

describe('a client of the Observe service', () => {
  it('says what to do when nothing listens', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await expect(client(address).status()).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: `nothing listens on ${address}: is \`loadline serve\` running? use --admin to name another address`,
    });
  });

  it('says so when something else answers, or nothing does', async () => {
    const http2 = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
    const sessions = new Set<{ destroy(): void }>();
    http2.on('session', (session) => sessions.add(session));
    ending.push(() => {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => http2.close(resolve));
    });
    const address = `127.0.0.1:${(http2.address() as AddressInfo).port}`;
    await expect(client(address).status()).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: expect.stringContaining(address),
    });
    http2.removeAllListeners('request');
    await expect(client(address, 100).status()).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: `${address} did not answer within 100 ms`,
    });
  });

  it('refuses what is no address before it dials', () => {
    expect(() => connectObserve('localhost')).toThrow(expect.objectContaining({ code: 'LOADLINE_CONFIG' }));
  });
});

function withRoundTime(input: ViewInput): ViewInput {
  return { ...input, loads: { chat: { ...input.loads.chat!, requestTimeSec: 3.5 } } };
}
