import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Addresses, LoadlineServer } from '../../src/app/index.ts';
import { proxyConfigText } from '../../src/cli/commands/proxy-config.ts';
import { envoyWords } from '../../src/cli/envoy-words.ts';
import { buildProgram } from '../../src/cli/main.ts';
import { TYPE_SHORT, TYPE_URL } from '../../src/core/resources/index.ts';
import { type ConfigResourceView, type ProxyConfigView, XDS_TYPES } from '../../src/edge/observe/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { DeltaClient } from '../support/delta-client.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { until } from '../support/serve.ts';
import { run } from './run.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = TYPE_URL;
/** As Envoy 1.40 words it, with a dump of the resource in the middle. */
const ENVOY_WORDS = `Proto constraint validation failed (ClusterLoadAssignmentValidationError): cluster_name: "chat" endpoints { ${'lb_endpoints { endpoint { address { socket_address { address: "127.0.0.1" port_value: 1 } } } } '.repeat(8)}}: value must be greater than or equal to 1`;

const folder = mkdtempSync(join(tmpdir(), 'loadline-proxy-config-'));
const log = new FakeLog();
const clients: DeltaClient[] = [];
let server: LoadlineServer;
let addresses: Addresses;

/** A server with the lab policy, and four sidecars: one is content, one refuses, one does not answer, one has two streams. */
beforeAll(async () => {
  const policies = join(folder, 'lab.yaml');
  writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }]));
  const any = '127.0.0.1:0';
  server = new LoadlineServer({
    policies,
    data: join(folder, 'data'),
    xds: any,
    admin: any,
    http: any,
    log,
  });
  addresses = await server.start();
  const content = sidecar('content');
  for (const [type, names] of [
    [CDS, ['*']],
    [EDS, ['chat']],
    [LDS, ['*']],
    [RDS, ['models']],
  ] as const) {
    content.send(type, { resource_names_subscribe: [...names] });
    content.ack(await content.next(type));
  }
  const refusing = sidecar('refusing');
  refusing.send(EDS, { resource_names_subscribe: ['chat'] });
  refusing.nack(await refusing.next(EDS), ENVOY_WORDS);
  const silent = sidecar('silent');
  silent.send(CDS, { resource_names_subscribe: ['*'] });
  await silent.next(CDS);
  silent.send(RDS, { resource_names_subscribe: ['models'] });
  for (const asked of [CDS, LDS]) {
    const twice = sidecar('twice');
    twice.send(asked, { resource_names_subscribe: ['*'] });
    twice.ack(await twice.next(asked));
  }
  await until('everybody was heard', () => {
    const types = server
      .view()
      .nodes.flatMap(({ id, types: of }) => of.map(({ type, status }) => `${id} ${type} ${status}`));
    return (
      types.filter((type) => /^(content|twice) \w+ SYNCED|refusing eds NACKED|silent rds STALE/.test(type)).length === 8
    );
  });
});

afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function sidecar(id: string): DeltaClient {
  const client = new DeltaClient(addresses.xds, { id, cluster: 'lab' });
  clients.push(client);
  return client;
}

async function printed(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await run('proxy-config', ...argv, '--admin', addresses.admin);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

const rows = (out: string): readonly string[] => out.split('\n').filter((line) => /^[=!] /.test(line));

describe('proxy-config --content', () => {
  it('of a sidecar: the resources that it asks for, in the order of sending, each with its place in the policy', async () => {
    const view = JSON.parse(await printed('content', '--content', '-o', 'json'));
    expect(view).toMatchObject({
      node: 'content',
      group: 'lab',
      envoyVersion: '1.40.0',
      track: 'Stable',
      policyRevision: server.view().revision,
    });
    expect(view.resources.map(({ type, name }: Record<string, string>) => `${type} ${name}`)).toEqual([
      'cds chat',
      'eds chat',
      'lds models',
      'rds models',
    ]);
    const [cds, eds] = view.resources;
    expect(cds).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
      origin: expect.stringMatching(/lab\.yaml:9:1$/),
      revision: server.view().revision,
      content: { name: 'chat', type: 'EDS', eds_cluster_config: { service_name: 'chat' } },
    });
    const ports = eds.content.endpoints.flatMap((locality: Record<string, readonly unknown[]>) =>
      locality.lb_endpoints?.map((one) => JSON.stringify(one).match(/"port_value":(\d+)/)?.[1]),
    );
    expect(ports).toEqual(['1', '2']);
    // The versions are those of the table.
    const table = JSON.parse(await printed('content', '-o', 'json'));
    expect(view.resources.map(({ version }: Record<string, string>) => version)).toEqual(
      table.types.flatMap(({ resources }: ProxyConfigView['types'][number]) =>
        resources.map(({ wantedVersion }) => wantedVersion),
      ),
    );
  });

  it('of one type or one name, in YAML where nobody says otherwise', async () => {
    const all = parse(await printed('content', '--content'));
    const one = parse(await printed('content', '--content', '--type', 'rds', '--name', 'models'));
    expect(one.resources).toEqual([all.resources[3]]);
    expect(one.resources[0].content.virtual_hosts[0].routes).not.toEqual([]);
  });

  it('of a group: all that a sidecar gets that joins, with the fields that its Envoy knows', async () => {
    const { resources, ...head } = parse(await printed('--group', 'lab'));
    expect(head).toMatchObject({ node: '', group: 'lab', envoyVersion: '1.40' });
    const types = [...new Set(resources.map(({ type }: Record<string, string>) => type))];
    expect(types).toEqual(['cds', 'eds', 'rtds', 'ecds', 'lds', 'rds']);
    const older = parse(await printed('--group', 'lab', '--envoy-version', '1.36.2'));
    expect(older.envoyVersion).toBe('1.36');
    expect(JSON.parse(await printed('--group', 'lab', '--type', 'cds', '-o', 'json')).resources).toEqual([
      resources[0],
    ]);
  });

  it.each([
    [['nobody', '--content'], 1, /^error: no sidecar "nobody" is connected; there are: content, /],
    [['--group', 'lba'], 1, /^error: no group "lba"; there are: lab\n$/],
    [['content', '--content', '--name', 'caht'], 1, /^error: no resource "caht"; there are: chat, models\n$/],
    [['content', '--name', 'caht'], 1, /^error: no resource "caht"; there are: chat, models\n$/],
    [
      ['--group', 'lab', '--envoy-version', 'new'],
      1,
      /^error: expected a release of Envoy such as 1\.38, not "new"\n$/,
    ],
    [[], 2, /^error: expected the id of a sidecar, or --group NAME\n/],
    [['content', '--group', 'lab'], 2, /^error: expected the id of a sidecar or --group NAME, not both\n/],
    [['content', '--envoy-version', '1.38'], 2, /^error: --envoy-version goes with --group/],
    [['content', '--content', '-o', 'table'], 2, /^error: the content has no table; leave --output out/],
  ])('%j is refused in words', async (argv, code, words) => {
    const ran = await run('proxy-config', ...argv, '--admin', addresses.admin);
    expect(ran).toMatchObject({ code, out: '' });
    expect(ran.err).toMatch(words);
  });
});

describe('proxy-config', () => {
  it('of a sidecar that has everything: each resource with version, place in the policy and revision', async () => {
    const out = await printed('content');
    const { revision } = server.view();
    expect(out).toMatch(
      /^sidecar content: group lab, Envoy 1\.40\.0, connected \d+\.\d s; policy revision [0-9a-f]{16} is in force\n/,
    );
    expect(out).toMatch(/^TYPE +RESOURCES +NOT SYNCED +LAST SENT +LAST ACK$/m);
    expect(out).toMatch(/^cds +1 +0 +\d\.\d s ago +\d\.\d s ago$/m);
    const version = '[0-9a-f]{16}';
    expect(rows(out)).toEqual([
      expect.stringMatching(new RegExp(`^= +cds +chat +SYNCED +${version} +=  +=  +\\S+lab\\.yaml:9:1 +${revision}$`)),
      expect.stringMatching(/^= +eds +chat +SYNCED /),
      expect.stringMatching(/^= +lds +models +SYNCED .*lab\.yaml:6:7 /),
      expect.stringMatching(/^= +rds +models +SYNCED /),
    ]);
    expect(out.endsWith(`${rows(out).at(-1)}\n`), 'and says nothing more').toBe(true);
  });

  it('of one that refuses: what, where it comes from, and the end of what Envoy says', async () => {
    const out = await printed('refusing');
    const { revision } = server.view();
    expect(rows(out)).toEqual([
      expect.stringMatching(/^! +eds +chat +NACKED +[0-9a-f]{16} +- +- +\S+lab\.yaml:9:1 +[0-9a-f]{16}$/),
    ]);
    const why = out.trimEnd().split('\n').at(-1) ?? '';
    expect(why).toMatch(
      new RegExp(
        `^eds chat was refused \\d\\.\\d s ago \\(\\S+lab\\.yaml:9:1, revision ${revision}\\), it has none: ` +
          'Proto constraint validation failed .* … .*: value must be greater than or equal to 1$',
      ),
    );
    expect(why.length).toBeLessThan(500);
  });

  it('of one that does not answer: what waits, since when, and for what', async () => {
    const out = await printed('silent');
    expect(rows(out)).toEqual([
      expect.stringMatching(/^! +cds +chat +STALE +[0-9a-f]{16} += {2,}- /),
      expect.stringMatching(/^! +rds +models +NOT_SENT +[0-9a-f]{16} +- {2,}- /),
    ]);
    expect(out).toMatch(/^rds models has been waiting for \d\.\d s: the client has not taken cluster chat yet$/m);
  });

  it('of one with several streams: one sidecar', async () => {
    const out = await printed('twice');
    expect(rows(out).map((row) => row.split(/ +/).slice(0, 3))).toEqual([
      ['=', 'cds', 'chat'],
      ['=', 'lds', 'models'],
    ]);
  });

  it('of one type alone, and of one that the sidecar did not ask for', async () => {
    expect(rows(await printed('content', '--type', 'eds'))).toEqual([expect.stringMatching(/^= +eds +chat/)]);
    expect(await printed('content', '--type', 'sds')).toMatch(/\n\nIt has asked for no sds\.\n$/);
  });

  it('gives programs the same as JSON and as YAML, with the whole text of Envoy', async () => {
    const view = JSON.parse(await printed('refusing', '--output', 'json')) as ProxyConfigView;
    expect(view).toMatchObject({ id: 'refusing', group: 'lab', policyRevision: server.view().revision });
    expect(view.types).toMatchObject([{ type: 'eds', resources: [{ name: 'chat', status: 'NACKED' }] }]);
    expect(view.types[0]?.resources[0]?.refusal?.message).toBe(ENVOY_WORDS);
    const yaml = parse(await printed('refusing', '--output', 'yaml')) as ProxyConfigView;
    expect(yaml).toEqual({ ...view, nowMs: expect.any(Number) });
  });

  it('of one that is not connected names some that are, and fails', async () => {
    expect(await run('proxy-config', 'contend', '--admin', addresses.admin)).toEqual({
      code: 1,
      out: '',
      err: 'error: no sidecar "contend" is connected; there are: content, refusing, silent, twice\n',
    });
  });

  it('offers the types that there are', () => {
    const command = buildProgram({ out: () => {}, err: () => {}, colour: false }, () => {}).commands.find(
      (one) => one.name() === 'proxy-config',
    );
    expect(command?.options.find(({ long }) => long === '--type')?.argChoices).toEqual(XDS_TYPES);
    expect([...XDS_TYPES].sort()).toEqual(Object.values(TYPE_SHORT).sort());
  });
});

describe('beside it', () => {
  it('status says what is refused, of which revision, and what waits for what', async () => {
    const { out } = await run('status', '--admin', addresses.admin);
    const { revision } = server.view();
    expect(out).toMatch(
      new RegExp(
        `^refusing refuses eds \\(\\S+lab\\.yaml:9:1, revision ${revision}\\): Proto .* … .* equal to 1$`,
        'm',
      ),
    );
    expect(out).toMatch(/^silent rds: models waits: the client has not taken cluster chat yet$/m);
  });

  it('so do the log and the timeline', async () => {
    const { revision } = server.view();
    const place = { origin: expect.stringMatching(/lab\.yaml:9:1$/), revision };
    const logged = log.lines.find(([, , message]) => message === 'resource refused by envoy');
    expect(logged?.[1]).toMatchObject({ node: 'refusing', type: 'eds', resource: 'chat', ...place });
    const answer = await (await fetch(`http://${addresses.http}/api/events`)).json();
    const { events } = answer as { readonly events: readonly { readonly kind: string }[] };
    expect(events.find(({ kind }) => kind === 'Nack')).toMatchObject({
      subject: 'refusing',
      fields: { type: 'eds', refused: 'chat', ...place },
    });
  });

  it('the state of the server has words for each type, and no bytes of resources', async () => {
    const state = await (await fetch(`http://${addresses.http}/api/state`)).text();
    expect(JSON.parse(state).nodes).toHaveLength(4);
    expect(state).not.toMatch(/"(bytes|delta|states)"/);
  });
});

describe('the text of proxy-config', () => {
  const base = { id: 'a', group: '', envoyVersion: '', connectedAtMs: 0, nowMs: 10_000, policyRevision: 'r2' };
  const text = (...resources: readonly ConfigResourceView[]): string =>
    proxyConfigText({ ...base, types: [{ type: 'cds', peer: 'p', resources }] }, { colour: false });

  it('shows what is to go, what stays though nobody wants it, and what never was', () => {
    const waiting = { reason: 'models still points to it', sinceMs: 8000, gaveUp: false };
    const out = text(
      { name: 'going', status: 'STALE', ackedVersion: 'v1' },
      { name: 'kept', status: 'SYNCED', sentVersion: 'v1', ackedVersion: 'v1' },
      { name: 'never', status: 'SYNCED' },
      { name: 'old', status: 'STALE', sentVersion: 'v1', ackedVersion: 'v1', waiting },
    );
    expect(rows(out).map((row) => row.split(/ +/).slice(2, 7).join(' '))).toEqual([
      'going STALE none - v1',
      'kept SYNCED none v1 v1',
      'never SYNCED none - -',
      'old STALE none v1 v1',
    ]);
    expect(out).toContain('\ncds old is to go, and has been waiting for 2.0 s: models still points to it\n');
    expect(out).toMatch(/^sidecar a: group -, Envoy -, connected 10 s;/);
  });

  it('shows a wait that was in vain, and a refusal of something newer than what the sidecar has', () => {
    const waiting = { reason: 'the client has not taken cluster chat yet', sinceMs: 1000, gaveUp: true };
    const refusal = { message: 'no', atMs: 9000 };
    const out = text(
      { name: 'a', status: 'STALE', wantedVersion: 'v2', sentVersion: 'v2', waiting },
      { name: 'b', status: 'NACKED', wantedVersion: 'v2', sentVersion: 'v1', ackedVersion: 'v1', refusal },
    );
    expect(out).toContain(
      '\ncds a went out all the same after a wait in vain: the client has not taken cluster chat yet\n',
    );
    expect(out).toContain('\ncds b was refused 1.0 s ago, it keeps v1: no\n');
  });

  it('names the connections where there are several', () => {
    const types = ['cds', 'lds'].map((type, at) => ({ type, peer: `10.0.0.1:${at}`, resources: [] }));
    const out = proxyConfigText({ ...base, types }, { colour: false });
    expect(out).toMatch(/^TYPE .* CONNECTION\ncds .* 10\.0\.0\.1:0\nlds .* 10\.0\.0\.1:1\n$/m);
  });

  it('says of a sidecar that has asked for nothing that it has not', () => {
    expect(proxyConfigText({ ...base, types: [] }, { colour: false })).toMatch(/\n\nIt has asked for nothing yet\.\n$/);
  });
});

describe("Envoy's words", () => {
  it('stay as they are when they are short, on one line and without what moves a cursor', () => {
    expect(envoyWords('duplicate\n\tcluster \u001b[2Jchat ')).toBe('duplicate cluster [2Jchat');
  });

  it('lose their middle when they are long', () => {
    const words = envoyWords(`what it is about: ${'dump '.repeat(500)}: the reason`);
    expect(words).toMatch(/^what it is about: dump .* … .*dump : the reason$/);
    expect(words.length).toBeLessThan(310);
  });
});
