import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../src/core/access/index.ts';
import { loadAccessPolicy } from '../../../src/core/policy/index.ts';
import { AccessControl } from '../../../src/edge/access/index.ts';
import { adminService } from '../../../src/edge/admin/admin-service.ts';
import { Gate } from '../../../src/edge/admin/gate.ts';
import { type AccessSeam, createAdminServer, type PushSeam } from '../../../src/edge/admin/index.ts';
import { signalsService } from '../../../src/edge/admin/push-service.ts';
import { decodeStatus } from '../../../src/edge/admin/status-message.ts';
import type { Wire } from '../../../src/edge/admin/wire-values.ts';
import { buildServerView, type ServerView } from '../../../src/edge/observe/index.ts';
import { HttpPageFetcher } from '../../../src/edge/signals/index.ts';
import { TestIssuer } from '../access/issuer.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog } from '../observe/fake-log.ts';

const ending: (() => unknown)[] = [];
let issuer: TestIssuer;
let log: FakeLog;
let refused: string[];
let recognised: number;
let address: string;
let speaksFor: ((service: string) => boolean) | undefined;

beforeEach(async () => {
  issuer = await TestIssuer.start();
  ending.push(() => issuer.stop());
  log = new FakeLog();
  refused = [];
  recognised = 0;
});

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const ACCESS = (keys: string) => `apiVersion: loadline.dev/v1alpha1
kind: AccessPolicy
metadata: { name: main }
spec:
  issuers:
    - { name: corp, issuer: https://login.example, audiences: [loadline], algorithms: [ES256], keys: { url: "${keys}" } }
  bindings:
    - { role: Viewer, services: ["*"], identities: [spiffe://m/all] }
    - { role: Viewer, services: [chat], identities: [spiffe://m/chat] }
    - { role: Viewer, services: [embed], identities: [spiffe://m/embed] }
    - { role: Operator, services: [chat], tokens: [{ issuer: corp, claim: groups, value: gpu-on-call }] }
    - { role: Agent, services: [chat], identities: ["spiffe://m/agents/*"] }
`;

/** Two services; a group that serves both, one that serves chat, one that serves embed. */
const VIEW: ServerView = (() => {
  const view = buildServerView(viewInput(10));
  const [chat] = view.services;
  const node = (id: string, group: string) => ({
    id,
    group,
    envoyVersion: '1.40.0',
    peer: '10.0.0.9:1',
    connectedAtMs: 1,
    types: [
      {
        type: 'cds',
        status: 'NACKED' as const,
        resources: 1,
        message: 'embed is bad',
        origin: 'p.yaml:1:1',
        revision: 'r',
      },
    ],
  });
  const source = { source: 's', pool: 'gpu', lastSuccessMs: 1, consecutiveFailures: 0, lastError: undefined };
  return {
    ...view,
    policy: {
      ...view.policy,
      files: ['p.yaml'],
      problems: [{ code: 'POLICY_VALUE', path: 'x', message: 'embed is bad' }],
    },
    services: [chat!, { ...chat!, name: 'embed' }],
    nodes: [node('a', 'both'), node('b', 'chat'), node('c', 'embed')],
    sources: [
      { ...source, service: 'chat' },
      { ...source, service: 'embed' },
    ],
  };
})();
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  both: ['chat', 'embed'],
  chat: ['chat'],
  embed: ['embed'],
};

async function serve(): Promise<(path: string, request: Wire, who?: string, token?: string) => Promise<Wire>> {
  const read = loadAccessPolicy({ name: 'access.yaml', text: ACCESS(issuer.url) });
  if (!read.ok) throw new Error(read.issues[0]?.message);
  const fetcher = new HttpPageFetcher();
  ending.push(() => fetcher.close());
  const control = new AccessControl({ fetcher, clock: () => performance.now(), keys: () => {} });
  control.use(read.value);
  const access: AccessSeam = {
    recognise: (transport, authorization) => {
      recognised += 1;
      return control.recognise(transport, authorization);
    },
    may: (peer, action, resource) => control.may(peer, action, resource),
    services: () => ['chat', 'embed'],
    servicesOfGroup: (group) => GROUPS[group] ?? [],
    groupOfNode: (id) => VIEW.nodes.find((node) => node.id === id)?.group,
    refused: (reason) => refused.push(reason),
  };
  const push: PushSeam = {
    open: (_agent, mayFor) => {
      speaksFor = mayFor;
      return { ok: true, stream: { take: () => ({ leaseMs: undefined, refusals: [] }), end: () => {} } };
    },
  };
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => VIEW,
      explain: ({ service }) => ({
        ok: false,
        issues: [{ code: 'NotFound', path: '', message: `no service "${service}"` }],
      }),
      proxyConfig: ({ node }) => ({
        ok: false,
        issues: [{ code: 'NotFound', path: '', message: `no sidecar "${node}"` }],
      }),
    },
    snapshots: {
      snapshot: ({ node, group }) => ({
        ok: false,
        issues: [{ code: 'NotFound', path: '', message: `no ${node ?? group}` }],
      }),
    },
    operations: { probe: () => ({ ok: false, issues: [{ code: 'Refused', path: '', message: 'asked' }] }) },
    push,
    access,
    // What a certificate says in production.
    peerOf: (call): Peer => {
      const [id] = call.metadata.get('x-test-identity').map(String);
      return { kind: 'Certificate', spiffeId: id === '' ? undefined : id };
    },
    log,
  });
  ending.push(() => server.stop());
  address = server.address;
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure());
  ending.push(() => client.close());
  const services = { ...adminService('Observe'), ...adminService('Operations'), ...signalsService() };
  return (name, request, who = '', token) =>
    new Promise((resolve, reject) => {
      const method = services[name]!;
      const metadata = new Metadata();
      metadata.set('x-test-identity', who);
      if (token !== undefined) metadata.set('authorization', token);
      const encode = method.requestSerialize as (value: Wire) => Buffer;
      const decode = method.responseDeserialize as (bytes: Buffer) => Wire;
      const options = { deadline: Date.now() + 20_000 };
      if (!method.responseStream) {
        client.makeUnaryRequest(method.path, encode, decode, request, metadata, options, (error, answer) =>
          error === null ? resolve(answer!) : reject(error),
        );
        return;
      }
      if (!method.requestStream) {
        const call = client.makeServerStreamRequest(method.path, encode, decode, request, metadata, options);
        call.on('data', resolve);
        call.on('error', reject);
        return;
      }
      const call = client.makeBidiStreamRequest(method.path, encode, decode, metadata, options);
      call.on('data', (answer: Wire) => {
        call.end();
        resolve(answer);
      });
      call.on('error', reject);
      call.write(request);
    });
}

/** Calls that are no more than headers, and a body that is never ended. */
function rawCalls(): {
  readonly session: ClientHttp2Session;
  answered(path: string, headers: object, body?: Buffer): Promise<{ readonly code: number; readonly sent: number }>;
} {
  const session = connect(`http://${address}`);
  ending.push(() => session.destroy());
  const answered = async (path: string, headers: object, body?: Buffer) => {
    const stream = session.request(
      { ':method': 'POST', ':path': `/${path}`, 'content-type': 'application/grpc', te: 'trailers', ...headers },
      { endStream: false },
    );
    stream.setTimeout(20_000, () => stream.destroy(new Error('no answer')));
    stream.resume();
    let sent = 0;
    const step = 16 * 1024;
    const write = (at: number): void => {
      if (body === undefined || at >= body.length || stream.closed) return;
      stream.write(body.subarray(at, at + step), () => {
        sent = at + step;
        write(at + step);
      });
    };
    write(0);
    const [answer] = await once(stream, 'response');
    stream.close();
    return { code: Number(answer['grpc-status']), sent };
  };
  return { session, answered };
}

const said = async (answer: Promise<Wire>): Promise<string> => {
  try {
    await answer;
    return 'OK';
  } catch (error) {
    const { code, details } = error as ServiceError;
    return `${status[code]}: ${details}`;
  }
};

describe('the gate of the admin API', () => {
  it('shows each caller his services, and what belongs to them', async () => {
    const ask = await serve();
    const seen = async (who: string) => {
      const { services, nodes, sources, policy } = decodeStatus(await ask('Status', {}, who));
      return {
        services: services.map(({ name }) => name),
        nodes: nodes.map(({ id, types }) => `${id}: ${types[0]?.message}`),
        sources: sources.map(({ service }) => service),
        policy: [...policy.files, ...policy.problems.map(({ message }) => message)],
      };
    };
    expect(await seen('spiffe://m/all')).toEqual({
      services: ['chat', 'embed'],
      nodes: ['a: embed is bad', 'b: embed is bad', 'c: embed is bad'],
      sources: ['chat', 'embed'],
      policy: ['p.yaml', 'embed is bad'],
    });
    expect(await seen('spiffe://m/chat')).toEqual({
      services: ['chat'],
      nodes: ['a: its words are about model services that you may not view', 'b: embed is bad'],
      sources: ['chat'],
      policy: [],
    });
  });

  it('says who was recognised, and which role is missing for what', async () => {
    const ask = await serve();
    expect(await said(ask('Explain', { service: 'embed' }, 'spiffe://m/chat'))).toBe(
      'PERMISSION_DENIED: spiffe://m/chat may not call Observe/Explain: it lacks the role Viewer (or Operator, Editor, Admin) for model service "embed"',
    );
    expect(await said(ask('Probe', { service: 'chat' }, 'spiffe://m/chat'))).toBe(
      'PERMISSION_DENIED: spiffe://m/chat may not call Operations/Probe: it lacks the role Operator (or Editor, Admin) for any model service',
    );
    expect(await said(ask('Status', {}))).toBe(
      'PERMISSION_DENIED: a certificate without SPIFFE ID may not call Observe/Status: it lacks the role Viewer (or Operator, Editor, Admin) for any model service',
    );
    expect(await said(ask('Push', { agent: 'a' }, 'spiffe://m/all'))).toBe(
      'PERMISSION_DENIED: spiffe://m/all may not call Signals/Push: it lacks the role Agent (or Admin) for any model service',
    );
    expect(refused).toEqual(['Denied', 'Denied', 'Denied', 'Denied']);
    expect(log.lines.map(([, fields]) => fields.method)).toEqual([
      'loadline.admin.v1.Observe/Explain',
      'loadline.admin.v1.Operations/Probe',
      'loadline.admin.v1.Observe/Status',
      'loadline.signals.v1.Signals/Push',
    ]);
  });

  it('tells nobody whether there is what he may not see', async () => {
    const ask = await serve();
    const words = async (name: string, request: Wire) =>
      (await said(ask(name, request, 'spiffe://m/chat'))).replace(/"\w+"$/, '""');
    expect(await words('Explain', { service: 'embed' })).toBe(await words('Explain', { service: 'nowhere' }));
    expect(await words('ProxyConfig', { node: 'a' })).toBe(await words('ProxyConfig', { node: 'nowhere' }));
    expect(await said(ask('ProxyConfig', { node: 'b' }, 'spiffe://m/chat'))).toBe('NOT_FOUND: no sidecar "b"');
    expect(await said(ask('ProxyConfig', { node: 'nowhere' }, 'spiffe://m/all'))).toBe(
      'NOT_FOUND: no sidecar "nowhere"',
    );
    expect(await said(ask('Explain', { service: 'chat' }, 'spiffe://m/chat'))).toBe('NOT_FOUND: no service "chat"');
  });

  it('shows the content for a sidecar, or for a group, to who may view all of its services', async () => {
    const ask = await serve();
    const words = (request: Wire, who = 'spiffe://m/chat') => said(ask('Snapshot', request, who));
    expect(await words({ node: 'b' })).toBe('NOT_FOUND: no b');
    expect(await words({ group: 'chat' })).toBe('NOT_FOUND: no chat');
    expect(await words({ group: 'both' })).toBe(
      'PERMISSION_DENIED: spiffe://m/chat may not call Observe/Snapshot: it lacks the role Viewer (or Operator, Editor, Admin) for every model service of group "both"',
    );
    // A sidecar is judged by its own group, whatever group stands beside it.
    expect(await words({ node: 'a', group: 'chat' })).toMatch(/^PERMISSION_DENIED: .* group of sidecar "a"$/);
    for (const request of [{ group: 'nowhere' }, { node: 'nowhere' }, {}])
      expect(await words(request)).toMatch(/^PERMISSION_DENIED/);
    expect(await words({ group: 'nowhere' }, 'spiffe://m/all')).toBe('NOT_FOUND: no nowhere');
  });

  it('lets an agent speak for its services alone', async () => {
    const ask = await serve();
    expect(await said(ask('Push', { agent: 'a' }, 'spiffe://m/agents/node-1'))).toBe('OK');
    expect(['chat', 'embed', ''].map((service) => speaksFor?.(service))).toEqual([true, false, false]);
  });

  it('takes a token before the certificate, for unary calls and streams', async () => {
    const ask = await serve();
    const token = `Bearer ${await issuer.token()}`;
    expect(await said(ask('Probe', { service: 'chat' }, '', token))).toBe('FAILED_PRECONDITION: asked');
    expect(await said(ask('Explain', { service: 'chat' }, '', token))).toBe('NOT_FOUND: no service "chat"');
    expect(await said(ask('Explain', { service: 'embed' }, 'spiffe://m/all', token))).toBe(
      'PERMISSION_DENIED: alice@example.com (token of corp) may not call Observe/Explain: it lacks the role Viewer (or Operator, Editor, Admin) for model service "embed"',
    );
  });

  it('lets a bad token in nowhere, not even where the certificate would', async () => {
    const ask = await serve();
    const expired = `Bearer ${await issuer.token({ exp: 1 })}`;
    expect(await said(ask('Status', {}, 'spiffe://m/all', expired))).toBe(
      'UNAUTHENTICATED: the token that spiffe://m/all sends is refused: it has expired',
    );
    expect(await said(ask('Status', {}, 'spiffe://m/all', 'Basic c2VjcmV0'))).toBe(
      'UNAUTHENTICATED: spiffe://m/all sends an authorization that is no single bearer token',
    );
    expect(await said(ask('Push', { agent: 'a' }, 'spiffe://m/agents/a', expired))).toMatch(/^UNAUTHENTICATED/);
    expect(refused).toEqual(['Unauthenticated', 'Unauthenticated', 'Unauthenticated']);
    expect(JSON.stringify(log.lines)).not.toContain(expired.slice(7, 40));
  });

  it('goes on for certificates while the keys of an issuer cannot be had', async () => {
    issuer.server.answer = (request) => request.socket.destroy();
    const ask = await serve();
    const token = `Bearer ${await issuer.token()}`;
    expect(await said(ask('Status', {}, 'spiffe://m/all', token))).toMatch(
      /^UNAUTHENTICATED: .* the keys of issuer corp cannot be had/,
    );
    expect(await said(ask('Status', {}, 'spiffe://m/all'))).toBe('OK');
  });

  it('refuses who may nothing before a byte of his request was read, and judges each caller once', async () => {
    await serve();
    const { answered, session } = rawCalls();
    const strangers = [
      ['loadline.admin.v1.Operations/Probe', 'spiffe://m/chat', status.PERMISSION_DENIED],
      ['loadline.admin.v1.Observe/Explain', 'spiffe://m/nobody', status.PERMISSION_DENIED],
      ['loadline.signals.v1.Signals/Push', 'spiffe://m/all', status.PERMISSION_DENIED],
    ] as const;
    for (const [path, who, code] of strangers) {
      // Nothing comes after the headers, and the stream is not ended: who waits for a message waits for ever.
      expect(await answered(path, { 'x-test-identity': who }), path).toMatchObject({ code });
    }
    const expired = `Bearer ${await issuer.token({ exp: 1 })}`;
    const bad = { 'x-test-identity': 'spiffe://m/all', authorization: expired };
    expect(await answered('loadline.admin.v1.Observe/Status', bad)).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(refused).toEqual(['Denied', 'Denied', 'Denied', 'Unauthenticated']);
    expect(recognised).toBe(4);
    session.close();
  });

  it('takes no more of a body than fits on its way, where its sender may nothing', async () => {
    await serve();
    const { answered, session } = rawCalls();
    // The start of a message of 5 MiB each, and as much of it as the server takes.
    const body = Buffer.alloc(5 * 1024 * 1024);
    body.writeUInt32BE(body.length - 5, 1);
    const calls = Array.from({ length: 20 }, () =>
      answered('loadline.admin.v1.Observe/Explain', { 'x-test-identity': 'spiffe://m/nobody' }, body),
    );
    for (const { code, sent } of await Promise.all(calls)) {
      expect(code).toBe(status.PERMISSION_DENIED);
      // Windows of HTTP/2, not the body.
      expect(sent).toBeLessThan(1024 * 1024);
    }
    session.close();
  });

  it('does not fill the log: what is refused again and again is counted', async () => {
    const ask = await serve();
    for (let turn = 0; turn < 100; turn += 1) await said(ask('Explain', { service: 'embed' }, 'spiffe://m/chat'));
    expect(refused).toHaveLength(100);
    expect(log.lines.length).toBeLessThan(90);
  });

  it('serves no method that the table of methods does not have', () => {
    const gate = new Gate({ access: undefined, peerOf: () => ({ kind: 'Development' }), log });
    const { Status } = adminService('Observe');
    const service = { Novel: { ...Status!, path: '/loadline.admin.v1.Observe/Novel', originalName: 'novel' } };
    expect(() => gate.guard(service, { novel: () => {} })).toThrow(
      expect.objectContaining({ code: 'LOADLINE_ACCESS' }),
    );
  });
});
