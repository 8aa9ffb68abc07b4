import { connect as tlsConnect } from 'node:tls';
import { type ChannelCredentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  encodeResource,
  grpcService,
  type JsonObject,
} from '../../../src/base/codec/index.ts';
import { type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../../src/core/snapshot/index.ts';
import type { LoadReport } from '../../../src/core/topology/index.ts';
import type { Pair } from '../../../src/edge/tls/certificate-authority.ts';
import type { HandshakeReason } from '../../../src/edge/tls/index.ts';
import { XdsServer } from '../../../src/edge/xds/index.ts';
import { DeltaClient } from '../../support/delta-client.ts';
import { Pki } from '../../support/pki.ts';
import { until } from '../../support/serve.ts';

const CDS = TYPE_URL.cluster;
const HOUR_MS = 3_600_000;
const UNAVAILABLE = 14;
const PERMISSION_DENIED = 7;
/** `npm run test:long` takes the hundred that are promised. */
const ROTATIONS = process.env.LOADLINE_TEST_LONG === undefined ? 20 : 100;
/** The preface of a client, and settings without any. */
const HTTP2_HELLO = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');

function cluster(name: string, timeout = '1s'): Resource {
  const json = { name, connect_timeout: timeout, type: 'STATIC' };
  return { ...encodeResource({ typeUrl: CDS, name, json }), needs: [] };
}

let pki: Pki;
let stranger: Pki;
let web: Pair;
let chat: Pair;

/** Who may join what; each group has one service of its name. */
let groups: Record<string, readonly string[]>;
let timeout: string;
let server: XdsServer;
let failures: (HandshakeReason | undefined)[];
let warnings: object[];
let reports: LoadReport[];
const open: { close(): void }[] = [];

beforeAll(async () => {
  [pki, stranger] = await Promise.all([Pki.create(), Pki.create('stranger')]);
  [web, chat] = await Promise.all([pki.client('web'), pki.client('chat')]);
});

afterAll(() => {
  pki.dispose();
  stranger.dispose();
});

beforeEach(() => {
  groups = { 'spiffe://mesh.test/web': ['web'], 'spiffe://mesh.test/chat': ['chat'] };
  timeout = '1s';
  failures = [];
  warnings = [];
  reports = [];
});

afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await server?.stop(200);
});

async function start(crl?: string): Promise<void> {
  const snapshots = new Map<string, Snapshot>();
  server = new XdsServer({
    address: '127.0.0.1:0',
    snapshots: {
      groups: () => ['web', 'chat'],
      groupsOf: (id) => groups[id] ?? [],
      servicesOf: (group) => new Set([group]),
      snapshot: (key) => {
        const made = makeSnapshot(key, [cluster(key.group, timeout)], snapshots.get(key.group));
        snapshots.set(key.group, made);
        return made;
      },
    },
    inbox: { presence: () => {}, report: (report) => reports.push(report), delivery: () => {} },
    meter: {
      pushed: () => {},
      answered: () => {},
      streams: () => {},
      reported: () => {},
      handshakeFailed: ({ reason }) => failures.push(reason),
    },
    log: { info: () => {}, debug: () => {}, warn: (fields) => warnings.push(fields) },
    now: () => Date.now(),
    loadReportIntervalMs: 1000,
    debounce: { quietMs: 0, capMs: 0 },
    tls: await pki.material(crl),
  });
  await server.start();
}

function join(as: ChannelCredentials, id: string, group: string): DeltaClient {
  const client = new DeltaClient(server.address, { id, cluster: group }, as);
  open.push(client);
  client.send(CDS);
  return client;
}

async function ended(client: DeltaClient): Promise<{ readonly code: number; readonly details: string }> {
  await until('the stream has ended', () => client.ended !== undefined, 5000);
  return client.ended as { code: number; details: string };
}

async function names(client: DeltaClient): Promise<readonly string[]> {
  const response = await client.next(CDS);
  client.ack(response);
  return response.resources.map(({ name }) => name);
}

describe('the handshake', () => {
  it('lets in a client that the authority has signed, and gives it what is for its identity', async () => {
    await start();
    expect(await names(join(pki.credentials(web), 'a', 'web'))).toEqual(['web']);
    expect(await names(join(pki.credentials(chat), 'b', 'chat'))).toEqual(['chat']);
    expect(failures).toEqual([]);
  });

  it('refuses everybody else, and says why', async () => {
    const revoked = await pki.client('web');
    await start(await pki.authority.revoke([revoked.serialNumber], Date.now()));
    const foreign = await stranger.client('web');
    const old = await pki.client('web', { notBeforeMs: Date.now() - 2 * HOUR_MS, notAfterMs: Date.now() - HOUR_MS });
    const early = await pki.client('web', { notBeforeMs: Date.now() + HOUR_MS, notAfterMs: Date.now() + 2 * HOUR_MS });
    const cases: readonly (readonly [string, ChannelCredentials, HandshakeReason])[] = [
      ['no certificate', pki.credentials(undefined), 'NoCertificate'],
      ['one of another authority', pki.credentials(foreign), 'UnknownIssuer'],
      ['an expired one', pki.credentials(old), 'Expired'],
      ['one that is not valid yet', pki.credentials(early), 'Expired'],
      ['a revoked one', pki.credentials(revoked), 'Revoked'],
      ['TLS 1.2', pki.credentials(web, { maxVersion: 'TLSv1.2' }), 'Protocol'],
    ];
    for (const [what, as, reason] of cases) {
      failures.length = 0;
      const client = join(as, 'a', 'web');
      expect((await ended(client)).code, what).toBe(UNAVAILABLE);
      await until(what, () => failures.includes(reason), 5000);
      expect(client.received, what).toEqual([]);
      client.close();
    }
    expect(server.nodes()).toEqual([]);
    expect(await names(join(pki.credentials(web), 'a', 'web'))).toEqual(['web']);
  });

  it('refuses plaintext', async () => {
    await start();
    const client = new DeltaClient(server.address, { id: 'a', cluster: 'web' });
    open.push(client);
    client.send(CDS);
    expect((await ended(client)).code).toBe(UNAVAILABLE);
    await until('it is told', () => failures.includes('Protocol'));
  });

  it('is never cut short by a resumed session, in which no certificate would be judged', async () => {
    await start();
    const port = Number(server.address.split(':').at(-1));
    const dial = (session?: Buffer): Promise<{ readonly reused: boolean; readonly sessions: readonly Buffer[] }> =>
      new Promise((resolve, reject) => {
        const sessions: Buffer[] = [];
        const ca = pki.authority.cert;
        const options = { port, host: '127.0.0.1', servername: 'localhost', ca, ...web, ALPNProtocols: ['h2'] };
        const socket = tlsConnect({ ...options, ...(session === undefined ? {} : { session }) });
        socket.on('session', (one: Buffer) => sessions.push(one));
        socket.once('error', reject);
        socket.once('secureConnect', () => socket.write(HTTP2_HELLO));
        // The settings of HTTP/2 come after the handshake, and after any ticket.
        socket.once('data', () => {
          const reused = socket.isSessionReused();
          socket.once('close', () => resolve({ reused, sessions }));
          socket.destroy();
        });
      });
    const first = await dial();
    for (const session of first.sessions) expect((await dial(session)).reused).toBe(false);
    expect((await dial(first.sessions[0])).reused).toBe(false);
  });
});

describe('who a node is', () => {
  it('follows from its certificate: another group in node.cluster is refused', async () => {
    await start();
    const spoof = join(pki.credentials(web), 'a', 'chat');
    expect(await ended(spoof)).toEqual({
      code: PERMISSION_DENIED,
      details: expect.stringContaining("spiffe://mesh.test/web may not join 'chat'"),
    });
    expect(spoof.received).toEqual([]);
    expect(warnings).toEqual([expect.objectContaining({ node: 'a', identity: 'spiffe://mesh.test/web' })]);
  });

  it('is nobody without exactly one SPIFFE ID', async () => {
    await start();
    for (const list of [[], ['web.mesh.test'], ['spiffe://mesh.test/web', 'spiffe://mesh.test/chat']]) {
      const client = join(pki.credentials(await pki.issue({ names: list })), 'a', 'web');
      expect((await ended(client)).code, list.join()).toBe(PERMISSION_DENIED);
    }
  });

  it('keeps the id of a live node from other identities, for configuration and load reports', async () => {
    await start();
    const node = join(pki.credentials(web), 'a', 'web');
    await names(node);
    expect(await ended(join(pki.credentials(chat), 'a', 'chat'))).toEqual({
      code: PERMISSION_DENIED,
      details: expect.stringContaining("node.id 'a' is in use by another identity"),
    });
    expect((await ended(reporting(pki.credentials(chat), 'a', 'chat', []))).code).toBe(PERMISSION_DENIED);
    expect(await names(join(pki.credentials(web), 'a', 'web'))).toEqual(['web']);
    node.close();
    for (const one of open.splice(0)) one.close();
    await until('the node is gone', () => server.nodes().length === 0);
    expect(await names(join(pki.credentials(chat), 'a', 'chat'))).toEqual(['chat']);
  });

  it('lets load reports speak of the services of its group alone', async () => {
    await start();
    reporting(pki.credentials(web), 'a', 'web', ['web', 'chat', 'chat/gpu']);
    await until('a report', () => reports.length > 0);
    expect(reports[0]?.clusters.map((one) => one.cluster)).toEqual(['web']);
  });

  it('shows client status of its own identity alone', async () => {
    await start();
    await names(join(pki.credentials(web), 'a', 'web'));
    await names(join(pki.credentials(chat), 'b', 'chat'));
    expect(await clientStatus(pki.credentials(web))).toEqual(['a']);
    expect(await clientStatus(pki.credentials(chat))).toEqual(['b']);
    expect(await clientStatus(pki.credentials(await pki.client('other')))).toEqual([]);
  });

  it('is asked again when the policy changes: who is out must go, and the others stay', async () => {
    await start();
    const out = join(pki.credentials(web), 'a', 'web');
    const stays = join(pki.credentials(chat), 'b', 'chat');
    await Promise.all([names(out), names(stays)]);
    groups = { 'spiffe://mesh.test/chat': ['chat'] };
    server.reviewIdentities();
    expect(await ended(out)).toMatchObject({ code: PERMISSION_DENIED });
    timeout = '2s';
    server.publish();
    expect(await names(stays)).toEqual(['chat']);
  });
});

describe('certificates that change under open streams', () => {
  it(`take over for new connections, ${ROTATIONS} times, and no stream is cut`, async () => {
    await start();
    const client = join(pki.credentials(web), 'a', 'web');
    await names(client);
    for (let round = 0; round < ROTATIONS; round += 1) {
      const next = await Pki.create(`round ${round}`);
      const { cert, key } = await next.issue();
      // The authority of the clients changes too: those of before are strangers now, and what they opened goes on.
      server.renewTls({ cert, key, ca: next.authority.cert });
      timeout = `${round + 2}s`;
      server.publish();
      expect(await names(client)).toEqual(['web']);
      const fresh = join(next.credentials(await next.client('web')), `fresh-${round}`, 'web');
      expect(await names(fresh)).toEqual(['web']);
      fresh.close();
      next.dispose();
    }
    expect(client.ended).toBeUndefined();
    expect((await ended(join(pki.credentials(web), 'b', 'web'))).code).toBe(UNAVAILABLE);
  }, 120_000);

  it('stay at TLS 1.3 after a change', async () => {
    await start();
    server.renewTls(await pki.material());
    const client = join(pki.credentials(web, { maxVersion: 'TLSv1.2' }), 'a', 'web');
    expect((await ended(client)).code).toBe(UNAVAILABLE);
    await until('it is told', () => failures.includes('Protocol'));
  });

  it('end the streams of a client that is revoked or whose certificate is over, in words', async () => {
    await start();
    const out = join(pki.credentials(web), 'a', 'web');
    const stays = join(pki.credentials(chat), 'b', 'chat');
    await Promise.all([names(out), names(stays)]);
    server.endClients(({ serialNumber }) => (serialNumber === web.serialNumber ? 'it is revoked' : undefined));
    expect(await ended(out)).toEqual({ code: UNAVAILABLE, details: 'it is revoked' });
    timeout = '2s';
    server.publish();
    expect(await names(stays)).toEqual(['chat']);
  });
});

/** A stream of load reports with one report about each of the clusters. */
function reporting(as: ChannelCredentials, id: string, group: string, clusters: readonly string[]): DeltaClient {
  const SERVICE = 'envoy.service.load_stats.v3.LoadReportingService';
  const Client = makeGenericClientConstructor(grpcService(SERVICE) as unknown as ServiceDefinition, SERVICE);
  const client = new Client(server.address, as, { 'grpc.ssl_target_name_override': 'localhost' });
  const call = (client as unknown as { StreamLoadStats(): ReturnType<never> }).StreamLoadStats() as unknown as {
    write(bytes: Buffer): void;
    cancel(): void;
    on(event: string, listener: (value: { code: number; details: string }) => void): void;
  };
  const state: { ended?: { code: number; details: string }; close(): void } = {
    close: () => {
      call.cancel();
      client.close();
    },
  };
  call.on('error', (error) => {
    state.ended = { code: error.code, details: error.details };
  });
  call.on('data', () => {});
  const send = (json: JsonObject): void =>
    call.write(Buffer.from(encodeMessage('envoy.service.load_stats.v3.LoadStatsRequest', json)));
  send({ node: { id, cluster: group, user_agent_name: 'envoy' } });
  if (clusters.length > 0)
    send({
      cluster_stats: clusters.map((name) => ({
        cluster_name: name,
        load_report_interval: '1s',
        upstream_locality_stats: [{ locality: {}, total_successful_requests: 1 }],
      })),
    });
  open.push(state);
  return state as unknown as DeltaClient;
}

async function clientStatus(as: ChannelCredentials): Promise<readonly string[]> {
  const SERVICE = 'envoy.service.status.v3.ClientStatusDiscoveryService';
  const Client = makeGenericClientConstructor(grpcService(SERVICE) as unknown as ServiceDefinition, SERVICE);
  const client = new Client(server.address, as, { 'grpc.ssl_target_name_override': 'localhost' });
  try {
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      const request = Buffer.from(encodeMessage('envoy.service.status.v3.ClientStatusRequest', {}));
      const answered = (error: Error | null, answer: Buffer): void =>
        error === null ? resolve(answer) : reject(error);
      (
        client as unknown as {
          FetchClientStatus(request: Buffer, answered: (error: Error | null, answer: Buffer) => void): void;
        }
      ).FetchClientStatus(request, answered);
    });
    const { config = [] } = decodeMessage('envoy.service.status.v3.ClientStatusResponse', bytes) as {
      config?: readonly { readonly node: { readonly id: string } }[];
    };
    return config.map((one) => one.node.id);
  } finally {
    client.close();
  }
}
