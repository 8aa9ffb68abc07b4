import { type ClientHttp2Session, connect } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, frame as http2Frame, windowUpdate } from '../../../../bench/xds/http2-frames.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import { grpcHeaders, headerBlock } from '../../../support/hpack.ts';
import { Http2Peer } from '../../../support/http2-peer.ts';
import { call, statusOf } from './grpc-client.ts';
import { ECHO, LabServer, SILENT } from './lab-server.ts';

const MIB = 1024 * 1024;
const open: { destroy(): void }[] = [];
let lab: LabServer;

afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await lab.grpc.close(0);
});

async function start(options: ConstructorParameters<typeof LabServer>[0] = {}): Promise<void> {
  lab = new LabServer({ sweepMs: 20, ...options });
  await lab.start();
}

function peer(options?: { readonly windowBytes?: number }): Http2Peer {
  const one = new Http2Peer(lab.port, options);
  open.push(one);
  return one;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('a call of a path that is not served', () => {
  it('quotes no more of it than one can read: a request of 13 bytes is not to cost a long text', async () => {
    await start();
    const long = peer();
    const path = `/${'\u00e4'.repeat(2000)}`;
    const stream = long.open(grpcHeaders(path), FLAG.endHeaders | FLAG.endStream);
    await long.until('the refusal', () => long.of(stream, FRAME.headers).length > 0);
    expect(long.of(stream, FRAME.headers)[0]?.payload.length).toBeLessThan(1000);
  });
});

describe('calls that the server ends at once, for what the client sends', () => {
  it.each([
    ['a message that says it is compressed', SILENT, Buffer.from([1, 0, 0, 0, 0])],
    ['a path that is not served', '/lab.Lab/No', Buffer.from([0, 0, 0, 0, 0])],
  ])('are limited, as resets are: %s (CVE-2025-8671)', async (_, path, message) => {
    await start();
    const flood = peer();
    const block = headerBlock(grpcHeaders(path));
    for (let id = 1; id < 10_000; id += 2)
      flood.write(http2Frame(FRAME.headers, FLAG.endHeaders, id, block), http2Frame(FRAME.data, 0, id, message));
    await flood.until('the end', () => flood.closed, 2000).catch(() => undefined);
    expect(flood.closed).toBe(true);
  });
});

describe('a client whose decoder is strict (nghttp2)', () => {
  it.each([100])('may have a header table of %d bytes', async (headerTableSize) => {
    await start();
    const session: ClientHttp2Session = connect(`http://127.0.0.1:${lab.port}`, { settings: { headerTableSize } });
    session.on('error', () => undefined);
    open.push(session);
    // Its settings hold from the acknowledgement on.
    await new Promise((resolve) => session.on('localSettings', resolve));
    expect(statusOf(await call(session, ECHO, { chunks: [frame(Buffer.from('hello'))] })).status).toBe('0');
  });
});

describe('a connection that is ended because it has no call', () => {
  it('says so by GOAWAY: a call that crosses it can be made again', async () => {
    await start({ idleMs: 50 });
    const idle = peer();
    await idle.until('the end', () => idle.closed);
    expect(idle.frames.some(({ type }) => type === FRAME.goAway)).toBe(true);
  });
});

describe('a peer that reads slowly, but reads', () => {
  it('is not taken for dead while its bytes move', async () => {
    await start({ keepaliveMs: 100, keepaliveTimeoutMs: 200 });
    const slow = peer({ windowBytes: 1024 * MIB });
    slow.write(windowUpdate(0, 1024 * MIB));
    const stream = slow.open(grpcHeaders(SILENT));
    await slow.until('the call', () => lab.calls.length > 0);
    for (let count = 0; count < 64; count += 1) lab.calls[0]?.send(frame(Buffer.alloc(MIB)));
    const bytes = (): number => slow.of(stream, FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0);
    for (let round = 0; round < 40 && !slow.closed; round += 1) {
      slow.resume();
      await pause(1);
      slow.stall();
      await pause(25);
    }
    slow.resume();
    await slow.until('everything', () => slow.closed || bytes() >= 64 * MIB, 3000);
    expect(slow.closed).toBe(false);
  });
});
