import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Notice } from '../../../src/core/operations/index.ts';
import { EventTimeline, type HttpServer, type NoticeDoor, startHttpServer } from '../../../src/edge/observe/index.ts';
import { NoticeHook } from '../../../src/edge/observe/notice-hook.ts';
import { serverView } from './a-view.ts';
import { FakeLog } from './fake-log.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const GOOD = { address: '10.0.0.1:8000', deadline: '2m' };
const open: HttpServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(over: Partial<NoticeDoor> = {}, address = '127.0.0.1:0') {
  const taken: Notice[] = [];
  const server = await startHttpServer({
    address,
    view: () => serverView(1),
    explain: () => ({ ok: false, issues: [] }),
    events: new EventTimeline(),
    metrics: { contentType: 'text/plain', text: async () => '' },
    readiness: () => [],
    notices: {
      recognise: async () => ({ ok: true, giver: { author: 'ada', mayFor: () => true } }),
      take: async (notice) => {
        taken.push(notice);
        return { ok: true, value: { operations: [], notes: ['one note'] }, warnings: [] };
      },
      withdraw: () => expect.fail('HTTP withdraws nothing'),
      nowMs: () => NOW,
      ...over,
    },
    log: new FakeLog(),
  });
  open.push(server);
  const url = `http://${server.address}/api/notices`;
  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { url, post, taken };
}

describe('the hook for notices', () => {
  it('takes a notice and says what it began, and stands in the list of paths', async () => {
    const { post, taken, url } = await start();
    const answer = await post(GOOD);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ operations: [], notes: ['one note'] });
    expect(taken).toMatchObject([{ machine: { address: '10.0.0.1', port: 8000 }, atMs: NOW + 120_000 }]);
    expect(await (await fetch(new URL('/', url))).text()).toMatch(/^\/api\/notices POST: a machine goes away/m);
  });

  it.each([
    ['no JSON', 'x', {}, 400, /^no JSON; expected/],
    ['a field that is wrong', { ...GOOD, deadline: 'soon' }, {}, 400, /^deadline: expected when it goes away/],
    ['too much', ' '.repeat(16_385), {}, 413, /at most 16384 bytes/],
    ['a form', 'address=10.0.0.1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, /application\/json/],
    ['what a page can send unasked', GOOD, { 'content-type': 'text/plain' }, 415, /application\/json/],
    ['a page of a browser', GOOD, { origin: 'https://evil.example' }, 403, /browser/],
  ])('refuses %s', async (_what, body, headers, status, words) => {
    const { post, taken } = await start();
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(words);
    expect(taken).toEqual([]);
  });

  it('does not read on when more comes than was announced', async () => {
    const { url } = await start();
    const { hostname, port } = new URL(url);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          'POST /api/notices HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
        );
        for (let i = 0; i < 20; i++) socket.write(`400\r\n${' '.repeat(1024)}\r\n`);
      });
      socket.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      socket.once('error', reject);
      socket.once('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('asks who it is before it reads, and passes on what is refused', async () => {
    const seen: (string | undefined)[] = [];
    const { post, taken } = await start({
      recognise: async (authorization) => {
        seen.push(authorization);
        return { ok: false, status: 401, why: 'the token is refused' };
      },
    });
    const answer = await post('x', { authorization: 'Bearer abc' });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await answer.text()).toBe('the token is refused\n');
    expect(seen).toEqual(['Bearer abc']);
    expect(taken).toEqual([]);
    const issues = [{ code: 'NotFound', path: '', message: 'no endpoint is known at address 10.0.0.1', hint: 'look' }];
    const unknown = await start({ take: async () => ({ ok: false, issues }) });
    const missing = await unknown.post(GOOD);
    expect(missing.status).toBe(404);
    expect(await missing.text()).toBe('no endpoint is known at address 10.0.0.1; look\n');
  });

  it('takes POST alone, and for this machine alone', async () => {
    const { url } = await start();
    const read = await fetch(url);
    expect([read.status, read.headers.get('allow')]).toEqual([405, 'POST']);
    const beyond = await start({}, '0.0.0.0:0');
    const refused = await fetch(beyond.url.replace('0.0.0.0', '127.0.0.1'), { method: 'POST' });
    expect(refused.status).toBe(403);
    expect(beyond.taken).toEqual([]);
  });

  it('looks at two hundred at once, and at twenty a second from then on', async () => {
    let nowMs = NOW;
    const never = (): never => expect.fail('it was looked at too far');
    const hook = new NoticeHook({ recognise: never, take: never, withdraw: never, nowMs: () => nowMs });
    const page = { method: 'POST', headers: { origin: 'https://evil.example' } } as IncomingMessage;
    const statuses = async (count: number): Promise<readonly number[]> => {
      const answers = await Promise.all(Array.from({ length: count }, () => hook.answer(page)));
      return answers.map(({ status }) => status);
    };
    expect(new Set(await statuses(200))).toEqual(new Set([403]));
    expect(await statuses(1)).toEqual([429]);
    nowMs += 100;
    expect(await statuses(3)).toEqual([403, 403, 429]);
  });
});
