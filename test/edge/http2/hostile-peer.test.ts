import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, frame, SETTING, windowUpdate } from '../../../bench/xds/http2-frames.ts';
import {
  type ConnectionListener,
  encodeHeaders,
  Http2Connection,
  type Http2Stream,
} from '../../../src/edge/http2/index.ts';
import { grpcHeaders, headerBlock } from '../../support/hpack.ts';
import { Http2Peer, settings } from '../../support/http2-peer.ts';
import { PlainServer } from './plain-server.ts';

const ANSWER = encodeHeaders([[':status', '200']]);
const REQUEST = headerBlock(grpcHeaders('/x'));
const WHOLE = FLAG.endHeaders | FLAG.endStream;
const CANCEL = Buffer.from([0, 0, 0, 8]);
const MIB = 1024 * 1024;
const WIDE_BYTES = 1024 * MIB;

let server: PlainServer;
const open: { destroy(): void }[] = [];

beforeEach(async () => {
  server = new PlainServer();
  await server.start();
});

afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await server.stop();
});

function peer(options?: { readonly windowBytes?: number }, port = server.port): Http2Peer {
  const one = new Http2Peer(port, options);
  open.push(one);
  return one;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function ids(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => 2 * index + 1);
}

/** A server whose socket can be looked at. */
async function watched(opened: ConnectionListener['opened']): Promise<{ port: number; socket: () => Socket }> {
  let last: Socket | undefined;
  const listening = createServer((socket) => {
    last = socket;
    open.push(socket);
    new Http2Connection(socket, { opened, closed: () => undefined });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  open.push({ destroy: () => listening.close() });
  const address = listening.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, socket: () => last as Socket };
}

describe('a peer that stops to read', () => {
  it('cannot make answers of headers alone pile up', async () => {
    const long = encodeHeaders([
      [':status', '200'],
      ['grpc-message', 'x'.repeat(4000)],
    ]);
    const { port, socket } = await watched((stream) => {
      stream.respond(long, true);
      return { data: () => undefined, halfClosed: () => undefined, closed: () => undefined };
    });
    const stuck = peer({}, port);
    await stuck.until('the handshake', () => stuck.frames.length > 0);
    stuck.stall();
    let most = 0;
    for (let part = 0; part < 20; part += 1) {
      stuck.write(...ids(1000).map((id) => frame(FRAME.headers, WHOLE, id + 2000 * part, REQUEST)));
      await pause(10);
      most = Math.max(most, socket().writableLength);
    }
    expect(most).toBeLessThan(16 * MIB);
  });

  it('cannot make one chunk of its requests put every answer into the socket', async () => {
    const shared = Buffer.alloc(4 * MIB);
    const { port, socket } = await watched((stream) => {
      stream.respond(ANSWER);
      stream.write(shared);
      return { data: () => undefined, halfClosed: () => undefined, closed: () => undefined };
    });
    const stuck = peer({ windowBytes: WIDE_BYTES }, port);
    await stuck.until('the handshake', () => stuck.frames.length > 0);
    stuck.stall();
    stuck.write(
      windowUpdate(0, WIDE_BYTES),
      ...ids(200).map((id) => frame(FRAME.headers, FLAG.endHeaders, id, REQUEST)),
    );
    await pause(100);
    expect(socket().writableLength).toBeLessThan(64 * MIB);
  });
});

describe('SETTINGS', () => {
  it('of more entries than there are settings are refused (CVE-2020-11080)', async () => {
    const some = peer();
    const entries = (count: number): Buffer =>
      Buffer.concat(ids(count).map((odd) => settings(60_000 + odd).subarray(9)));
    some.write(frame(FRAME.settings, 0, 0, entries(32)));
    const acks = (): number => some.of(0, FRAME.settings).filter(({ flags }) => (flags & FLAG.ack) !== 0).length;
    await some.until('both are accepted', () => acks() === 2);
    some.write(frame(FRAME.settings, 0, 0, entries(33)));
    await some.until('the end', () => some.closed);
    for (let tries = 0; server.ended.length === 0 && tries < 500; tries += 1) await pause(10);
    expect(server.ended).toEqual(['too many settings']);
  });

  it('that make the header table smaller are followed by its new size (RFC 7541, 4.2)', async () => {
    const strict = peer();
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(1);
    const stream = 1;
    strict.write(frame(FRAME.settings, 0, 0, payload), frame(FRAME.headers, WHOLE, stream, REQUEST));
    await strict.until('an answer', () => strict.of(stream, FRAME.headers).length > 0);
    expect(strict.of(stream, FRAME.headers)[0]?.payload[0]).toBe(0x20);
  });
});

describe('WINDOW_UPDATE', () => {
  it.each([4, 16])('may come for every 4 KiB of an answer of %d MiB, as net/http of Go sends it', async (mib) => {
    const bytes = Buffer.alloc(mib * MIB);
    server.answer = (stream) => {
      stream.respond(ANSWER);
      stream.write(bytes);
    };
    const go = peer({ windowBytes: 4 * MIB });
    go.write(windowUpdate(0, WIDE_BYTES));
    const stream = go.open(grpcHeaders('/x'), WHOLE);
    let acknowledged = 0;
    for (let seen = 0; acknowledged < bytes.length && !go.closed; ) {
      seen = go.of(stream, FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0);
      for (; seen - acknowledged >= 4096; acknowledged += 4096)
        go.write(windowUpdate(0, 4096), windowUpdate(stream, 4096));
      await pause(2);
    }
    await pause(50);
    expect(server.ended).toEqual([]);
  });
});

describe('an empty DATA that ends its stream', () => {
  it('moves something: 1500 calls that end so are no flood', async () => {
    server.answer = (stream) => stream.respond(ANSWER, true);
    const polite = peer();
    for (const id of ids(1500)) {
      polite.write(
        frame(FRAME.headers, FLAG.endHeaders, id, REQUEST),
        frame(FRAME.data, FLAG.endStream, id, Buffer.alloc(0)),
      );
      if (id % 200 === 1) await polite.until('an answer', () => polite.closed || polite.of(id, 1).length > 0);
    }
    await pause(50);
    expect(server.ended).toEqual([]);
  });
});

describe('streams above the limit', () => {
  it('are refused, and DATA that was under way for them ends nothing else', async () => {
    const eager = peer();
    eager.write(
      ...ids(1000).map((id) => frame(FRAME.headers, FLAG.endHeaders, id, REQUEST)),
      ...ids(1000).map((id) => frame(FRAME.data, 0, id, Buffer.from('x'))),
    );
    await eager.until('the refusals', () => eager.frames.filter(({ type }) => type === FRAME.rstStream).length === 744);
    await pause(50);
    expect(server.ended).toEqual([]);
    expect(server.opened.every(({ body }) => body === 'x')).toBe(true);
  });
});

describe('what a stream tells its owner', () => {
  const answers = (bytes: number) => {
    const told: string[] = [];
    server.answer = (stream) => {
      stream.respond(ANSWER);
      stream.write(Buffer.alloc(bytes), () => told.push(server.opened[0]?.closed === 0 ? 'in time' : 'after its end'));
    };
    return told;
  };

  it('is not that bytes were taken when it was reset in the same chunk', async () => {
    const told = answers(1000);
    const hasty = peer();
    hasty.write(frame(FRAME.headers, WHOLE, 1, REQUEST), frame(FRAME.rstStream, 0, 1, CANCEL));
    await expect.poll(() => server.opened[0]?.closed, { timeout: 5000 }).toBe(1);
    await pause(50);
    expect(told).toEqual([]);
  });

  it('is not that bytes were taken when it was reset while they waited for the kernel', async () => {
    const told = answers(32 * MIB);
    const slow = peer({ windowBytes: WIDE_BYTES });
    slow.write(windowUpdate(0, WIDE_BYTES));
    await slow.until('the handshake', () => slow.frames.length > 0);
    slow.stall();
    slow.write(frame(FRAME.headers, WHOLE, 1, REQUEST));
    await pause(50);
    slow.write(frame(FRAME.rstStream, 0, 1, CANCEL));
    await pause(50);
    slow.resume();
    await pause(300);
    expect(server.opened[0]?.closed).toBe(1);
    expect(told).toEqual([]);
  });
});

describe('a window below zero', () => {
  it('lets an empty write wait, or go, and never throws', async () => {
    let stream: Http2Stream | undefined;
    server.answer = (answered) => {
      stream = answered;
      answered.respond(ANSWER);
      answered.write(Buffer.alloc(1000));
    };
    const small = peer({ windowBytes: 1000 });
    const id = small.open(grpcHeaders('/x'), WHOLE);
    await small.until('the answer', () => small.of(id, FRAME.data).length > 0);
    small.write(settings(500));
    const acked = (): boolean => small.of(0, FRAME.settings).filter(({ flags }) => flags === FLAG.ack).length === 2;
    await small.until('the new window', acked);
    expect(() => stream?.write(Buffer.alloc(0))).not.toThrow();
  });
});

describe('a request that is complete with its headers', () => {
  it('and answered with headers alone is over: no RST_STREAM follows (RFC 9113, 5.1)', async () => {
    const { port } = await watched((stream) => {
      stream.respond(ANSWER, true);
      return { data: () => undefined, halfClosed: () => undefined, closed: () => undefined };
    });
    const client = peer({}, port);
    const id = client.open(grpcHeaders('/x'), WHOLE);
    await client.until('the answer', () => client.of(id, FRAME.headers).length > 0);
    await pause(50);
    expect(client.of(id, FRAME.rstStream)).toEqual([]);
  });
});

describe('a padded DATA frame of nothing', () => {
  it('moves nothing either: it cannot come without end (CVE-2019-9518)', async () => {
    const empty = peer();
    const id = empty.open(grpcHeaders('/x'));
    const nothing = Buffer.concat(ids(5000).map(() => frame(FRAME.data, FLAG.padded, id, Buffer.of(0))));
    empty.write(nothing);
    await empty.until('the end', () => empty.closed);
    for (let tries = 0; server.ended.length === 0 && tries < 500; tries += 1) await pause(10);
    expect(server.ended).toEqual(['too many frames that move nothing']);
  });
});

describe('many windows, frame sizes and settings at random', () => {
  it('deliver each stream whole, its headers first and its trailers last', async () => {
    const parts = [1, 4096, 4097, 16_384, 70_000].map((length, fill) => Buffer.alloc(length, fill));
    const end = encodeHeaders([['x-end', 'yes']]);
    server.answer = (stream) => {
      stream.respond(ANSWER);
      for (const part of parts) stream.write(part);
      stream.end(end);
    };
    const fickle = peer({ windowBytes: 0 });
    const streams = Array.from({ length: 20 }, () => fickle.open(grpcHeaders('/x'), WHOLE));
    const done = (): boolean => streams.every((id) => fickle.of(id, FRAME.headers).length === 2);
    const maxFrame = Buffer.alloc(6);
    maxFrame.writeUInt16BE(SETTING.maxFrameSize);
    for (let round = 1; !done() && !fickle.closed; round += 1) {
      maxFrame.writeUInt32BE(16_384 + ((round * 7919) % 50_000), 2);
      if (round % 7 === 0) fickle.write(frame(FRAME.settings, 0, 0, maxFrame), settings((round * 31) % 1000));
      fickle.write(windowUpdate(0, 1 + ((round * 65_537) % 300_000)));
      fickle.write(...streams.map((id) => windowUpdate(id, 1 + ((round * id * 4099) % 30_000))));
      await pause(1);
    }
    for (const id of streams) {
      const body = fickle.of(id, FRAME.data).map(({ payload }) => payload);
      expect(Buffer.concat(body).equals(Buffer.concat(parts))).toBe(true);
      const order = fickle.frames.filter(({ stream }) => stream === id).map(({ type }) => type);
      expect([order[0], order.at(-1)]).toEqual([FRAME.headers, FRAME.headers]);
    }
    expect(server.ended).toEqual([]);
  });
});
