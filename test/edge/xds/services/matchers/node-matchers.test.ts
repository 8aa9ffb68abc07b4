import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, type JsonObject } from '../../../../../src/base/codec/index.ts';
import { type NodeMatcher, selectNodes } from '../../../../../src/edge/xds/services/matchers/node-matchers.ts';

const METADATA: JsonObject = {
  zone: 'eu-1',
  gpus: 8,
  canary: true,
  parent: null,
  tags: ['a', 'b', 7],
  loadline: { team: { name: 'search' } },
};

const NODE = { id: 'chat-0', metadata: METADATA };

/** Through the wire, so that what is tested is what `decodeMessage` gives. */
function wire(matcher: JsonObject): NodeMatcher {
  const type = 'envoy.type.matcher.v3.NodeMatcher';
  return decodeMessage(type, encodeMessage(type, matcher)) as NodeMatcher;
}

function selects(matcher: JsonObject, node: { id: string; metadata: JsonObject } = NODE): boolean {
  const selection = selectNodes([wire(matcher)], [node]);
  if (selection.kind !== 'Selected') throw new Error(JSON.stringify(selection));
  return selection.nodes.length === 1;
}

describe('node_id', () => {
  it.each<[JsonObject, boolean]>([
    [{ exact: 'chat-0' }, true],
    [{ exact: 'chat' }, false],
    [{ exact: 'CHAT-0' }, false],
    [{ exact: 'CHAT-0', ignore_case: true }, true],
    [{ exact: '' }, false],
    [{ prefix: 'chat-' }, true],
    [{ prefix: 'hat' }, false],
    [{ prefix: 'CHAT', ignore_case: true }, true],
    [{ suffix: '-0' }, true],
    [{ suffix: '-1' }, false],
    [{ suffix: 'T-0', ignore_case: true }, true],
    [{ contains: 'at' }, true],
    [{ contains: 'ta' }, false],
    [{ contains: 'AT', ignore_case: true }, true],
    [{ safe_regex: { regex: 'chat-\\d+' } }, true],
    [{ safe_regex: { regex: 'chat' } }, false],
    [{ safe_regex: { google_re2: {}, regex: '[a-z]+-(0|1)' } }, true],
    [{ safe_regex: { regex: 'CHAT-0' }, ignore_case: true }, false],
  ])('%j: %s', (node_id, expected) => {
    expect(selects({ node_id })).toBe(expected);
  });
});

describe('node_metadatas', () => {
  it.each<[string, JsonObject, boolean]>([
    ['zone', { string_match: { prefix: 'eu-' } }, true],
    ['zone', { string_match: { exact: 'us-1' } }, false],
    ['zone', { present_match: true }, true],
    ['zone', { present_match: false }, false],
    ['zone', { bool_match: true }, false],
    ['nothing', { present_match: true }, false],
    ['nothing', { present_match: false }, false],
    ['nothing', { string_match: { exact: '' } }, false],
    ['nothing', { null_match: {} }, false],
    ['parent', { null_match: {} }, true],
    ['parent', { present_match: true }, true],
    ['gpus', { double_match: { exact: 8 } }, true],
    ['gpus', { double_match: { exact: 0 } }, false],
    ['gpus', { double_match: { range: { start: 8, end: 9 } } }, true],
    ['gpus', { double_match: { range: { start: 7, end: 8 } } }, false],
    ['gpus', { double_match: { range: { end: 9 } } }, true],
    ['gpus', { string_match: { exact: '8' } }, false],
    ['canary', { bool_match: true }, true],
    ['canary', { bool_match: false }, false],
    ['tags', { list_match: { one_of: { string_match: { exact: 'b' } } } }, true],
    ['tags', { list_match: { one_of: { string_match: { exact: 'c' } } } }, false],
    ['tags', { list_match: { one_of: { double_match: { exact: 7 } } } }, true],
    ['tags', { present_match: true }, false],
    ['zone', { list_match: { one_of: { string_match: { exact: 'eu-1' } } } }, false],
    ['loadline', { present_match: true }, false],
    ['loadline.team.name', { string_match: { exact: 'search' } }, true],
    ['loadline.team.name.more', { present_match: true }, false],
    ['tags.0', { present_match: true }, false],
    ['__proto__', { present_match: true }, false],
    ['toString.name', { present_match: true }, false],
    ['zone', { or_match: { value_matchers: [{ bool_match: true }, { string_match: { exact: 'eu-1' } }] } }, true],
    ['zone', { or_match: { value_matchers: [{ bool_match: true }, { null_match: {} }] } }, false],
  ])('%s with %j: %s', (path, value, expected) => {
    const segments = path.split('.').map((key) => ({ key }));
    expect(selects({ node_metadatas: [{ path: segments, value }] })).toBe(expected);
  });

  it('of a node without metadata match nothing', () => {
    const matcher = { node_metadatas: [{ path: [{ key: 'zone' }], value: { present_match: true } }] };
    expect(selects(matcher, { id: 'n', metadata: {} })).toBe(false);
  });
});

describe('matchers together', () => {
  const zone = { path: [{ key: 'zone' }], value: { string_match: { exact: 'eu-1' } } };
  const canary = { path: [{ key: 'canary' }], value: { bool_match: true } };
  const nodes = [
    { id: 'a', metadata: { zone: 'eu-1', canary: true } },
    { id: 'b', metadata: { zone: 'eu-1' } },
    { id: 'c', metadata: { zone: 'us-1' } },
  ];
  const selected = (...matchers: JsonObject[]): string[] => {
    const selection = selectNodes(matchers.map(wire), nodes);
    return selection.kind === 'Selected' ? selection.nodes.map(({ id }) => id) : [selection.kind];
  };

  it('select all nodes when there is none', () => expect(selected()).toEqual(['a', 'b', 'c']));
  it('select all nodes when one says nothing', () => expect(selected({})).toEqual(['a', 'b', 'c']));
  it('are ANDed within one', () => {
    expect(selected({ node_metadatas: [zone, canary] })).toEqual(['a']);
    expect(selected({ node_id: { exact: 'b' }, node_metadatas: [zone] })).toEqual(['b']);
    expect(selected({ node_id: { exact: 'c' }, node_metadatas: [zone] })).toEqual([]);
  });
  it('are ORed between several', () => {
    expect(selected({ node_id: { exact: 'c' } }, { node_metadatas: [canary] })).toEqual(['a', 'c']);
  });
});

describe('matchers that cannot be used', () => {
  it('are named with their place', () => {
    const custom = { name: 'x', typed_config: { '@type': 'type.googleapis.com/google.protobuf.Empty', value: {} } };
    const matchers = [
      { node_id: { safe_regex: { regex: '(' } } },
      {
        node_id: { custom },
        node_metadatas: [
          {
            path: [{ key: 'a' }],
            value: { or_match: { value_matchers: [{}, { string_match: { safe_regex: { regex: 'a**' } } }] } },
          },
          { path: [{ key: 'a' }], value: { list_match: { one_of: { string_match: {} } } } },
        ],
      },
    ];
    expect(selectNodes(matchers as NodeMatcher[], [NODE])).toEqual({
      kind: 'Invalid',
      issues: [
        'node_matchers[0].node_id.safe_regex: missing )',
        'node_matchers[1].node_id.custom: extensions are not supported',
        'node_matchers[1].node_metadatas[0].value.or_match.value_matchers[0]: no pattern that is known here',
        'node_matchers[1].node_metadatas[0].value.or_match.value_matchers[1].string_match.safe_regex: two repetitions in a row',
        'node_matchers[1].node_metadatas[1].value.list_match.one_of.string_match: no pattern that is known here',
      ],
    });
  });

  it('are those that take too much work', () => {
    const nodes = Array.from({ length: 1000 }, (_, at) => ({ id: `node-${at}`, metadata: METADATA }));
    const matchers = [wire({ node_id: { safe_regex: { regex: '(.*)*x' } } })];
    expect(selectNodes(matchers, nodes)).toEqual({ kind: 'Selected', nodes: [] });
    expect(selectNodes(matchers, nodes, 10_000)).toEqual({ kind: 'TooExpensive' });
    const words = Array.from({ length: 200_000 }, () => ({ node_id: { exact: 'x' } }));
    expect(selectNodes(words, nodes)).toEqual({ kind: 'TooExpensive' });
  });

  it('are none that a mesh of ten thousand needs', () => {
    const nodes = Array.from({ length: 10_000 }, (_, at) => ({
      id: `sidecar~10.0.${at >> 8}.${at & 255}~chat-frontend-7f9c6d5b8-${at}.prod~prod.svc.cluster.local`,
      metadata: METADATA,
    }));
    const matchers = [wire({ node_id: { safe_regex: { regex: 'sidecar~.*~chat-.*\\.prod~.*' } } })];
    expect(selectNodes(matchers, nodes)).toEqual({ kind: 'Selected', nodes });
  });
});
