import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpPageFetcher, type Page } from '../../../src/edge/signals/page-fetcher.ts';
import { drip, MetricsServer, page, raw } from './metrics-server.ts';

let server: MetricsServer;
let fetcher: HttpPageFetcher;
const never = new AbortController().signal;

beforeEach(async () => {
  server = await MetricsServer.start();
  fetcher = new HttpPageFetcher({ maxBodyBytes: 1000 });
});

afterEach(async () => {
  fetcher.close();
  await server.stop();
});

function get(url = server.url, signal = never, gzip = false): Promise<Page> {
  return fetcher.get({ url, accept: 'text/plain', gzip }, signal);
}

async function reasonOf(result: Promise<Page>): Promise<string> {
  const got = await result;
  return got.ok ? 'no failure' : `${got.failure.reason}: ${got.failure.message}`;
}

describe('the page fetcher', () => {
  it('gets a page and says what type it is', async () => {
    server.answer = page('up 1\n', { 'content-type': 'Text/Plain; version=0.0.4' });
    const got = await get();
    expect(got).toMatchObject({ ok: true, contentType: 'text/plain' });
    expect(got.ok && got.body.toString()).toBe('up 1\n');
    expect(server.requests[0]?.headers).toMatchObject({ accept: 'text/plain', 'accept-encoding': 'identity' });
  });

  it('posts a form, again too when the kept connection was closed meanwhile', async () => {
    const asked: string[] = [];
    server.answer = async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      asked.push(`${request.method} ${request.headers['content-type']} ${text}`);
      if (asked.length === 2) request.socket.resetAndDestroy();
      else response.end('{}');
    };
    const form = { query: '{a="b"} or c' };
    for (let turn = 0; turn < 2; turn++) {
      expect(await fetcher.get({ url: server.url, accept: 'application/json', form }, never)).toMatchObject({
        ok: true,
      });
    }
    const expected = 'POST application/x-www-form-urlencoded query=%7Ba%3D%22b%22%7D+or+c';
    expect(asked).toEqual([expected, expected, expected]);
  });

  it('takes a page as large as the request allows', async () => {
    server.answer = page('x'.repeat(1500));
    expect(await reasonOf(get())).toMatch(/^TooLarge/);
    const request = { url: server.url, accept: 'text/plain', maxBytes: 2000 };
    expect(await fetcher.get(request, never)).toMatchObject({ ok: true });
  });

  it('keeps its connection', async () => {
    server.answer = page('up 1\n');
    for (let turn = 0; turn < 5; turn++) expect(await get()).toMatchObject({ ok: true });
    expect(server.connections).toBe(1);
  });

  it('asks nothing on a connection on which something came unasked', async () => {
    server.answer = (request, response) => {
      response.end(
        'up 1\n',
        () => void setTimeout(() => request.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nup 9\n'), 5),
      );
    };
    expect(await get()).toMatchObject({ ok: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.answer = page('up 2\n');
    const got = await get();
    expect(got.ok && got.body.toString()).toBe('up 2\n');
    expect(server.connections).toBe(2);
  });

  it('lends a page until the next one comes, whoever asks beside', async () => {
    server.answer = (request, response) => {
      const text = `${(request.url ?? '').slice(1)}\n`.repeat(100);
      response.write(text.slice(0, 150));
      setTimeout(() => response.end(text.slice(150)), Number(request.url?.slice(1)) % 7);
    };
    const read = async (at: number): Promise<string> => {
      const url = server.url.replace('metrics', String(at));
      const got = await fetcher.get({ url, accept: 'text/plain', lent: true }, new AbortController().signal);
      return got.ok ? got.body.toString() : got.failure.message;
    };
    const numbers = Array.from({ length: 60 }, (_, at) => at);
    const texts = numbers.map((at) => `${at}\n`.repeat(100));
    for (let turn = 0; turn < 3; turn++) expect(await Promise.all(numbers.map(read))).toEqual(texts);
  });

  it('does not blame a server that closed a kept connection just before it was used again', async () => {
    let turn = 0;
    server.answer = (request, response) => {
      turn++;
      if (turn === 2) request.socket.resetAndDestroy();
      else response.end('up 1\n');
    };
    expect(await get()).toMatchObject({ ok: true });
    expect(await get()).toMatchObject({ ok: true });
    expect(turn).toBe(3);
  });

  it('says what a status means, and follows no redirect', async () => {
    for (const [status, words] of [
      [500, 'Status: answered 500'],
      [404, 'Status: answered 404'],
      [204, 'Status: answered 204'],
      [302, 'Status: answered 302 (redirects are not followed)'],
    ] as const) {
      server.answer = (_request, response) => response.writeHead(status, { location: '/elsewhere' }).end();
      expect(await reasonOf(get())).toBe(words);
    }
    expect(server.requests.map(({ url }) => url)).not.toContain('/elsewhere');
  });

  it('bounds the body, whether its length is announced or not', async () => {
    server.answer = page('x'.repeat(1001));
    expect(await reasonOf(get())).toBe('TooLarge: the page is larger than 1000 bytes');
    server.answer = (_request, response) => {
      response.write('x'.repeat(600));
      response.end('x'.repeat(600));
    };
    expect(await reasonOf(get())).toMatch(/^TooLarge/);
    server.answer = page('x'.repeat(1000));
    expect(await get()).toMatchObject({ ok: true });
  });

  it('stops an endless body at the bound', async () => {
    let closed = false;
    server.answer = (_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(100)), 1);
      response.on('close', () => {
        closed = true;
        clearInterval(timer);
      });
    };
    expect(await reasonOf(get())).toMatch(/^TooLarge/);
    await expect.poll(() => closed).toBe(true);
  });

  it('reads gzip where it asked for it, bounded after decompression, and refuses it elsewhere', async () => {
    const zipped = (text: string | Buffer) => (_request: unknown, response: import('node:http').ServerResponse) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(text);
    server.answer = zipped(gzipSync('up 1\n'));
    const got = await get(server.url, never, true);
    expect(got.ok && got.body.toString()).toBe('up 1\n');
    expect(server.requests[0]?.headers['accept-encoding']).toBe('gzip');
    expect(await reasonOf(get())).toBe('Protocol: answered in an encoding that was not asked for');
    server.answer = zipped(gzipSync('x'.repeat(1_000_000)));
    expect(await reasonOf(get(server.url, never, true))).toMatch(/^TooLarge/);
    server.answer = zipped('this is not gzip');
    expect(await reasonOf(get(server.url, never, true))).toBe('Protocol: the gzip body cannot be read');
    server.answer = zipped(gzipSync('up 1\n').subarray(0, 12));
    expect(await reasonOf(get(server.url, never, true))).toBe('Protocol: the gzip body cannot be read');
  });

  it('tells a page that was cut from a whole one', async () => {
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('up 1\n');
      setTimeout(() => response.destroy(), 20);
    };
    expect(await reasonOf(get())).toBe('Closed: the connection was closed in the middle of the page');
    server.answer = (_request, response) => {
      response.write('up 1\n');
      setTimeout(() => response.destroy(), 20);
    };
    expect(await reasonOf(get())).toMatch(/^Closed/);
  });

  it('has words for what is not HTTP', async () => {
    for (const [bytes, words] of [
      ['\u0000\u0001\u0002 garbage', 'Protocol: the answer is not HTTP'],
      ['', 'Closed: the connection was reset'],
      [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 'Protocol: the headers of the answer are too large'],
      ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', /^Closed|^Status|^Unreachable/],
    ] as const) {
      server.answer = raw(bytes);
      expect(await reasonOf(get())).toMatch(words);
    }
  });

  it('has words for an address where nobody listens, and for one that is none', async () => {
    const gone = await MetricsServer.start();
    const { url: goneUrl } = gone;
    await gone.stop();
    expect(await reasonOf(get(goneUrl))).toBe('Unreachable: connection refused');
    for (const url of [
      '',
      'nonsense',
      'http://',
      'ftp://127.0.0.1/',
      'http://127.0.0.1:99999/',
      'http://%zz@127.0.0.1/',
    ]) {
      expect(await reasonOf(get(url)), url).toBe('Unreachable: the address is not a valid http or https URL');
    }
  });

  it('sends the credentials of a URL', async () => {
    server.answer = page('up 1\n');
    expect(await get(server.url.replace('//', '//me:p%40ss@'))).toMatchObject({ ok: true });
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    expect(server.requests[0]?.url).toBe('/metrics');
  });

  it('gives up at once when it is told to, in whatever phase it is', async () => {
    const phases: [string, MetricsServer['answer']][] = [
      ['waiting for the answer', () => {}],
      ['reading the body', (_request, response) => void response.write('up ')],
      ['reading the body', drip],
    ];
    for (const [phase, answer] of phases) {
      server.answer = answer;
      // A busy machine may not have come to the phase in time: then it is given longer.
      let words = '';
      for (let ms = 60; ms <= 4000 && !words.includes(phase); ms *= 4) {
        words = await reasonOf(get(server.url, timeout(ms)));
        expect(words).toMatch(/^Timeout: no complete answer within \d+ ms \(/);
      }
      expect(words).toContain(phase);
    }
    const stop = new AbortController();
    stop.abort('Stopped');
    expect(await reasonOf(get(server.url, stop.signal))).toBe('Stopped: stopped');
  });
});

function timeout(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort('Timeout'), ms);
  return controller.signal;
}
