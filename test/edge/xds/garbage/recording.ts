import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { FRAME_HEAD_BYTES } from '../../../../bench/xds/http2-frames.ts';
import type { Variant } from '../../../conformance/protocol.ts';
import { WireConnection } from '../../../conformance/wire-client.ts';
import { PREFACE } from '../../../support/http2-peer.ts';

/** What a real client (grpc-js) sent: the preface comes first, then these frames. */
export type Recording = readonly Buffer[];

/** A whole conversation of one client, recorded on the way to the server. */
export async function recordClient(address: string, variant: Variant, node: object): Promise<Recording> {
  const sent: Buffer[] = [];
  const port = Number(address.split(':').at(-1));
  const proxy = await listening((inner) => {
    const outer = connect({ port, host: '127.0.0.1' });
    inner.on('data', (chunk) => sent.push(chunk));
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) socket.on('error', () => undefined);
  });
  const connection = new WireConnection(`127.0.0.1:${portOf(proxy)}`);
  const client = connection.open({ variant, service: 'ads', node: { ...node } });
  client.subscribe('cds');
  await client.accept('cds');
  client.subscribe('eds', 'chat', 'code', 'none');
  client.nack(await client.next('eds'), 'no such weight');
  client.unsubscribe('eds', 'code');
  client.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  connection.close();
  proxy.close();
  return framesOf(Buffer.concat(sent));
}

/** The first flight of a TLS client. */
export async function recordHello(): Promise<Buffer> {
  let heard: (bytes: Buffer) => void = () => undefined;
  const hello = new Promise<Buffer>((resolve) => {
    heard = resolve;
  });
  const server = await listening((socket) => socket.once('data', heard).on('error', () => undefined));
  const client = connectTls({
    port: portOf(server),
    host: '127.0.0.1',
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  });
  client.on('error', () => undefined);
  const bytes = await hello;
  client.destroy();
  server.close();
  return bytes;
}

function framesOf(bytes: Buffer): Recording {
  const frames: Buffer[] = [];
  for (let at = PREFACE.length; at < bytes.length; ) {
    const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

async function listening(connected: (socket: Socket) => void): Promise<Server> {
  const server = createServer(connected);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return address.port;
}
