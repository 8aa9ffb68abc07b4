import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, frame, windowUpdate } from '../../../bench/xds/http2-frames.ts';
import { encodeHeaders } from '../../../src/edge/http2/index.ts';
import { type HeaderList, headerBlock } from '../../support/hpack.ts';
import { Http2Peer, settings } from '../../support/http2-peer.ts';
import { type Opened, PlainServer } from './plain-server.ts';

const REQUEST: HeaderList = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/'],
];
const WHOLE = FLAG.endHeaders | FLAG.endStream;
const ANSWER = encodeHeaders([[':status', '200']]);
const END = encodeHeaders([['x-end', 'yes']]);
/** Frames that the bench's clients have no use for. */
const MORE = { priority: 2, continuation: 9 } as const;
const CODE = { noError: 0, protocol: 1, refused: 7, calm: 11 };

let server: PlainServer;
const peers: Http2Peer[] = [];

beforeEach(async () => {
  server = new PlainServer();
  await server.start();
});

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await server.stop();
});

function connect(windowBytes = 65_535): Http2Peer {
  const peer = new Http2Peer(server.port, { windowBytes });
  peers.push(peer);
  return peer;
}

async function opened(peer: Http2Peer): Promise<Opened & { readonly id: number }> {
  const count = server.opened.length;
  const id = peer.open(REQUEST);
  await until('the stream', () => server.opened.length > count);
  return { ...(server.opened.at(-1) as Opened), id };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !holds(); await pause(5)) {
    if (Date.now() > deadline) throw new Error(`not within 10 s: ${what}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function bodyOf(peer: Http2Peer, stream: number): Buffer {
  return Buffer.concat(peer.of(stream, FRAME.data).map(({ payload }) => payload));
}

function goAway(peer: Http2Peer): number | undefined {
  return peer.of(0, FRAME.goAway)[0]?.payload.readUInt32BE(4);
}

function resetCode(peer: Http2Peer, stream: number): number | undefined {
  return peer.of(stream, FRAME.rstStream)[0]?.payload.readUInt32BE(0);
}

/** Bytes that tell their place. */
function pattern(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 8)) % 251));
}

describe('what is sent', () => {
  it('comes whole and in order, in frames that the peer takes', async () => {
    const peer = connect(1024 * 1024);
    peer.write(windowUpdate(0, 1024 * 1024));
    const { stream, id } = await opened(peer);
    const body = pattern(100_000);
    stream.respond(ANSWER);
    stream.write(body.subarray(0, 10));
    stream.write(body.subarray(10, 50_000));
    stream.write(body.subarray(50_000));
    stream.end(END);
    await peer.until('the trailers', () => peer.of(id, FRAME.headers).length === 2);
    expect(bodyOf(peer, id).equals(body)).toBe(true);
    expect(Math.max(...peer.of(id, FRAME.data).map(({ payload }) => payload.length))).toBeLessThanOrEqual(16_384);
    expect(peer.frames.filter((one) => one.stream === id).at(-2)?.type).toBe(FRAME.headers);
    expect(resetCode(peer, id)).toBe(CODE.noError);
  });

  it('keeps to the windows of stream and connection, whichever is narrower, and goes on when they open', async () => {
    const peer = connect(100);
    const { stream, id } = await opened(peer);
    const body = pattern(70_000);
    stream.respond(ANSWER);
    stream.write(body);
    stream.end(END);
    await peer.until('the window', () => bodyOf(peer, id).length === 100);
    peer.write(windowUpdate(id, 50));
    await peer.until('50 more', () => bodyOf(peer, id).length === 150);
    peer.write(settings(200));
    await peer.until('100 more', () => bodyOf(peer, id).length === 250);
    peer.write(windowUpdate(id, 1_000_000));
    await peer.until('the window of the connection', () => bodyOf(peer, id).length === 65_535);
    expect(peer.of(id, FRAME.headers)).toHaveLength(1);
    peer.write(windowUpdate(0, 10_000));
    await peer.until('the trailers', () => peer.of(id, FRAME.headers).length === 2);
    expect(bodyOf(peer, id).equals(body)).toBe(true);
  });

  it('waits while a smaller setting makes the window negative', async () => {
    const peer = connect(1000);
    const { stream, id } = await opened(peer);
    stream.respond(ANSWER);
    stream.write(pattern(1000));
    await peer.until('the first', () => bodyOf(peer, id).length === 1000);
    peer.write(settings(0));
    stream.write(pattern(10));
    peer.write(windowUpdate(id, 900));
    await pause(100);
    expect(bodyOf(peer, id)).toHaveLength(1000);
    peer.write(windowUpdate(id, 105));
    await peer.until('5 more', () => bodyOf(peer, id).length === 1005);
  });

  it('of one stream does not wait for the window of another', async () => {
    const peer = connect(1000);
    const [first, second] = [await opened(peer), await opened(peer)];
    for (const { stream } of [first, second]) {
      stream.respond(ANSWER);
      stream.write(pattern(1500));
    }
    peer.write(windowUpdate(second.id, 500));
    await peer.until('all of the second', () => bodyOf(peer, second.id).length === 1500);
    expect(bodyOf(peer, first.id)).toHaveLength(1000);
  });

  it('is told as taken once, and only when the socket keeps nothing of it', async () => {
    const peer = connect(64 * 1024 * 1024);
    peer.write(windowUpdate(0, 64 * 1024 * 1024));
    const { stream } = await opened(peer);
    stream.respond(ANSWER);
    peer.stall();
    const taken: number[] = [];
    const large = Buffer.alloc(8 * 1024 * 1024);
    for (const index of [0, 1, 2]) stream.write(large, () => taken.push(index));
    await pause(200);
    expect(taken).toEqual([]);
    peer.resume();
    await until('all', () => taken.length === 3);
    expect(taken).toEqual([0, 1, 2]);
  });

  it('is never told as taken when the stream ends before', async () => {
    const peer = connect(10);
    const { stream, id } = await opened(peer);
    stream.respond(ANSWER);
    let taken = 0;
    stream.write(pattern(100), () => {
      taken += 1;
    });
    await peer.until('the window', () => bodyOf(peer, id).length === 10);
    stream.reset();
    peer.write(windowUpdate(id, 1000));
    await peer.until('the reset', () => resetCode(peer, id) !== undefined);
    await pause(50);
    expect([taken, server.opened[0]?.closed]).toEqual([0, 1]);
  });
});

describe('what is received', () => {
  it('opens the windows again, so that a connection takes more than they are wide', async () => {
    const peer = connect();
    const { id } = await opened(peer);
    const chunk = Buffer.alloc(16_384);
    const window = (): number =>
      4 * 1024 * 1024 + peer.of(0, FRAME.windowUpdate).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
    let sent = 0;
    for (let count = 0; count < 1000; count += 1) {
      await peer.until('room', () => window() - sent > 2 * 1024 * 1024);
      peer.data(id, chunk);
      sent += chunk.length;
      if (count % 20 === 0) await pause(1);
    }
    await until('all of it', () => server.opened[0]?.body.length === sent);
    expect(goAway(peer)).toBeUndefined();
  });

  it('counts padding, and data of streams that are over', async () => {
    const peer = connect();
    const padded = Buffer.concat([Buffer.of(255), Buffer.alloc(16_000), Buffer.alloc(255)]);
    const first = await opened(peer);
    first.stream.reset();
    const { id } = await opened(peer);
    // More than the 4 MiB of the connection's window: without an update it would end in FLOW_CONTROL_ERROR.
    for (let count = 0; count < 40; count += 1) {
      for (let more = 0; more < 10; more += 1) {
        peer.data(first.id, padded, FLAG.padded);
        peer.data(id, padded, FLAG.padded);
      }
      await pause(5);
    }
    peer.data(id, Buffer.from('end'), FLAG.endStream);
    await peer.until('the answer', () => peer.of(id, FRAME.headers).length === 2);
    expect(server.opened.at(-1)?.body.length).toBe(400 * 16_000 + 3);
    expect(goAway(peer)).toBeUndefined();
  });

  it('may have trailers', async () => {
    const peer = connect();
    const { id } = await opened(peer);
    peer.data(id, Buffer.from('body'));
    peer.write(frame(FRAME.headers, WHOLE, id, headerBlock([['x-checksum', '1']])));
    await peer.until('the answer', () => peer.of(id, FRAME.headers).length === 2);
    expect(server.opened[0]?.body).toBe('body');
  });
});

describe('more streams than are allowed', () => {
  it('are refused one by one, and there is room again when others end', async () => {
    const peer = connect();
    const ids = Array.from({ length: 258 }, () => peer.open(REQUEST));
    await peer.until('two refused', () => peer.frames.filter(({ type }) => type === FRAME.rstStream).length === 2);
    expect(ids.filter((id) => resetCode(peer, id) === CODE.refused)).toEqual(ids.slice(256));
    server.opened[0]?.stream.reset();
    const later = peer.open(REQUEST, WHOLE);
    await peer.until('the answer', () => peer.of(later, FRAME.headers).length === 2);
  });
});

describe('headers of more than 16 KiB', () => {
  it('end their stream alone: behind a gateway the others are somebody else', async () => {
    const peer = connect();
    const other = await opened(peer);
    const large = peer.open([...REQUEST, ['x-large', 'v'.repeat(8000)], ['x-larger', 'v'.repeat(8000)]], 0);
    peer.write(frame(MORE.continuation, FLAG.endHeaders, large, headerBlock([['x-rest', 'v'.repeat(2000)]])));
    await peer.until('the reset', () => resetCode(peer, large) !== undefined);
    expect(resetCode(peer, large)).toBe(CODE.calm);
    peer.data(other.id, Buffer.from('still here'), FLAG.endStream);
    await peer.until('the answer', () => peer.of(other.id, FRAME.headers).length === 2);
    expect(server.opened).toHaveLength(1);
  });
});

describe('the end', () => {
  it('by draining comes when the last stream is over, and streams opened meanwhile are not taken', async () => {
    const peer = connect();
    const { stream, id } = await opened(peer);
    server.connections[0]?.drain();
    await peer.until('GOAWAY', () => goAway(peer) !== undefined);
    expect([goAway(peer), peer.of(0, FRAME.goAway)[0]?.payload.readUInt32BE(0)]).toEqual([CODE.noError, id]);
    const late = peer.open(REQUEST);
    peer.data(late, Buffer.from('under way when GOAWAY came'), FLAG.endStream);
    await pause(50);
    expect([peer.closed, server.opened.length]).toEqual([false, 1]);
    stream.respond(ANSWER);
    stream.end(END);
    await peer.until('the end', () => peer.closed);
    expect(peer.of(id, FRAME.headers)).toHaveLength(2);
    await until('closed', () => server.ended.length === 1);
    expect(server.ended).toEqual(['']);
  });

  it('of a peer that goes away closes its streams before the connection, each once', async () => {
    const peer = connect();
    await opened(peer);
    await opened(peer);
    peer.destroy();
    await until('closed', () => server.ended.length === 1);
    expect(server.opened.map(({ closed }) => closed)).toEqual([1, 1]);
  });

  it('of a peer that breaks the protocol says why, and touches no other', async () => {
    const good = connect();
    const bad = connect();
    await opened(bad);
    bad.write(frame(FRAME.settings, 0, 1, Buffer.alloc(0)));
    await bad.until('the end', () => bad.closed);
    expect(goAway(bad)).toBe(CODE.protocol);
    await until('closed', () => server.ended.length === 1);
    expect(server.ended).toEqual(['SETTINGS on a stream']);
    const id = good.open(REQUEST, WHOLE);
    await good.until('the answer', () => good.of(id, FRAME.headers).length === 2);
  });
});

describe('a flood', () => {
  const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
  const floods: readonly (readonly [string, (peer: Http2Peer, id: number) => Buffer])[] = [
    ['PING', () => ping],
    ['SETTINGS', () => settings(1000)],
    ['PRIORITY', (_, id) => frame(MORE.priority, 0, id, Buffer.alloc(5))],
    ['empty DATA', (_, id) => frame(FRAME.data, 0, id, Buffer.alloc(0))],
    ['WINDOW_UPDATE', (_, id) => windowUpdate(id, 1)],
    ['frames of an unknown type', () => frame(200, 0, 0, Buffer.alloc(0))],
  ];

  it.each(floods)('of %s ends the connection', async (_, one) => {
    const peer = connect();
    const { id } = await opened(peer);
    const bytes = one(peer, id);
    for (let count = 0; count < 10 && !peer.closed; count += 1) {
      peer.write(...Array.from({ length: 200 }, () => bytes));
      await pause(5);
    }
    await peer.until('the end', () => peer.closed);
    expect(goAway(peer)).toBe(CODE.calm);
  });

  it('of streams that are opened and reset ends the connection', async () => {
    const peer = connect();
    const cancel = Buffer.from([0, 0, 0, 8]);
    for (let count = 0; count < 1200 && !peer.closed; count += 1) {
      peer.write(frame(FRAME.rstStream, 0, peer.open(REQUEST), cancel));
      if (count % 50 === 0) await pause(1);
    }
    await peer.until('the end', () => peer.closed);
    expect(goAway(peer)).toBe(CODE.calm);
    await until('all closed', () => server.opened.every(({ closed }) => closed === 1));
  });

  it('of CONTINUATION ends the connection', async () => {
    const peer = connect();
    const id = peer.open(REQUEST, 0);
    for (let count = 0; count < 40 && !peer.closed; count += 1) {
      peer.write(frame(MORE.continuation, 0, id, Buffer.alloc(0)));
    }
    await peer.until('the end', () => peer.closed);
    expect(goAway(peer)).toBe(CODE.calm);
  });

  it('is not what a peer does that opens a window for each frame of ours', async () => {
    const peer = connect(1024 * 1024);
    const { stream, id } = await opened(peer);
    stream.respond(ANSWER);
    for (let count = 1; count <= 3000; count += 1) {
      stream.write(Buffer.alloc(100));
      if (count % 100 > 0) continue;
      await peer.until('the bytes', () => bodyOf(peer, id).length === count * 100);
      peer.write(...Array.from({ length: 100 }, () => Buffer.concat([windowUpdate(0, 100), windowUpdate(id, 100)])));
    }
    expect(peer.closed).toBe(false);
  });
});
