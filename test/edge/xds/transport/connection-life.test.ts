import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, frame as http2Frame, windowUpdate } from '../../../../bench/xds/http2-frames.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import { grpcHeaders } from '../../../support/hpack.ts';
import { type Frame, Http2Peer, settings } from '../../../support/http2-peer.ts';
import { call, statusOf } from './grpc-client.ts';
import { LabServer, SILENT } from './lab-server.ts';

const SWEEP_MS = 20;
/** A connection must be gone by then; none is waited for that long when the server is right. */
const LIMIT_MS = 10_000;
const MIB = 1024 * 1024;

const open: { destroy(): void }[] = [];
let lab: LabServer;

afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await lab.grpc.close(100);
});

async function start(options: ConstructorParameters<typeof LabServer>[0]): Promise<void> {
  lab = new LabServer({ sweepMs: SWEEP_MS, ...options });
  await lab.start();
}

function peer(options?: { readonly windowBytes?: number }): Http2Peer {
  const one = new Http2Peer(lab.port, options);
  open.push(one);
  return one;
}

function session(): ClientHttp2Session {
  const one = connect(`http://127.0.0.1:${lab.port}`);
  one.on('error', () => undefined);
  open.push(one);
  return one;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; !holds(); ) {
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await pause(10);
  }
}

function bytesOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { payload }) => sum + payload.length, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A peer with an open call that has stopped to read, with more under way to it than the kernel takes. */
async function stuckPeer(): Promise<Http2Peer> {
  const stuck = peer({ windowBytes: 1024 * MIB });
  stuck.write(windowUpdate(0, 1024 * MIB));
  stuck.open(grpcHeaders(SILENT));
  await until('the call', () => lab.calls.length > 0);
  stuck.stall();
  const large = frame(Buffer.alloc(MIB));
  for (let count = 0; count < 20; count += 1) lab.calls.at(-1)?.send(large);
  await pause(50);
  return stuck;
}

describe('keepalive', () => {
  const quick = { keepaliveMs: 50, keepaliveTimeoutMs: 150 };

  it('keeps a silent connection whose peer answers pings', async () => {
    await start(quick);
    const alive = peer();
    alive.open(grpcHeaders(SILENT));
    const pings = (): number => alive.frames.filter(({ type }) => type === FRAME.ping).length;
    await alive.until('five pings', () => pings() >= 5);
    expect(alive.closed).toBe(false);
    expect(lab.calls).toHaveLength(1);
  });

  it('ends a connection whose peer does not, and its calls', async () => {
    await start(quick);
    const dead = peer();
    dead.answersPings = false;
    dead.open(grpcHeaders(SILENT));
    await dead.until('the end', () => dead.closed);
    await until('no connection', () => lab.grpc.connections === 0);
    expect(lab.calls).toHaveLength(0);
  });

  it('ends a connection whose peer takes nothing any more, though bytes wait to be written', async () => {
    await start(quick);
    await stuckPeer();
    await until('no connection', () => lab.grpc.connections === 0);
    expect(lab.calls).toHaveLength(0);
  });
});

describe('a process that was busy', () => {
  it('hears what its peers have said meanwhile before it ends connections', async () => {
    await start({ keepaliveMs: 50, keepaliveTimeoutMs: 150 });
    const alive = peer();
    alive.answersPings = false;
    alive.open(grpcHeaders(SILENT));
    const asked = (): boolean => alive.frames.some(({ type }) => type === FRAME.ping);
    await alive.until('a ping', asked);
    // The answer is in the kernel's hands when the time is over.
    const { payload } = alive.frames.findLast(({ type }) => type === FRAME.ping) as Frame;
    alive.write(http2Frame(FRAME.ping, FLAG.ack, 0, payload));
    alive.answersPings = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    await pause(10 * SWEEP_MS);
    expect(alive.closed).toBe(false);
    expect(lab.grpc.connections).toBe(1);
  });
});

describe('the age of a connection', () => {
  it('ends its calls with UNAVAILABLE, then the connection', async () => {
    await start({ maxConnectionAgeMs: 200 });
    const old = session();
    const { status, message } = statusOf(await call(old, SILENT, { staysOpen: true }));
    expect({ status, message }).toEqual({ status: '14', message: 'the connection has reached its maximum age' });
    await until('no connection', () => lab.grpc.connections === 0 && old.destroyed);
  });

  it('is spread by a fifth to either side', async () => {
    const draws = [0.999, 0];
    await start({ maxConnectionAgeMs: 1000, random: () => draws.shift() ?? 0.5 });
    const ended: string[] = [];
    const calls = ['late', 'early'].map(async (name) => {
      const one = session();
      await new Promise((resolve) => one.on('remoteSettings', resolve));
      await call(one, SILENT, { staysOpen: true });
      ended.push(name);
    });
    await Promise.all(calls);
    expect(ended).toEqual(['early', 'late']);
  });

  it('ends a connection whose peer opens no window for the end of its calls', async () => {
    await start({ maxConnectionAgeMs: 200, retireMs: 200 });
    const shut = peer({ windowBytes: 0 });
    const stream = shut.open(grpcHeaders(SILENT));
    await until('the call', () => lab.calls.length > 0);
    lab.calls[0]?.send(frame(Buffer.alloc(1000)));
    await shut.until('the end', () => shut.closed);
    expect(shut.of(stream, FRAME.data)).toEqual([]);
    expect(shut.frames.some(({ type }) => type === FRAME.goAway)).toBe(true);
    await until('no connection', () => lab.grpc.connections === 0 && lab.calls.length === 0);
  });
});

describe('a connection without a call', () => {
  it('is ended, whether it has said anything or not; one with a call is kept', async () => {
    await start({ idleMs: 100 });
    const silent = connectTcp({ port: lab.port, host: '127.0.0.1' });
    open.push(silent);
    let gone = false;
    silent.on('close', () => {
      gone = true;
    });
    silent.resume();
    const idle = peer();
    const busy = peer();
    busy.open(grpcHeaders(SILENT));
    await until('both gone', () => gone && idle.closed);
    await pause(10 * SWEEP_MS);
    expect(busy.closed).toBe(false);
    expect(lab.grpc.connections).toBe(1);
  });
});

describe('a call that is over', () => {
  it('is cut off when the client takes its end and leaves its own side open', async () => {
    await start({});
    const lazy = peer();
    const stream = lazy.open(grpcHeaders(SILENT));
    await until('the call', () => lab.calls.length > 0);
    lab.calls[0]?.end(0);
    await lazy.until('RST_STREAM', () => lazy.of(stream, FRAME.rstStream).length > 0);
    expect(lazy.of(stream, FRAME.rstStream)[0]?.payload.readUInt32BE(0)).toBe(0);
    expect(lazy.closed).toBe(false);
    await until('no call', () => lab.calls.length === 0);
  });

  it('tells its status to a client that has taken the answer, and nothing else for a while', async () => {
    await start({});
    const slow = peer();
    const [other, stream] = [slow.open(grpcHeaders(SILENT)), slow.open(grpcHeaders(SILENT))];
    await until('the calls', () => lab.calls.length === 2);
    lab.calls[1]?.send(frame(Buffer.alloc(100)));
    await slow.until('the answer', () => slow.of(stream, FRAME.data).length > 0);
    // All windows of the connection are used up by another call, so that a second answer waits, and the end behind it.
    lab.calls[0]?.send(frame(Buffer.alloc(100_000)));
    await slow.until('no more', () => bytesOf(slow.of(other, FRAME.data)) + 105 === 65_535);
    lab.calls[1]?.send(frame(Buffer.alloc(100)));
    lab.calls[1]?.end(0);
    await pause(1500);
    expect(slow.of(stream, FRAME.headers)).toHaveLength(1);
    slow.write(windowUpdate(0, 200_000));
    await slow.until('the trailers', () => slow.of(stream, FRAME.headers).length === 2);
    expect(slow.of(stream, FRAME.headers).at(-1)?.flags).toBe(FLAG.endHeaders | FLAG.endStream);
  });

  it('is cut off when the client never takes what was sent before', async () => {
    await start({ retireMs: 200 });
    const shut = peer({ windowBytes: 0 });
    const stream = shut.open(grpcHeaders(SILENT));
    await until('the call', () => lab.calls.length > 0);
    lab.calls[0]?.send(frame(Buffer.alloc(1000)));
    lab.calls[0]?.end(0);
    await shut.until('RST_STREAM', () => shut.of(stream, FRAME.rstStream).length > 0);
    await until('no call', () => lab.calls.length === 0);
    expect(shut.closed).toBe(false);
  });
});

describe('a graceful close', () => {
  it('ends the calls with UNAVAILABLE, lets clients read that, and is over when they have', async () => {
    await start({});
    const clients = Array.from({ length: 5 }, session);
    const ends = clients.map((one) => call(one, SILENT, { staysOpen: true }));
    await until('all calls', () => lab.calls.length === 5);
    const closed = lab.grpc.close(LIMIT_MS);
    for (const end of await Promise.all(ends)) {
      expect(statusOf(end)).toEqual({ status: '14', message: 'the server is shutting down' });
    }
    await closed;
    await until('no connection', () => lab.grpc.connections === 0);
  });

  it('takes no longer than its grace when a peer is stuck, silent, or has not even begun', async () => {
    await start({});
    await stuckPeer();
    const silent = peer();
    silent.write(http2Frame(FRAME.ping, 0, 0, Buffer.alloc(8)), settings(0));
    await silent.until('an answer', () => silent.frames.some(({ flags }) => (flags & FLAG.ack) !== 0));
    open.push(connectTcp({ port: lab.port, host: '127.0.0.1' }));
    await until('all connections', () => lab.grpc.connections === 3);
    const closed = lab.grpc.close(100).then(() => 'closed');
    expect(await Promise.race([closed, pause(LIMIT_MS / 2)])).toBe('closed');
    await until('no connection', () => lab.grpc.connections === 0 && lab.calls.length === 0);
  });
});
