import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  buildExplainView,
  EventTimeline,
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from '../../../src/edge/observe/index.ts';
import { leaveSocketBehind } from '../../support/leave-socket-behind.ts';
import { serverView, viewInput } from './a-view.ts';
import { FakeLog } from './fake-log.ts';

const open: HttpServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(over: Partial<HttpServerOptions> = {}): Promise<string> {
  const server = await startHttpServer({
    address: '127.0.0.1:0',
    view: () => serverView(1),
    explain: (target) => buildExplainView(viewInput(1), target),
    events: new EventTimeline(),
    metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'a_metric 1\n' },
    readiness: () => [],
    log: new FakeLog(),
    ...over,
  });
  open.push(server);
  return `http://${server.address}`;
}

/** Bytes as they are, for what fetch would not send. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}

describe('the HTTP side', () => {
  it('beyond loopback has what monitoring needs, and nothing that names sidecars or servers', async () => {
    const url = (await start({ address: '0.0.0.0:0' })).replace('0.0.0.0', '127.0.0.1');
    const list = await (await fetch(url)).text();
    expect([...list.matchAll(/^(\/\S*)/gm)].map(([, path]) => path)).toEqual(['/metrics', '/livez', '/readyz', '/']);
    for (const path of ['/metrics', '/livez', '/readyz']) expect((await fetch(url + path)).status, path).toBe(200);
    for (const path of ['/api/state', '/api/explain', '/api/explain?service=chat', '/api/events']) {
      const refused = await fetch(url + path);
      expect(refused.status, path).toBe(403);
      expect(await refused.text()).toContain('is for loopback alone');
    }
  });

  it('says in its root which paths there are, and every one of them answers', async () => {
    const url = await start();
    const list = await (await fetch(url)).text();
    const paths = [...list.matchAll(/^(\/\S*)/gm)].map(([, path]) => path as string);
    expect(paths.sort()).toEqual(['/', '/api/events', '/api/explain', '/api/state', '/livez', '/metrics', '/readyz']);
    for (const path of paths) {
      const answer = await fetch(url + path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get('cache-control'), path).toBe('no-store');
      expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff');
      const head = await fetch(url + path, { method: 'HEAD' });
      expect(head.status, path).toBe(200);
      expect(await head.text(), path).toBe('');
      expect(Number(head.headers.get('content-length')), path).toBeGreaterThan(0);
    }
  });

  it('gives metrics in the format that their library says', async () => {
    const answer = await fetch(`${await start()}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toBe('a_metric 1\n');
  });

  it('is alive while it is not ready, and says why it is not', async () => {
    const reasons = ['no policy is in force', 'xDS does not listen'];
    const url = await start({ readiness: () => reasons });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const notReady = await fetch(`${url}/readyz`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toEqual({ status: 'not ready', reasons });
    reasons.length = 0;
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready', reasons: [] });
  });

  it('gives the state as the view says it, which is JSON through and through', async () => {
    const view = serverView(30);
    const state: unknown = await (await fetch(`${await start({ view: () => view })}/api/state`)).json();
    expect(state).toEqual(JSON.parse(JSON.stringify(view)));
    expect(state).toMatchObject({
      revision: expect.stringMatching(/^[0-9a-f]{16}$/),
      tick: 31,
      services: [
        {
          name: 'chat',
          pools: [{ name: 'gpu', endpoints: [{ id: 'chat/gpu/10.0.0.1:8000', state: 'Active' }, {}, {}] }],
        },
      ],
    });
  });

  it('gives the events after a sequence, at most so many, and refuses what is no number', async () => {
    const events = new EventTimeline();
    for (let i = 0; i < 5; i++) events.add({ atMs: i, kind: 'Nack', subject: 'a', message: `${i}` });
    const url = await start({ events });
    const sequences = async (query: string) => {
      const body = (await (await fetch(`${url}/api/events${query}`)).json()) as { events: { sequence: number }[] };
      return body.events.map(({ sequence }) => sequence);
    };
    expect(await sequences('')).toEqual([0, 1, 2, 3, 4]);
    expect(await sequences('?after=2')).toEqual([3, 4]);
    expect(await sequences('?limit=2')).toEqual([3, 4]);
    expect(await sequences('?after=0&limit=1')).toEqual([4]);
    expect(await sequences('?limit=0')).toEqual([]);
    for (const query of ['after=-1', 'limit=x', 'after=1.5', 'after=', 'limit=9999999999999999']) {
      expect((await fetch(`${url}/api/events?${query}`)).status, query).toBe(400);
    }
  });

  it('is read-only, and knows no other path', async () => {
    const url = await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await fetch(`${url}/api/state`, { method });
      expect(answer.status, method).toBe(405);
      expect(answer.headers.get('allow'), method).toBe('GET, HEAD');
    }
    for (const path of ['/nothing', '/metrics/', '//', '/constructor', '/__proto__', '/api/state%00']) {
      const answer = await fetch(url + path);
      expect(answer.status, path).toBe(404);
      expect(await answer.text(), path).toContain('/metrics');
    }
  });

  it('refuses what is too long or broken without a stack trace', async () => {
    const url = await start();
    expect((await fetch(`${url}/api/events?after=${'1'.repeat(3000)}`)).status).toBe(414);
    expect(await raw(url, `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(url, 'this is not HTTP\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const answer = await fetch(`${url}/livez`, { method: 'POST', body: 'x'.repeat(10) });
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('keeps the words of a failure to its log', async () => {
    const log = new FakeLog();
    const url = await start({
      log,
      view: () => {
        throw new Error('secret detail');
      },
    });
    const answer = await fetch(`${url}/api/state`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('Internal error; the log has it.\n');
    expect(log.lines).toMatchObject([
      ['error', { path: '/api/state', err: { message: 'secret detail' } }, expect.anything()],
    ]);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('names the port that it found, and refuses one that is taken, and what is no address', async () => {
    const address = new URL(await start()).host;
    expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    await expect(start({ address })).rejects.toMatchObject({
      code: 'LOADLINE_BIND',
      message: expect.stringContaining(address),
    });
    await expect(start({ address: 'nowhere' })).rejects.toMatchObject({ code: 'LOADLINE_CONFIG' });
  });

  it('explains all services, or what is named, and says what there is when that is unknown', async () => {
    const url = await start();
    const services = async (query: string): Promise<readonly { service: string; endpoints: unknown[] }[]> => {
      const answer = await fetch(`${url}/api/explain${query}`);
      return ((await answer.json()) as { services: { service: string; endpoints: unknown[] }[] }).services;
    };
    expect((await services('')).map(({ service }) => service)).toEqual(['chat']);
    expect((await services('?service=chat'))[0]?.endpoints).toHaveLength(3);
    expect((await services('?service=chat&pool=gpu&endpoint=10.0.0.2:8000'))[0]?.endpoints).toHaveLength(1);
    const unknown = await fetch(`${url}/api/explain?service=caht`);
    expect(unknown.status).toBe(404);
    expect(await unknown.text()).toBe('no service "caht"; known: chat\n');
  });

  it('closes at once although a client keeps its connection', async () => {
    const server = await startHttpServer({
      address: '127.0.0.1:0',
      view: () => serverView(1),
      explain: (target) => buildExplainView(viewInput(1), target),
      events: new EventTimeline(),
      metrics: { contentType: 'text/plain', text: async () => '' },
      readiness: () => [],
      log: new FakeLog(),
    });
    const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    await server.close();
    await ended;
    await server.close();
    await expect(fetch(`http://${server.address}/livez`)).rejects.toThrow();
  });

  it('listens on a UNIX socket too, also where a killed server left its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-http-'));
    const socketPath = join(folder, 'http.sock');
    try {
      leaveSocketBehind(socketPath);
      await start({ address: `unix:${socketPath}` });
      const status = await new Promise<number | undefined>((resolve, reject) => {
        request({ socketPath, path: '/livez' }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .once('error', reject)
          .end();
      });
      expect(status).toBe(200);
      await open.pop()?.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
