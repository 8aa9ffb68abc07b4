import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { explainText } from '../../src/cli/commands/explain.ts';
import { statusText } from '../../src/cli/commands/status.ts';
import { type AdminServer, createAdminServer } from '../../src/edge/admin/index.ts';
import {
  buildExplainView,
  buildProxyConfigView,
  buildServerView,
  type ServerView,
} from '../../src/edge/observe/index.ts';
import { viewInput } from '../edge/observe/a-view.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { freePort } from '../support/free-port.ts';
import { run } from './run.ts';

const INPUT = viewInput(40, {
  nodes: [
    {
      id: 'sidecar-a',
      group: 'lab',
      envoyVersion: '1.40.0',
      peer: '127.0.0.1:5000',
      connectedAtMs: 1_800_000_000_000,
      types: [
        { type: 'cds', status: 'SYNCED', resources: 1 },
        {
          type: 'eds',
          status: 'NACKED',
          resources: 2,
          message: 'weight is wrong',
          origin: 'lab.yaml:12:3',
          revision: 'r7',
        },
        {
          type: 'rds',
          status: 'STALE',
          resources: 1,
          message: 'models waits: the client has not taken cluster chat yet',
        },
      ],
    },
  ],
  sources: [
    {
      source: 'engine http://10.0.0.1:8000/metrics',
      service: 'chat',
      pool: 'gpu',
      lastSuccessMs: undefined,
      consecutiveFailures: 3,
      lastError: 'connection refused',
    },
  ],
});
const VIEW: ServerView = buildServerView(INPUT);
const NOBODY = { nowMs: 0, policyRevision: 'r7', node: undefined, connected: () => [] };
let server: AdminServer;

beforeAll(async () => {
  server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => VIEW,
      explain: (target) => buildExplainView(INPUT, target),
      proxyConfig: (target) => buildProxyConfigView(NOBODY, target),
    },
    log: new FakeLog(),
  });
});

afterAll(async () => {
  await server.stop();
});

describe('status', () => {
  it('shows sidecars by type, what is refused and where it comes from, weights and failing sources', async () => {
    const { code, out, err } = await run('status', '--admin', server.address);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^loadline 1\.2\.3, up 40 s, tick 41, policy revision [0-9a-f]{16} \(lab\.yaml\)\n/);
    expect(out).toMatch(/sidecar-a +lab +1\.40\.0 +40 s +SYNCED +NACKED +- +STALE +- +-/);
    expect(out).toContain('sidecar-a refuses eds (lab.yaml:12:3, revision r7): weight is wrong\n');
    expect(out).toContain('sidecar-a rds: models waits: the client has not taken cluster chat yet\n');
    expect(out).toMatch(/gpu\/10\.0\.0\.3:8000 +\d+ /);
    expect(out).toContain(
      '1 of 1 sources fail:\n  engine http://10.0.0.1:8000/metrics: connection refused (last success never)',
    );
  });

  it('gives programs the same as JSON and as YAML', async () => {
    const expected: unknown = JSON.parse(JSON.stringify(VIEW));
    const json = await run('status', '--admin', server.address, '--output', 'json');
    expect(JSON.parse(json.out)).toEqual(expected);
    const yaml = await run('status', '--admin', server.address, '--output', 'yaml');
    expect(parse(yaml.out)).toEqual(expected);
  });

  it('shortens what Envoy says, and leaves out what is not known', () => {
    const [node] = VIEW.nodes as [ServerView['nodes'][number]];
    const message = `what: ${'dump '.repeat(800)}: why`;
    const types = [{ type: 'cds', status: 'NACKED' as const, resources: 1, message }];
    const text = statusText({ ...VIEW, nodes: [{ ...node, types }] }, false);
    expect(text).toMatch(/^sidecar-a refuses cds: what: dump .{1,60} … .{1,240}: why$/m);
  });

  it('says that nobody is connected, and what is wrong with the newest policy', () => {
    const problems = [
      { code: 'X', path: 'spec.pools', message: 'is missing', position: { file: 'lab.yaml', line: 3, column: 1 } },
      { code: 'X', path: '', message: 'cannot be read' },
    ];
    const text = statusText({ ...VIEW, nodes: [], sources: [], policy: { ...VIEW.policy, problems } }, false);
    expect(text).toContain('No sidecar is connected.');
    expect(text).toContain('the newest policy is refused: lab.yaml:3:1 spec.pools: is missing\n');
    expect(text).toContain('the newest policy is refused: cannot be read\n');
    expect(text).not.toContain('sources fail');
  });

  it('shows a server without endpoints and decisions', () => {
    const text = statusText(
      { ...VIEW, services: [{ name: 'chat', outcome: 'Undecided', decidedAtMs: null, pools: [] }] },
      false,
    );
    expect(text).toContain('service chat: Undecided, weights stand for -');
  });
});

describe('explain', () => {
  it('gives each endpoint a row and a sentence', async () => {
    const { code, out, err } = await run('explain', 'chat', '--admin', server.address);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^service chat: \w+; weights are unequal and stand for /);
    expect(out).toContain('load reports fresh from 2 sidecars');
    for (const port of [1, 2, 3]) {
      expect(out).toMatch(new RegExp(`^gpu/10\\.0\\.0\\.${port}:8000 +\\d+`, 'm'));
      expect(out).toMatch(new RegExp(`^10\\.0\\.0\\.${port}:8000 \\w`, 'm'));
    }
  });

  it('narrows by SERVICE/POOL/ENDPOINT', async () => {
    const { out } = await run('explain', 'chat/gpu/10.0.0.2:8000', '--admin', server.address, '--output', 'json');
    expect((JSON.parse(out) as { endpoints: { id: string }[] }).endpoints.map(({ id }) => id)).toEqual([
      'chat/gpu/10.0.0.2:8000',
    ]);
  });

  it.each([
    ['caht', 'error: no service "caht"; known: chat\n'],
    ['chat/cpu', 'error: no pool "cpu"; known: gpu\n'],
    ['chat//10.0.0.2:8000', 'error: an endpoint needs the name of its pool\n'],
    ['', 'error: no service ""; known: chat\n'],
  ])('of %j fails in words', async (target, words) => {
    expect(await run('explain', target, '--admin', server.address)).toEqual({ code: 1, out: '', err: words });
  });

  it('shows what is not known as such', () => {
    const view = buildExplainView({ ...INPUT, loads: {} }, { service: 'chat' });
    if (!view.ok) expect.fail('not found');
    const text = explainText({
      ...view.value,
      endpoints: view.value.endpoints.map((one) => ({ ...one, terms: null })),
    });
    expect(text).toContain('a request takes - s; - in flight per endpoint and sidecar');
    expect(text).not.toMatch(/NaN|undefined|null/);
  });
});

describe('proxy-config', () => {
  it('says that no sidecar is connected', async () => {
    expect(await run('proxy-config', 'a', '--admin', server.address)).toEqual({
      code: 1,
      out: '',
      err: 'error: no sidecar "a" is connected; none is\n',
    });
  });
});

describe('without a server', () => {
  it.each([
    ['status'],
    ['explain', 'chat'],
    ['proxy-config', 'a'],
  ])('%s says that nothing listens, and where', async (...argv) => {
    const address = `127.0.0.1:${await freePort()}`;
    expect(await run(...argv, '--admin', address)).toEqual({
      code: 1,
      out: '',
      err: `error: nothing listens on ${address}: is \`loadline serve\` running? use --admin to name another address\n`,
    });
  });

  it('an address that is none is a mistake of usage', async () => {
    const { code, out, err } = await run('status', '--admin', '18001');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(
      'error: admin address "18001": expected HOST:PORT, [IPV6]:PORT or unix:PATH (write 127.0.0.1:18001)\n',
    );
  });
});
