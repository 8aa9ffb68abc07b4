import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonObject, messageToJson } from '../../../../src/base/codec/index.ts';
import {
  type ClientNode,
  type ClientResource,
  type ClientStatusSource,
  clientStatusMethods,
} from '../../../../src/edge/xds/services/index.ts';
import { STATUS } from '../../../../src/edge/xds/transport/rpc.ts';
import { FakeRpc, JUNK } from './fake-rpc.ts';

const SERVICE = 'envoy.service.status.v3.ClientStatusDiscoveryService';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

type Fleet = Readonly<Record<string, readonly ClientResource[]>>;

function source(fleet: Fleet): ClientStatusSource & { readonly asked: string[] } {
  const asked: string[] = [];
  const nodes = Object.keys(fleet).map(
    (id): ClientNode => ({ id, group: 'web', envoyVersion: '1.40.2', metadata: {} }),
  );
  return {
    asked,
    nodes: () => nodes,
    resources: ({ id }) => {
      asked.push(id);
      return fleet[id] as readonly ClientResource[];
    },
  };
}

function open(fleet: Fleet | ClientStatusSource, method: string, maxMessageBytes?: number): FakeRpc {
  const from =
    'nodes' in fleet && typeof fleet.nodes === 'function' ? (fleet as ClientStatusSource) : source(fleet as Fleet);
  const options = maxMessageBytes === undefined ? {} : { maxMessageBytes };
  return new FakeRpc(clientStatusMethods(from, options), `/${SERVICE}/${method}`);
}

const request = (json: JsonObject = {}): Uint8Array =>
  encodeMessage('envoy.service.status.v3.ClientStatusRequest', json);

type Config = { node: { id: string }; generic_xds_configs?: readonly { name: string }[] };

const answers = (rpc: FakeRpc): Config[][] =>
  rpc.sent.map((bytes) => {
    const json = messageToJson('envoy.service.status.v3.ClientStatusResponse', bytes);
    return (json as { config?: Config[] }).config ?? [];
  });

const outline = (rpc: FakeRpc): string[][] =>
  answers(rpc).map((configs) =>
    configs.map(
      ({ node, generic_xds_configs = [] }) => `${node.id}: ${generic_xds_configs.map(({ name }) => name).join(' ')}`,
    ),
  );

function cluster(name: string, padding = 0): ClientResource {
  const bytes = encodeMessage(CLUSTER, { name, alt_stat_name: 'x'.repeat(padding) });
  return { typeUrl: CLUSTER, name, wantedVersion: '1', bytes };
}

const CHAT: ClientResource = {
  ...cluster('chat'),
  wantedVersion: 'v2',
  sentVersion: 'v2',
  sentAtMs: 1_700_000_000_250,
  ackedVersion: 'v1',
  ackedAtMs: 1_700_000_000_000,
  refusal: { version: 'v2', message: 'no such filter', atMs: 1_700_000_000_500 },
};

const CHAT_SHOWN = {
  type_url: CLUSTER,
  name: 'chat',
  version_info: 'v2',
  last_updated: '2023-11-14T22:13:20.250Z',
  config_status: 'ERROR',
  client_status: 'NACKED',
  error_state: { last_update_attempt: '2023-11-14T22:13:20.500Z', details: 'no such filter', version_info: 'v2' },
};

describe.each(['FetchClientStatus', 'StreamClientStatus'])('%s', (method) => {
  it('shows each node with what it should have and how it took it', () => {
    const rpc = open({ 'web-0': [CHAT], 'web-1': [] }, method)
      .request(request())
      .halfClose();
    const node = {
      cluster: 'web',
      user_agent_build_version: { version: { major_number: 1, minor_number: 40, patch: 2 } },
    };
    expect(answers(rpc)).toEqual([
      [
        {
          node: { id: 'web-0', ...node },
          generic_xds_configs: [{ ...CHAT_SHOWN, xds_config: { '@type': CLUSTER, name: 'chat' } }],
        },
        { node: { id: 'web-1', ...node } },
      ],
    ]);
    expect(rpc.ended).toEqual({ status: STATUS.OK });
  });

  it('leaves contents out when asked to', () => {
    const rpc = open({ n: [CHAT] }, method).request(request({ exclude_resource_contents: true }));
    expect(answers(rpc)[0]?.[0]?.generic_xds_configs).toEqual([CHAT_SHOWN]);
  });

  it('never lets the contents of a secret out', () => {
    const key = 'very-private-key';
    const bytes = encodeMessage(SECRET, { name: 's', tls_certificate: { private_key: { inline_string: key } } });
    const secret = { typeUrl: SECRET, name: 's', wantedVersion: '1', sentVersion: '1', ackedVersion: '1', bytes };
    const rpc = open({ n: [secret] }, method).request(request());
    expect(outline(rpc)).toEqual([['n: s']]);
    expect(rpc.sent[0]?.includes(key)).toBe(false);
  });

  it('asks the source for the matched nodes only', () => {
    const fleet = source({ 'web-0': [], 'web-1': [], 'api-0': [] });
    const matchers = [{ node_id: { suffix: '-1' } }, { node_id: { prefix: 'api' } }];
    const rpc = open(fleet, method).request(request({ node_matchers: matchers }));
    expect(outline(rpc)).toEqual([['web-1: ', 'api-0: ']]);
    expect(fleet.asked).toEqual(['web-1', 'api-0']);
  });

  it('answers with nobody when nobody is meant', () => {
    const rpc = open({ n: [] }, method).request(request({ node_matchers: [{ node_id: { exact: 'x' } }] }));
    expect(answers(rpc)).toEqual([[]]);
  });

  it.each<[string, JsonObject, RegExp]>([
    [
      'an expression that is none',
      { node_id: { safe_regex: { regex: '(' } } },
      /^node_matchers\[0\]\.node_id.*missing \)/,
    ],
    ['an empty prefix', { node_id: { prefix: '' } }, /node_id\.prefix: /],
    ['a matcher without a pattern', { node_id: { ignore_case: true } }, /node_id/],
    ['a metadata matcher without a path', { node_metadatas: [{ value: { bool_match: true } }] }, /node_metadatas\[0\]/],
  ])('refuses %s with words', (_, matcher, words) => {
    const rpc = open({ n: [] }, method).request(request({ node_matchers: [matcher] }));
    expect(rpc.sent).toEqual([]);
    expect(rpc.ended).toEqual({ status: STATUS.INVALID_ARGUMENT, message: expect.stringMatching(words) });
  });

  it('shows five faults and counts the others', () => {
    const node_matchers = Array.from({ length: 9 }, () => ({ node_id: { safe_regex: { regex: '(' } } }));
    const { message } = open({ n: [] }, method).request(request({ node_matchers })).ended ?? {};
    expect(message).toMatch(/node_matchers\[4\].*; and 4 more$/);
  });

  it('refuses matchers that take too long', () => {
    const fleet = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`n-${at}-${'a'.repeat(200)}`, []]));
    const matcher = { node_id: { safe_regex: { regex: '.{0,100}.{0,100}x' } } };
    expect(open(fleet, method).request(request({ node_matchers: [matcher] })).ended).toEqual({
      status: STATUS.RESOURCE_EXHAUSTED,
      message: expect.stringContaining('over 2000 nodes'),
    });
  });

  it.each<[string, Uint8Array]>([
    ['junk', JUNK],
    // 100 000 times: tag of node_matchers or of or_match, with a length that cannot be right.
    ['a nest without a bottom', Buffer.alloc(200_000, Uint8Array.of(0x0a, 0x7f))],
  ])('ends a call with %s', (_, bytes) => {
    expect(open({ n: [] }, method).request(bytes).ended).toEqual({
      status: STATUS.INVALID_ARGUMENT,
      message: expect.stringContaining('cannot be read'),
    });
  });
});

describe('an answer above the limit', () => {
  const fleet = {
    a: [cluster('a1', 300), cluster('a2', 300), cluster('a3', 300)],
    b: [],
    c: [cluster('c1', 600)],
    d: [cluster('d1', 3000)],
    e: [cluster('e1')],
  };

  it('comes in several messages on a stream, nodes named again where they go on', () => {
    const rpc = open(fleet, 'StreamClientStatus', 1000).request(request()).halfClose();
    expect(outline(rpc)).toEqual([['a: a1 a2'], ['a: a3', 'b: '], ['c: c1'], ['d: d1'], ['e: e1']]);
    expect(rpc.sent.filter(({ length }) => length > 1000)).toHaveLength(1);
    expect(rpc.ended).toEqual({ status: STATUS.OK });
  });

  it('is made message by message as the peer reads', () => {
    const from = source(fleet);
    const rpc = open(from, 'StreamClientStatus', 1000);
    rpc.holding = true;
    rpc.request(request()).halfClose();
    expect(from.asked).toEqual(['a']);
    rpc.release();
    rpc.release();
    expect(from.asked).toEqual(['a', 'b', 'c', 'd']);
    rpc.close();
  });

  it.each([
    ['many', fleet],
    ['one', { d: fleet.d }],
  ])('is refused with advice where only one message may come: %s', (_, nodes) => {
    const rpc = open(nodes, 'FetchClientStatus', 1000).request(request());
    expect(rpc.sent).toEqual([]);
    expect(rpc.ended).toEqual({
      status: STATUS.RESOURCE_EXHAUSTED,
      message: expect.stringMatching(/larger than 1000 bytes: use StreamClientStatus.*exclude_resource_contents/),
    });
    const without = open(nodes, 'FetchClientStatus', 1000).request(request({ exclude_resource_contents: true }));
    expect(without.ended).toEqual({ status: STATUS.OK });
  });

  it.each([50, 200, 700, 1001, 5000])('loses nothing and stays below it: %i bytes', (limit) => {
    const sizes = [0, 10, 40, 90, 30, 0, 120, 7];
    const many = Object.fromEntries(
      sizes.map((_, n) => [`n${n}`, sizes.slice(n).map((size, at) => cluster(`r${n}-${at}`, size))]),
    );
    const rpc = open(many, 'StreamClientStatus', limit).request(request());
    const names = answers(rpc).flatMap((configs) =>
      configs.flatMap(({ generic_xds_configs = [] }) => generic_xds_configs.map(({ name }) => name)),
    );
    expect(names).toEqual(sizes.flatMap((_, n) => sizes.slice(n).map((_, at) => `r${n}-${at}`)));
    for (const [at, bytes] of rpc.sent.entries()) {
      const alone = answers(rpc)[at]?.length === 1 && (answers(rpc)[at]?.[0]?.generic_xds_configs?.length ?? 0) <= 1;
      expect(alone || bytes.length <= limit).toBe(true);
    }
  });
});

it('answers every request of a stream anew', () => {
  const fleet: Record<string, ClientResource[]> = { n: [] };
  const rpc = open(source(fleet), 'StreamClientStatus').request(request());
  fleet.n = [cluster('new')];
  rpc.request(request());
  expect(outline(rpc)).toEqual([['n: '], ['n: new']]);
});
