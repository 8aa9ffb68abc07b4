import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import type { PromptAnswer } from '../../../src/core/topology/index.ts';
import type { Prompt } from '../../../src/core/warmth/index.ts';
import { OutboundGuard, parseAllowList } from '../../../src/edge/outbound/index.ts';
import { Prompter } from '../../../src/edge/prompts/index.ts';

const servers: (Server | HttpServer)[] = [];
const sockets = new Set<Socket>();
const prompters: Prompter[] = [];

afterEach(async () => {
  for (const prompter of prompters.splice(0)) prompter.stop();
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listening<S extends Server | HttpServer>(server: S): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const http = (listener: RequestListener): Promise<number> => listening(createServer(listener));
/** Says these bytes to everybody, whatever was asked, and hangs up. */
const raw = (bytes: Buffer | string): Promise<number> => listening(createTcp((socket) => void socket.end(bytes)));

function prompterOf(options: Partial<ConstructorParameters<typeof Prompter>[0]> = {}): Prompter {
  const prompter = new Prompter({ guard: new OutboundGuard(), ...options });
  prompters.push(prompter);
  return prompter;
}

function promptTo(port: number, changes: Partial<Prompt> = {}): Prompt {
  return {
    endpoint: `chat/a/127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/v1/completions`,
    body: '{"a":"ü"}',
    timeoutMs: 2000,
    ...changes,
  };
}

async function answersOf(prompter: Prompter, count: number): Promise<readonly PromptAnswer[]> {
  const answers: PromptAnswer[] = [];
  for (let i = 0; i < 1000 && answers.length < count; i += 1) {
    answers.push(...prompter.take());
    if (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return answers;
}

async function ask(port: number, changes: Partial<Prompt> = {}): Promise<PromptAnswer['result'] | undefined> {
  const prompter = prompterOf();
  prompter.send([promptTo(port, changes)]);
  return (await answersOf(prompter, 1))[0]?.result;
}

describe('a prompt', () => {
  it('is a POST of the body as JSON, and its answer is told by the first byte', async () => {
    let asked = '';
    const port = await http((request, response) => {
      request.on('data', (chunk) => {
        asked += `${request.method} ${request.url} ${request.headers['content-type']} ${chunk}`;
      });
      request.on('end', () => setTimeout(() => response.end('{"choices":[]}'), 60));
    });
    const result = await ask(port);
    expect(asked).toBe('POST /v1/completions application/json {"a":"ü"}');
    expect(result).toEqual({ kind: 'Answered', firstByteSec: expect.any(Number) });
    expect((result as { firstByteSec: number }).firstByteSec).toBeGreaterThanOrEqual(0.055);
  });

  it('that streams is told by its first token, not by the headers before it, and heard to its end', async () => {
    let over = false;
    const port = await http((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      setTimeout(() => response.write('data: a\n\n'), 100);
      setTimeout(() => {
        over = true;
        response.end('data: [DONE]\n\n');
      }, 250);
    });
    const result = (await ask(port)) as { kind: string; firstByteSec: number };
    expect(over).toBe(true);
    expect(result.kind).toBe('Answered');
    expect(result.firstByteSec).toBeGreaterThanOrEqual(0.095);
    expect(result.firstByteSec).toBeLessThan(0.24);
  });

  it('that goes on and on is cut off, and was answered', async () => {
    let closed = false;
    const port = await http((_, response) => {
      const more = setInterval(() => response.write('x'.repeat(16_384)), 1);
      response.on('close', () => {
        clearInterval(more);
        closed = true;
      });
    });
    expect(await ask(port)).toMatchObject({ kind: 'Answered' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closed).toBe(true);
  });

  it('that trickles ends at the timeout, and was answered', async () => {
    const port = await http((_, response) => {
      const more = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(more));
    });
    expect(await ask(port, { timeoutMs: 150 })).toMatchObject({ kind: 'Answered' });
  });

  it('whose headers alone come is not answered', async () => {
    const port = await http((_, response) => void response.writeHead(200).flushHeaders());
    expect(await ask(port, { timeoutMs: 100 })).toEqual({ kind: 'TimedOut', afterSec: 0.1 });
  });

  it('may be answered with nothing, with a status, or not at all', async () => {
    expect(await ask(await http((_, response) => void response.end()))).toMatchObject({ kind: 'Answered' });
    expect(await ask(await http((_, response) => void response.writeHead(503).end('no')))).toEqual({
      kind: 'Status',
      status: 503,
    });
    expect(await ask(await http((_, response) => void response.writeHead(302, { location: '/' }).end()))).toEqual({
      kind: 'Status',
      status: 302,
    });
    expect(await ask(await listening(createTcp((socket) => void socket.destroy())))).toMatchObject({ kind: 'Failed' });
    expect(await ask(await raw('hello'))).toEqual({ kind: 'Failed', why: 'the answer is not HTTP' });
    expect(await ask(1)).toEqual({ kind: 'Failed', why: 'connection refused' });
  });

  it('is not sent where nothing may be asked', async () => {
    const allow = parseAllowList(['10.0.0.0/8']);
    const guard = new OutboundGuard({ allow: allow.ok ? allow.value : { names: [], ranges: [] } });
    const prompter = prompterOf({ guard });
    prompter.send([promptTo(80), promptTo(81, { url: 'http://169.254.169.254/latest/meta-data' })]);
    expect((await answersOf(prompter, 2)).map(({ result }) => result)).toEqual([
      { kind: 'Unsent', why: '127.0.0.1 is not in the allow list of the server' },
      { kind: 'Unsent', why: expect.stringContaining('169.254.169.254 is never asked') },
    ]);
  });
});

describe('prompts', () => {
  it('are one at a time for an endpoint, and so many at once', async () => {
    const open: (() => void)[] = [];
    const port = await http((_, response) => void open.push(() => response.end('x')));
    const settled: string[] = [];
    const prompter = prompterOf({ maxConcurrent: 2, settled: (kind) => settled.push(kind) });
    const [a, b, c] = ['a', 'b', 'c'].map((endpoint) => promptTo(port, { endpoint })) as [Prompt, Prompt, Prompt];
    prompter.send([a, a, b, c]);
    expect(await answersOf(prompter, 2)).toEqual([
      { endpoint: 'a', result: { kind: 'Unsent', why: 'the last prompt is not answered yet' } },
      { endpoint: 'c', result: { kind: 'Unsent', why: 'too many prompts are on their way' } },
    ]);
    for (let i = 0; i < 100 && open.length < 2; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const end of open) end();
    expect((await answersOf(prompter, 2)).map(({ endpoint }) => endpoint).sort()).toEqual(['a', 'b']);
    prompter.send([c]);
    for (let i = 0; i < 100 && open.length < 3; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    open[2]?.();
    expect(await answersOf(prompter, 1)).toMatchObject([{ endpoint: 'c', result: { kind: 'Answered' } }]);
    expect(settled.sort()).toEqual(['Answered', 'Answered', 'Answered', 'Unsent', 'Unsent']);
  });

  it('end when Loadline ends', async () => {
    const port = await http(() => undefined);
    const prompter = prompterOf();
    prompter.send([promptTo(port)]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    prompter.stop();
    expect(await answersOf(prompter, 1)).toMatchObject([{ result: { kind: 'Unsent' } }]);
  });

  it('survive whatever is answered: every one settles, and no rejection is left behind', async () => {
    const rejected: unknown[] = [];
    const note = (reason: unknown): void => void rejected.push(reason);
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
    const random = seededRandom(11);
    const pieces = [
      'HTTP/1.1 ',
      '200 OK',
      '\r\n',
      '\r\n\r\n',
      'content-length: 5',
      'content-length: 99999999999999999999',
      'transfer-encoding: chunked',
      'ffffffff\r\n',
      '5\r\nabcde\r\n',
      '0\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      '\0\xff',
      ': ',
      'x'.repeat(20_000),
    ];
    const port = await listening(
      createTcp((socket) => {
        const bytes = Array.from(
          { length: Math.floor(random() * 8) },
          () => pieces[Math.floor(random() * pieces.length)],
        ).join('');
        if (random() < 0.1) socket.resetAndDestroy();
        else if (random() < 0.9) socket.end(Buffer.from(bytes, 'latin1'));
        else socket.write(Buffer.from(bytes, 'latin1'));
      }),
    );
    const prompter = prompterOf({ maxConcurrent: 50 });
    let settled = 0;
    for (let round = 0; round < 20; round += 1) {
      prompter.send(Array.from({ length: 50 }, (_, i) => promptTo(port, { endpoint: `${i}`, timeoutMs: 100 })));
      settled += (await answersOf(prompter, 50)).length;
    }
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(settled).toBe(1000);
    expect(rejected).toEqual([]);
  });
});
