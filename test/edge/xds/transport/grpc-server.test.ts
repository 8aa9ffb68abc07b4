import { type ClientHttp2Session, connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FLAG, FRAME } from '../../../../bench/xds/http2-frames.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import { grpcHeaders } from '../../../support/hpack.ts';
import { Http2Peer } from '../../../support/http2-peer.ts';
import { call, statusOf } from './grpc-client.ts';
import { ECHO, LabServer, REFUSE, SILENT } from './lab-server.ts';

let lab: LabServer;
let session: ClientHttp2Session;

beforeAll(async () => {
  lab = new LabServer();
  await lab.start();
  session = connect(`http://127.0.0.1:${lab.port}`);
});

afterAll(async () => {
  session.destroy();
  await lab.grpc.close(100);
});

const hello = frame(Buffer.from('hello'));

describe('the end of a call', () => {
  it('travels in trailers behind an answer', async () => {
    const outcome = await call(session, ECHO, { chunks: [hello] });
    expect(outcome.headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
    expect(outcome.headers['grpc-status']).toBeUndefined();
    expect(outcome.body).toEqual(hello);
    expect(outcome.trailers?.['grpc-status']).toBe('0');
  });

  it('travels in the headers where there was no answer, and there is nothing else', async () => {
    const outcome = await call(session, REFUSE, { chunks: [frame(Buffer.from('no such group'))] });
    expect(outcome.headers).toMatchObject({ ':status': 200, 'grpc-status': '5', 'grpc-message': 'no such group' });
    expect(outcome.trailers).toBeUndefined();
    expect(outcome.body).toHaveLength(0);
  });

  it('comes though the client leaves its own side open', async () => {
    const outcome = await call(session, REFUSE, { chunks: [frame(Buffer.from('no'))], staysOpen: true });
    expect(statusOf(outcome)).toEqual({ status: '5', message: 'no' });
    expect(outcome.rstCode).toBe(0);
  });

  it('has its message percent-encoded: everything but printable ASCII, and the percent sign', async () => {
    const words = 'Gruppe ‘chät’ 100 %\r\ngrpc-status: 0\u0000~';
    const { message } = statusOf(await call(session, REFUSE, { chunks: [frame(Buffer.from(words))] }));
    expect(message).toMatch(/^[ -$&-~]*(?:%[0-9A-F]{2}[ -$&-~]*)*$/);
    expect(decodeURIComponent(message)).toBe(words);
    expect(message).toContain('100 %25%0D%0Agrpc-status: 0%00~');
  });

  it('keeps a long message short enough for the headers of any client', async () => {
    const { message } = statusOf(await call(session, REFUSE, { chunks: [frame(Buffer.from('ä'.repeat(100_000)))] }));
    expect(message.length).toBeGreaterThan(1000);
    expect(message.length).toBeLessThanOrEqual(4096);
    expect(decodeURIComponent(message)).toMatch(/^ä+$/);
  });
});

describe('what is no call of ours', () => {
  it.each(['/lab.Lab/Unknown', '/', '/lab.Lab', '/lab.Lab/Echo?x=1'])('%s is UNIMPLEMENTED', async (path) => {
    const { status, message } = statusOf(await call(session, path, { chunks: [hello] }));
    expect(status).toBe('12');
    expect(message).toBe(`${path} is not served here`);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'TRACE'])('%s is refused with 405', async (method) => {
    expect((await call(session, ECHO, { headers: { ':method': method } })).headers[':status']).toBe(405);
  });

  it.each([
    'application/json',
    'text/plain',
    '',
    'application/grpc-web',
    'application/grpcx',
  ])('a POST of type %j is refused with 415', async (type) => {
    expect((await call(session, ECHO, { headers: { 'content-type': type } })).headers[':status']).toBe(415);
  });

  it.each(['application/grpc', 'application/grpc+proto', 'application/grpc;x=1'])('%j is gRPC', async (type) => {
    const outcome = await call(session, ECHO, { headers: { 'content-type': type }, chunks: [hello] });
    expect(statusOf(outcome).status).toBe('0');
  });
});

describe('the messages of a call', () => {
  it('may come two in one frame, and one in many', async () => {
    const peer = new Http2Peer(lab.port);
    const stream = peer.open(grpcHeaders(ECHO));
    const [one, two] = [frame(Buffer.from('one')), frame(Buffer.from('two'))];
    peer.data(stream, Buffer.concat([one, two]));
    for (const byte of frame(Buffer.from('three'))) peer.data(stream, Buffer.of(byte));
    const came = (): string => Buffer.concat(peer.of(stream, FRAME.data).map(({ payload }) => payload)).toString();
    await peer.until('three answers', () => came().endsWith('three'));
    expect(came()).toBe(Buffer.concat([one, two, frame(Buffer.from('three'))]).toString());
    peer.destroy();
  });

  it('end the call when one is cut off, too large or compressed', async () => {
    const ends = async (...chunks: Buffer[]): Promise<string> =>
      statusOf(await call(session, SILENT, { chunks })).status;
    expect(await ends(hello.subarray(0, 7))).toBe('3');
    expect(await ends(Buffer.from([0, 0, 0x10, 0, 1]))).toBe('8');
    expect(await ends(Buffer.from([1, 0, 0, 0, 1, 7]))).toBe('12');
    expect(await ends()).toBe('0');
  });

  it('of one connection may not hold more unfinished bytes than a large message or two', async () => {
    const peer = new Http2Peer(lab.port);
    const most = 1024 * 1024;
    const promise = Buffer.alloc(5);
    promise.writeUInt32BE(most, 1);
    const streams = Array.from({ length: 200 }, () => peer.open(grpcHeaders(SILENT)));
    await peer.until('the window', () => peer.of(0, FRAME.windowUpdate).length > 0);
    for (const stream of streams) peer.data(stream, Buffer.concat([promise, Buffer.alloc(16_000)]));
    const refused = (): number[] => streams.filter((stream) => peer.of(stream, FRAME.headers).length > 0);
    await peer.until('some are refused', () => refused().length > 0);
    const [first] = peer.of(refused()[0] as number, FRAME.headers);
    expect((first?.flags ?? 0) & FLAG.endStream).toBe(FLAG.endStream);
    expect(refused().length).toBeLessThan(streams.length);
    peer.destroy();
  });
});
