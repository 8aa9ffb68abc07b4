import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../../../bench/xds/certificates.ts';
import type { TlsFiles } from '../../../../bench/xds/messages.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import { call, statusOf } from './grpc-client.ts';
import { ECHO, LabServer, SILENT } from './lab-server.ts';

const open: { destroy(): void }[] = [];
let lab: LabServer;

afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await lab.grpc.close(100);
});

function session(to: string, options: SecureClientSessionOptions = {}): ClientHttp2Session {
  const one = connect(to, options);
  one.on('error', () => undefined);
  open.push(one);
  return one;
}

async function echo(over: ClientHttp2Session): Promise<string> {
  const outcome = await call(over, ECHO, { chunks: [frame(Buffer.from('hello'))] });
  return `${outcome.body.subarray(5)} ${statusOf(outcome).status}`;
}

/** How the server names the peer of a call over this connection. */
async function peerOf(over: ClientHttp2Session): Promise<string | undefined> {
  const ended = call(over, SILENT, { staysOpen: true });
  for (let tries = 0; lab.calls.length === 0 && tries < 500; tries += 1) await pause(10);
  const name = lab.calls[0]?.peer;
  lab.calls[0]?.end(0);
  await ended;
  return name;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('addresses', () => {
  it('a peer over IPv4 has its address and port as its name', async () => {
    lab = new LabServer();
    await lab.start();
    const over = session(`http://127.0.0.1:${lab.port}`);
    const name = await peerOf(over);
    expect(name).toBe(`127.0.0.1:${over.socket.localPort}`);
  });

  const loopback = Object.values(networkInterfaces()).flat();
  const hasIpv6 = loopback.some((one) => one?.address === '::1');
  if (!hasIpv6) process.stdout.write('skipped: xDS over IPv6: this machine has no ::1\n');

  it.skipIf(!hasIpv6)('a peer over IPv6 has its address in brackets', async () => {
    lab = new LabServer();
    expect(await lab.start('[::1]:0')).toBe(`[::1]:${lab.port}`);
    const over = session(`http://[::1]:${lab.port}`);
    expect(await peerOf(over)).toBe(`[::1]:${over.socket.localPort}`);
  });

  it('a peer on a UNIX socket has no address: its name is "unix"', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-grpc-'));
    open.push({ destroy: () => rmSync(folder, { recursive: true, force: true }) });
    const path = join(folder, 'xds.sock');
    lab = new LabServer();
    expect(await lab.start(`unix:${path}`)).toBe(`unix:${path}`);
    const over = session('http://localhost', { createConnection: () => connectTcp({ path }) });
    expect(await echo(over)).toBe('hello 0');
    expect(await peerOf(over)).toBe('unix');
  });

  it('an address in use is LOADLINE_BIND, and the other server is none the worse', async () => {
    lab = new LabServer();
    const address = await lab.start();
    await expect(new LabServer().start(address)).rejects.toMatchObject({ code: 'LOADLINE_BIND' });
    expect(await echo(session(`http://${address}`))).toBe('hello 0');
  });
});

const certificates = makeCertificates();
const strangers = typeof certificates === 'string' ? certificates : makeCertificates();
const usable = typeof certificates !== 'string' && typeof strangers !== 'string';
if (typeof certificates === 'string') process.stdout.write(`skipped: mutual TLS of xDS: ${certificates}\n`);

describe.skipIf(!usable)('mutual TLS', () => {
  const pem = ({ ca, cert, key }: TlsFiles): { ca: string; cert: string; key: string } => ({
    ca: readFileSync(ca, 'utf8'),
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  });
  const ours = typeof certificates === 'string' ? undefined : certificates;
  const theirs = typeof strangers === 'string' ? undefined : strangers;

  async function startTls(): Promise<string> {
    lab = new LabServer({ tls: pem(ours?.server as TlsFiles) });
    await lab.start();
    return `https://127.0.0.1:${lab.port}`;
  }

  /** Whether a call is possible, or how it fails. */
  async function attempt(to: string, options: SecureClientSessionOptions): Promise<string> {
    const over = session(to, { servername: 'localhost', ...options });
    const failed = new Promise<string>((resolve) => {
      over.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      over.once('close', () => resolve('closed'));
    });
    return Promise.race([echo(over), failed]);
  }

  it('lets in a client with a certificate of the CA', async () => {
    const to = await startTls();
    expect(await attempt(to, pem(ours?.client as TlsFiles))).toBe('hello 0');
    expect(lab.grpc.connections).toBe(1);
  });

  it('refuses one without a certificate, and one whose CA is another', async () => {
    const to = await startTls();
    const { ca } = pem(ours?.server as TlsFiles);
    const { cert, key } = pem(theirs?.client as TlsFiles);
    expect(await attempt(to, { ca })).not.toContain('hello');
    expect(await attempt(to, { ca, cert, key })).not.toContain('hello');
    expect(await attempt(`http://127.0.0.1:${lab.port}`, {})).not.toContain('hello');
    expect(await attempt(to, pem(ours?.client as TlsFiles))).toBe('hello 0');
    expect(lab.grpc.connections).toBe(1);
  });

  it('closes within the grace though a peer stands still in its handshake, or speaks no HTTP/2', async () => {
    await startTls();
    const mute = connectTcp({ port: lab.port, host: '127.0.0.1' });
    open.push(mute);
    const { ca, cert, key } = pem(ours?.client as TlsFiles);
    const plain = connectTls({ port: lab.port, host: '127.0.0.1', servername: 'localhost', ca, cert, key });
    plain.on('error', () => undefined);
    open.push(plain);
    await new Promise((resolve) => plain.once('secureConnect', resolve));
    expect(await Promise.race([lab.grpc.close(100).then(() => 'closed'), pause(5000)])).toBe('closed');
  });
});
