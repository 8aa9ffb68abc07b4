import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Arrival, OpenLoop, type RequestOutcome } from '../../../src/lab/traffic/index.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<number> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    count += 1;
    answer(request, response, count);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function complete(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: {"choices":[{"text":" a b"}]}\n\n');
  response.end('data: {"usage":{"completion_tokens":2}}\n\ndata: [DONE]\n\n');
}

function every(ms: number, count: number): Arrival[] {
  return Array.from({ length: count }, (_, index) => ({ atMs: index * ms, promptTokens: 3, outputTokens: 2 }));
}

async function drive(
  ports: Readonly<Record<string, readonly number[]>>,
  arrivals: readonly Arrival[],
  silenceMs = 5000,
): Promise<RequestOutcome[]> {
  const outcomes: RequestOutcome[] = [];
  await new OpenLoop({
    arrivals,
    lanes: Object.entries(ports).map(([name, list]) => ({
      name,
      targets: list.map((port) => ({ host: '127.0.0.1', port })),
    })),
    message: (arrival) => ({
      body: JSON.stringify({ max_tokens: arrival.outputTokens }),
      headers: { 'x-due': String(arrival.atMs) },
    }),
    onOutcome: (outcome) => outcomes.push(outcome),
    silenceMs,
  }).run();
  return outcomes;
}

function failures(outcomes: readonly RequestOutcome[]): string[] {
  return outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure.kind])).sort();
}

describe('the open-loop generator', () => {
  it('sends every arrival to every lane, in turn over the targets of a lane', async () => {
    const seen = { first: 0, second: 0, other: 0 };
    const due = new Set<unknown>();
    const count = (key: keyof typeof seen) => (request: IncomingMessage, response: ServerResponse) => {
      seen[key] += 1;
      due.add(request.headers['x-due']);
      complete(response);
    };
    const ports = { a: [await serve(count('first')), await serve(count('second'))], b: [await serve(count('other'))] };
    const outcomes = await drive(ports, every(2, 20));
    expect(seen).toEqual({ first: 10, second: 10, other: 20 });
    expect(due.size).toBe(20);
    expect(outcomes).toHaveLength(40);
    expect(failures(outcomes)).toEqual([]);
    expect(outcomes.every(({ tokens, firstTokenMs }) => tokens === 2 && firstTokenMs! >= 0)).toBe(true);
  });

  it('does not wait for answers: all are open at once when the server holds them', async () => {
    const held: ServerResponse[] = [];
    const port = await serve((_, response) => {
      held.push(response);
      if (held.length === 12) for (const each of held) complete(each);
    });
    const outcomes = await drive({ a: [port] }, every(1, 12));
    expect(failures(outcomes)).toEqual([]);
    expect(held).toHaveLength(12);
  });

  it('counts a 503, a reset, a refused connection, a cut and a silent stream, each as what it is', async () => {
    const port = await serve((_, response, count) => {
      if (count === 1) response.writeHead(503).end('busy');
      else if (count === 2) {
        response.writeHead(200);
        response.write('data: {"choices":[{"text":" a"}]}\n\n', () => response.destroy());
      } else if (count === 3) response.writeHead(200).end('data: {"choices":[{"text":" a"}]}\n\n');
      else if (count === 4) response.socket!.destroy();
      else if (count === 5) response.writeHead(200).write('data: {"choices":[{"text":" a"}]}\n\n');
      else if (count === 6) response.writeHead(200).end('data: {"error":{"message":"no"}}\n\ndata: [DONE]\n\n');
      else complete(response);
    });
    const outcomes = await drive({ a: [port] }, every(5, 8), 300);
    expect(failures(outcomes)).toEqual([
      'Connection',
      'Silence',
      'Status',
      'StreamError',
      'StreamReset',
      'StreamTruncated',
    ]);

    const closed = await serve((_, response) => complete(response));
    await new Promise((resolve) => servers.pop()!.close(resolve));
    expect(failures(await drive({ a: [closed] }, every(1, 2)))).toEqual(['Connection', 'Connection']);
  });

  it('keeps its connections: one request after the other needs one connection', async () => {
    const sockets = new Set<unknown>();
    const port = await serve((request, response) => {
      sockets.add(request.socket);
      complete(response);
    });
    expect(failures(await drive({ a: [port] }, every(30, 6)))).toEqual([]);
    expect(sockets.size).toBeLessThan(6);
  });

  it('lets what is open go on to its end when it has to finish, and sends nothing more', async () => {
    const outcomes: RequestOutcome[] = [];
    const port = await serve((_, response) => {
      loop.finish();
      complete(response);
    });
    const loop = new OpenLoop({
      arrivals: [...every(1, 1), { atMs: 600_000, promptTokens: 1, outputTokens: 1 }],
      lanes: [{ name: 'a', targets: [{ host: '127.0.0.1', port }] }],
      message: () => ({ body: '{}' }),
      onOutcome: (outcome) => outcomes.push(outcome),
    });
    await loop.run();
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined]);
    expect(loop.sent).toBe(1);
  });

  it('gives up what is open when it is stopped, and says so', async () => {
    const outcomes: RequestOutcome[] = [];
    let opened = (): void => undefined;
    const hasOpened = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const port = await serve(() => opened());
    const loop = new OpenLoop({
      arrivals: [...every(1, 1), { atMs: 600_000, promptTokens: 1, outputTokens: 1 }],
      lanes: [{ name: 'a', targets: [{ host: '127.0.0.1', port }] }],
      message: () => ({ body: '{}' }),
      onOutcome: (outcome) => outcomes.push(outcome),
    });
    const ran = loop.run();
    await hasOpened;
    expect(loop.inFlight('a')).toBe(1);
    loop.stop();
    await ran;
    expect(loop.inFlight('a')).toBe(0);
    expect(failures(outcomes)).toEqual(['Silence']);
    expect(loop.sent).toBe(1);
  });
});
