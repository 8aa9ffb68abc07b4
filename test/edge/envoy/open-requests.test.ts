import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { EnvoyAdmins } from '../../../src/edge/envoy/index.ts';
import { readOpenRequests } from '../../../src/edge/envoy/read-open-requests.ts';

const host = (port: number, active?: string | number) => ({
  address: { socket_address: { address: '10.0.0.1', port_value: port } },
  stats: [
    { name: 'rq_total', value: '9' },
    { name: 'rq_active', type: 'GAUGE', ...(active === undefined ? {} : { value: active }) },
  ],
});
const PAGE = JSON.stringify({
  cluster_statuses: [
    { name: 'theirs', eds_service_name: 'chat', host_statuses: [host(1, '3'), host(2), host(3, 0), host(4, 12)] },
    { name: 'empty' },
  ],
});
const OPEN = [
  {
    cluster: 'chat',
    endpoints: [
      { address: '10.0.0.1', port: 1, requests: 3 },
      { address: '10.0.0.1', port: 4, requests: 12 },
    ],
  },
  { cluster: 'empty', endpoints: [] },
];

describe('the page /clusters', () => {
  it('gives the requests that are open, under the name of the assignment', () => {
    expect(readOpenRequests(PAGE)).toEqual(OPEN);
  });

  it('is refused when it is another, in words of the catalogue', () => {
    const odd = fc.oneof(
      fc.json(),
      fc.string(),
      fc.anything().map((value) => JSON.stringify({ cluster_statuses: value }) ?? ''),
      fc.anything().map((value) => JSON.stringify({ cluster_statuses: [{ name: 'c', host_statuses: value }] }) ?? ''),
      fc.anything().map(
        (value) =>
          JSON.stringify({
            cluster_statuses: [{ name: 'c', host_statuses: [{ stats: [{ name: 'rq_active', value }] }] }],
          }) ?? '',
      ),
    );
    fc.assert(
      fc.property(odd, (body) => {
        try {
          for (const { endpoints } of readOpenRequests(body)) {
            for (const { requests } of endpoints) expect(requests).toBeGreaterThan(0);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'LOADLINE_ENVOY_FAILED' });
        }
      }),
    );
    expect(() => readOpenRequests('{}')).toThrow(/no list of cluster_statuses/);
  });

  it.each([{ toString: [] }, [3], true, '', ' 3', '-1', '1e3', 1.5, null])('has no gauge that is %j', (value) => {
    const body = JSON.stringify({
      cluster_statuses: [{ name: 'c', host_statuses: [{ stats: [{ name: 'rq_active', value }] }] }],
    });
    expect(() => readOpenRequests(body)).toThrow(/rq_active/);
  });
});

describe('the admin interface of a sidecar', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(listener: RequestListener): Promise<number> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  const envoy =
    (id: string, clusters: RequestListener = (_, response) => response.end(PAGE)): RequestListener =>
    (request, response) => {
      if (request.url === '/server_info') response.end(JSON.stringify({ node: { id } }));
      else clusters(request, response);
    };

  function admins(
    setting: { readonly port?: number } | undefined,
    bounds = { deadlineMs: 20_000, bodyLimitBytes: 100_000 },
  ) {
    const world = { nowMs: 0, logged: [] as { fields: object; message: string }[], outcomes: [] as string[] };
    const log = (fields: object, message: string): void => {
      world.logged.push({ fields, message });
    };
    const all = new EnvoyAdmins({
      settingOf: () => setting,
      log: { info: log, warn: log },
      asked: (outcome) => world.outcomes.push(outcome),
      now: () => world.nowMs,
      bounds,
    });
    return { world, all, of: (port?: number) => all.of({ id: 'a', group: 'lab', host: '127.0.0.1', port }) };
  }

  it('is asked on the port of the policy, or of the bootstrap, and not at all where the group does not say so', async () => {
    const port = await serve(envoy('a'));
    expect(await admins({ port }).of().ask()).toEqual(OPEN);
    expect(await admins({ port: 1 }).of(port).ask()).toEqual(OPEN);
    expect(admins(undefined).of(port).ask()).toBeUndefined();
  });

  it('is not asked at an address that nothing is asked at', async () => {
    const { world, all } = admins({ port: 9901 });
    const node = all.of({ id: 'a', group: 'lab', host: '169.254.169.254', port: undefined });
    expect(node.ask()).toBeUndefined();
    world.nowMs += 2000;
    expect(node.ask()).toBeUndefined();
    expect(world.outcomes).toEqual(['failed', 'failed']);
    expect(world.logged).toMatchObject([{ fields: { reason: 'link-local, where clouds hand out credentials' } }]);
  });

  it('is asked once at a time, and who it is only until it is known', async () => {
    const paths: string[] = [];
    const inner = envoy('a');
    const port = await serve((request, response) => {
      paths.push(request.url ?? '');
      inner(request, response);
    });
    const node = admins({}).of(port);
    const first = node.ask();
    expect(node.ask()).toBeUndefined();
    await first;
    await node.ask();
    expect(paths).toEqual(['/server_info', '/clusters?format=json', '/clusters?format=json']);
  });

  it.each<readonly [string, RegExp, RequestListener]>([
    ['another node', /admin interface of b/, envoy('b')],
    ['no Envoy', /no JSON/, (_, response) => response.end('hello')],
    ['a redirect', /status 302/, (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['an error', /status 503/, envoy('a', (_, response) => response.writeHead(503).end(PAGE))],
    ['something else', /no list of cluster_statuses/, envoy('a', (_, response) => response.end('{}'))],
    [
      'a page without end',
      /larger than/,
      envoy('a', (_, response) => {
        const chunk = Buffer.alloc(50_000, 32);
        for (let i = 0; i < 5; i += 1) response.write(chunk);
      }),
    ],
    [
      'a page that trickles',
      /no answer in 300 ms/,
      envoy('a', (_, response) => {
        const drops = setInterval(() => response.write(' '), 50);
        response.on('close', () => clearInterval(drops));
      }),
    ],
  ])('%s is no answer, told once with what to do', async (what, reason, listener) => {
    const port = await serve(listener);
    const deadlineMs = what === 'a page that trickles' ? 300 : 20_000;
    const { world, of } = admins({ port }, { deadlineMs, bodyLimitBytes: 100_000 });
    const node = of();
    for (let tries = 0; tries < 3; tries += 1) {
      world.nowMs += 120_000;
      expect(await node.ask()).toBeUndefined();
    }
    expect(world.outcomes).toEqual(['failed', 'failed', 'failed']);
    expect(world.logged).toHaveLength(1);
    expect(world.logged[0]?.fields).toMatchObject({
      node: 'a',
      admin: `127.0.0.1:${port}`,
      reason: expect.stringMatching(reason),
      hint: expect.stringContaining('envoyAdmin'),
    });
  });

  it('that fails is left alone for a while, longer each time; when it answers again that is told', async () => {
    let broken = true;
    const inner = envoy('a');
    const port = await serve((request, response) => {
      if (broken) response.writeHead(500).end();
      else inner(request, response);
    });
    const { world, of } = admins({ port });
    const node = of();
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries += 1) {
      await node.ask();
      const failedAt = world.nowMs;
      // Nothing is asked before the pause is over.
      while (node.ask() === undefined) world.nowMs += 500;
      // The look that was let through has failed as well.
      await turns(() => world.outcomes.length === pauses.length + 2);
      pauses.push(world.nowMs - failedAt);
    }
    expect(pauses[0]).toBe(1000);
    expect(Math.max(...pauses)).toBe(60_000);
    broken = false;
    world.nowMs += 60_000;
    expect(await node.ask()).toEqual(OPEN);
    expect(world.logged.map(({ message }) => message)).toEqual([
      expect.stringContaining('not readable'),
      'envoy admin answers again',
    ]);
  });

  it('without a port cannot be asked: that is told too', () => {
    const { world, of } = admins({});
    const node = of();
    for (let tries = 0; tries < 3; tries += 1) {
      world.nowMs += 120_000;
      expect(node.ask()).toBeUndefined();
    }
    expect(world.logged).toMatchObject([{ fields: { reason: expect.stringContaining('names a port') } }]);
  });

  it('of the sixty-fifth sidecar at once is not asked', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const inner = envoy('a');
    const port = await serve(async (request, response) => {
      await held;
      inner(request, response);
    });
    const { world, of } = admins({ port });
    const asked = Array.from({ length: 64 }, () => of().ask());
    expect(of().ask()).toBeUndefined();
    expect(world.outcomes).toEqual(['skipped']);
    release();
    await Promise.all(asked);
    expect(await of().ask()).toEqual(OPEN);
  });
});

async function turns(done: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !done(); i += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(done()).toBe(true);
}
