import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminServer, createAdminServer } from '../../../src/edge/admin/index.ts';
import { buildServerView, type ServerView } from '../../../src/edge/observe/index.ts';
import { group, service, startWorld } from '../../edge/admin/policies/desk-world.ts';
import { viewInput } from '../../edge/observe/a-view.ts';
import { FakeLog } from '../../edge/observe/fake-log.ts';
import { run } from '../run.ts';

const ending: (() => unknown)[] = [];
let server: AdminServer;

const FREEZE: ServerView['operations'][number] = {
  id: 'freeze-1',
  kind: 'Freeze',
  service: 'chat',
  target: 'chat',
  effect: 'its weights stay',
  toPool: null,
  percent: null,
  reason: 'a test',
  author: 'ann',
  startedAtMs: 1,
  endsAtMs: 2,
  forced: false,
  state: 'Running',
  phase: 'Everywhere',
  note: null,
  finishedAtMs: null,
  cancelledBy: null,
  cancelReason: null,
};

const node = (id: string): ServerView['nodes'][number] => ({
  id,
  group: 'lab',
  envoyVersion: '1.40.0',
  peer: '10.0.0.9:1',
  connectedAtMs: 1,
  types: [],
});

beforeAll(async () => {
  const view = buildServerView(viewInput(5, { nodes: [node('gw-b'), node('gw-a'), node('gw-a'), node('$(reboot)')] }));
  const nothing = () => ({ ok: false as const, issues: [] });
  server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: { status: () => ({ ...view, operations: [FREEZE] }), explain: nothing, proxyConfig: nothing },
    log: new FakeLog(),
  });
  ending.push(() => server.stop());
});

afterAll(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** What a shell is told, line by line. */
async function told(...words: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await run('__complete', '--', ...words);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out.trimEnd().split('\n');
}

const asked = (...words: readonly string[]) => told(words[0] ?? '', '--admin', server.address, ...words.slice(1));

describe('names that a server knows', () => {
  it.each([
    [
      ['freeze', ''],
      ['chat', ':none'],
    ],
    [['freeze', 'x'], [':none']],
    [
      ['top', 'ch'],
      ['chat', ':none'],
    ],
    [
      ['proxy-config', ''],
      ['gw-a', 'gw-b', ':none'],
    ],
    [
      ['proxy-config', 'gw-b'],
      ['gw-b', ':none'],
    ],
    [
      ['proxy-config', '--group', ''],
      ['lab', ':none'],
    ],
    [
      ['failover', 'chat', '--from', ''],
      ['gpu', ':none'],
    ],
    [['failover', 'nowhere', '--from', ''], [':none']],
    // Part by part, as a path.
    [
      ['explain', ''],
      ['chat', ':none nospace'],
    ],
    [
      ['explain', 'chat/'],
      ['chat/gpu', ':none nospace'],
    ],
    [
      ['explain', 'chat/gpu/10.0.0.1'],
      ['chat/gpu/10.0.0.1:8000', ':none'],
    ],
    [
      ['probe', 'c'],
      ['chat/', ':none nospace'],
    ],
    [
      ['probe', 'chat/g'],
      ['chat/gpu/', ':none nospace'],
    ],
  ])('%j: %j', async (words, lines) => {
    expect(await asked(...words)).toEqual(lines);
  });

  it('of what is done by hand, and of documents', async () => {
    expect(await told('operations', 'cancel', '--admin', server.address, '')).toEqual(['freeze-1', ':none']);
    const world = await startWorld(ending);
    await world.client.apply([{ name: 'a', text: `${service('chat')}---\n${group('lab', ['chat'])}` }]);
    expect(await told('get', '--admin', world.server.address, '')).toEqual([
      'modelservice/chat',
      'sidecargroup/lab',
      ':none',
    ]);
    expect(await told('delete', '--admin', world.server.address, 'modelservice/chat', 's')).toEqual([
      'sidecargroup/lab',
      ':none',
    ]);
  });

  it('and those that it does not take: kinds of events, profiles of a file', async () => {
    expect(await told('events', '--kind', 'Na')).toEqual(['Nack', ':none']);
    const folder = mkdtempSync(join(tmpdir(), 'loadline-complete-'));
    ending.push(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'config.yaml');
    writeFileSync(path, `profiles:\n  lab: { admin: "${server.address}" }\n  production: { admin: "10.0.0.1:1" }\n`);
    process.env.LOADLINE_CONFIG = path;
    try {
      expect(await told('status', '--profile', '')).toEqual(['lab', 'production', ':none']);
      expect(await told('status', '--profile=p')).toEqual(['--profile=production', ':none']);
      // The profile of the line says whom to ask.
      expect(await told('freeze', '--profile', 'lab', '')).toEqual(['chat', ':none']);
      writeFileSync(path, 'profiles: [');
      expect(await told('freeze', '')).toEqual([':none']);
    } finally {
      delete process.env.LOADLINE_CONFIG;
    }
  });

  it('are none, without a word, where there is no server, no certificate, or a mistake in the line', async () => {
    expect(await told('freeze', '--admin', '127.0.0.1:1', '')).toEqual([':none']);
    expect(await told('freeze', '--admin', 'nonsense', '')).toEqual([':none']);
    expect(await asked('freeze', '--tls-ca', '/nowhere', '')).toEqual([':none']);
    expect(await asked('freeze', '--no-such-flag', '')).toEqual(['chat', ':none']);
    expect(await asked('freeze', '--output', 'xml', '')).toEqual([':none']);
    expect(await told()).toContain('explain\twhy each weight is what it is');
  });

  it('are none where a server does not answer', async () => {
    const sockets: Socket[] = [];
    const silent: Server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    ending.push(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as AddressInfo;
    expect(await told('freeze', '--admin', `127.0.0.1:${port}`, '')).toEqual([':none']);
  });
});
