import { fieldBytes } from '../../../../bench/xds/fields.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import { TYPES } from '../../../conformance/protocol.ts';
import { BLAME, type CallCase } from './call-kinds.ts';
import type { Dice, Kind } from './dice.ts';

/** A discovery method, as much of it as its garbage needs. */
export type Method = {
  readonly path: string;
  readonly variant: 'Delta' | 'Sotw';
  readonly typeUrl: string | undefined;
};

/** Numbers of the fields; names are 3 in both variants. */
const FIELD = {
  Delta: { node: 1, typeUrl: 2, names: 3, nonce: 6, error: 7 },
  Sotw: { node: 2, typeUrl: 4, names: 3, nonce: 5, error: 6 },
} as const;
const UNSUBSCRIBE = 4;
const INITIAL_VERSIONS = 5;
const NODE = { id: 1, cluster: 2, metadata: 3, locality: 4, userAgent: 6, buildVersion: 8, features: 10 };
const EDS = TYPES.eds.url;
const MIB = 1024 * 1024;

const FEW_NAMES = manyNames(10_000);
const MANY_NAMES = manyNames(200_000);
const ENDLESS_NAMES = Array.from({ length: 20 }, (_, at) => manyNames(10_000, `${at}-`));
const DEEP = deepStruct(3000);
const ODD_NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '*',
  '',
  ' ',
  '\u0000',
  'chat'.repeat(5000),
];

/** What is no message, for each way in which a reader of protobuf can find out. */
const MALFORMED: readonly Buffer[] = [
  Buffer.of(0x0b),
  Buffer.of(0x0c),
  Buffer.of(0x0e, 1),
  Buffer.of(0x0f, 1),
  Buffer.of(0x00, 0x01),
  Buffer.of(0x02, 0x01, 0x61),
  Buffer.of(0x09, 1, 2, 3),
  Buffer.of(0x0d, 1, 2, 3),
  Buffer.of(0x0a),
  Buffer.of(0x0a, 0x7f, 0x61),
  Buffer.of(0x08, 0x80),
  Buffer.of(0x08, ...Array<number>(11).fill(0xff)),
  Buffer.of(0x0a, ...Array<number>(9).fill(0xff), 0x01),
  Buffer.of(...Array<number>(11).fill(0x80)),
];

/** Messages to the discovery methods: from bytes that are none to requests that are only too large. */
export function requestKinds(methods: readonly Method[]): readonly Kind<CallCase>[] {
  const kind = (
    name: string,
    weight: number,
    ends: readonly string[],
    make: (method: Method, dice: Dice) => readonly Buffer[],
  ): Kind<CallCase> => ({
    name,
    weight,
    make: (dice) => {
      const method = dice.pick(methods);
      const chunks = [Buffer.concat(make(method, dice).map((message) => frame(message)))];
      const onlyOne = ends.length === 1 && !ends.includes('0');
      return { path: method.path, chunks, ending: onlyOne ? 'Wait' : 'HalfClose', ends };
    },
  });
  return [
    kind('random bytes as a message', 8, BLAME, (_, dice) => [dice.bytes(dice.between(0, 500))]),
    kind('bytes that are no message', 10, ['3'], (_, dice) => [dice.pick(MALFORMED)]),
    kind('a part that is no message', 10, ['3'], (method, dice) => [malformedPart(method, dice)]),
    kind('bytes that are no message, from a client that is let in', 5, BLAME, (method, dice) => [
      first(method, dice),
      dice.pick(MALFORMED),
    ]),
    kind('a damaged request', 15, BLAME, (method, dice) => [damaged(first(method, dice), dice), first(method, dice)]),
    kind('a request of the other variant', 5, BLAME, (method, dice) => {
      const other = method.variant === 'Delta' ? 'Sotw' : 'Delta';
      return [first({ ...method, variant: other }, dice), first(method, dice)];
    }),
    kind('no node', 5, ['3'], (method) => [request(method, typeOf(method))]),
    kind('a node without an id', 3, ['3'], (method) => [request(method, typeOf(method), nodeOf(method, ''))]),
    kind('a node of no group', 3, ['0', '5'], (method) => [
      request(method, typeOf(method), nodeOf(method, 'x', 'none')),
    ]),
    kind('a node id of 1 MiB', 0.2, BLAME, (method) => [
      request(method, typeOf(method), nodeOf(method, 'n'.repeat(MIB))),
    ]),
    kind('a node that is deep', 2, BLAME, (method) => [
      request(method, typeOf(method), nodeOf(method, 'deep', 'lab', fieldBytes(NODE.metadata, DEEP))),
    ]),
    kind('invalid UTF-8 wherever there is text', 5, BLAME, (method, dice) => invalidUtf8(method, dice)),
    kind('names that are words of JavaScript', 8, BLAME, (method, dice) => oddNames(method, dice)),
    kind('10,000 names', 1, ['0'], (method, dice) => [first(method, dice), request(method, typeOf(method), FEW_NAMES)]),
    kind('200,000 names', 0.2, ['8'], (method, dice) => [
      first(method, dice),
      request(method, typeOf(method), MANY_NAMES),
    ]),
    kind('names without end', 0.2, ['0', '8'], (method, dice) => [
      first(method, dice),
      ...ENDLESS_NAMES.map((names) => request(method, typeOf(method), names)),
    ]),
    kind('an unknown type', 5, ['0', '3'], (method, dice) => [
      first(method, dice),
      request(method, dice.pick([...ODD_NAMES, 'type.googleapis.com/nope', EDS.slice(1)])),
    ]),
    kind('more types than there are', 2, ['0', '3', '8'], (method, dice) => [
      first(method, dice),
      ...Array.from({ length: 40 }, (_, at) => request(method, `type.googleapis.com/t.T${at}`)),
    ]),
    kind('answers to nothing', 5, ['0'], (method, dice) => [
      first(method, dice),
      request(
        method,
        typeOf(method),
        fieldBytes(FIELD[method.variant].nonce, dice.pick([...ODD_NAMES, '-1', '99999'])),
      ),
      request(method, typeOf(method), fieldBytes(FIELD[method.variant].error, fieldBytes(2, 'e'.repeat(20_000)))),
    ]),
    kind('requests without end', 0.2, ['0', '8'], (method, dice) => [
      first(method, dice),
      ...Array.from({ length: 3000 }, () => request(method, typeOf(method))),
    ]),
  ];
}

/** A request as a client begins; few nodes, so that they are known again. */
function first(method: Method, dice: Dice): Buffer {
  return request(method, typeOf(method), nodeOf(method, `garbage-${dice.between(0, 40)}`), fieldBytes(3, 'chat'));
}

function request({ variant }: Method, typeUrl: string, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([fieldBytes(FIELD[variant].typeUrl, typeUrl), ...fields]);
}

function typeOf({ typeUrl }: Method): string {
  return typeUrl ?? EDS;
}

function nodeOf({ variant }: Method, id: string | Buffer, cluster: string | Buffer = 'lab', ...more: Buffer[]): Buffer {
  return fieldBytes(
    FIELD[variant].node,
    Buffer.concat([fieldBytes(NODE.id, id), fieldBytes(NODE.cluster, cluster), ...more]),
  );
}

function malformedPart(method: Method, dice: Dice): Buffer {
  const junk = dice.pick(MALFORMED);
  const fields = FIELD[method.variant];
  const parts = [
    fieldBytes(fields.node, junk),
    fieldBytes(fields.error, junk),
    ...[NODE.metadata, NODE.locality, NODE.buildVersion].map((field) =>
      nodeOf(method, 'x', 'lab', fieldBytes(field, junk)),
    ),
    ...(method.variant === 'Delta' ? [fieldBytes(INITIAL_VERSIONS, junk)] : []),
  ];
  return request(method, typeOf(method), dice.pick(parts));
}

function damaged(bytes: Buffer, dice: Dice): Buffer {
  const copy = Buffer.from(bytes.subarray(0, dice.chance(0.3) ? dice.between(1, bytes.length) : bytes.length));
  for (let count = dice.between(1, 4); count > 0; count -= 1)
    copy[dice.between(0, copy.length - 1)] = dice.between(0, 255);
  return copy;
}

function invalidUtf8(method: Method, dice: Dice): Buffer[] {
  const bad = Buffer.concat([Buffer.of(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80), dice.bytes(dice.between(0, 30))]);
  const fields = FIELD[method.variant];
  return [
    request(
      method,
      typeOf(method),
      nodeOf(method, bad, dice.chance(0.5) ? 'lab' : bad, fieldBytes(NODE.features, bad)),
    ),
    Buffer.concat([fieldBytes(fields.typeUrl, bad), fieldBytes(fields.names, bad), fieldBytes(fields.nonce, bad)]),
  ];
}

function oddNames(method: Method, dice: Dice): Buffer[] {
  const names = ODD_NAMES.flatMap((name) => {
    const entry = fieldBytes(
      INITIAL_VERSIONS,
      Buffer.concat([fieldBytes(1, name), fieldBytes(2, dice.pick(ODD_NAMES))]),
    );
    return method.variant === 'Delta' ? [fieldBytes(3, name), entry] : [fieldBytes(3, name)];
  });
  const metadata = Buffer.concat(
    ODD_NAMES.map((name) => fieldBytes(1, Buffer.concat([fieldBytes(1, name), fieldBytes(2, Buffer.of(8, 0))]))),
  );
  const node = nodeOf(method, dice.pick(ODD_NAMES) || 'x', 'lab', fieldBytes(NODE.metadata, metadata));
  const unsubscribe = method.variant === 'Delta' ? ODD_NAMES.map((name) => fieldBytes(UNSUBSCRIBE, name)) : [];
  return [
    request(method, typeOf(method), node, ...names),
    request(method, typeOf(method), ...names),
    request(method, typeOf(method), ...unsubscribe),
  ];
}

function manyNames(count: number, prefix = 'name-'): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, at) => fieldBytes(3, `${prefix}${at}`)));
}

/** `google.protobuf.Struct` with so many structs in one another. */
function deepStruct(depth: number): Buffer {
  let struct: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) {
    struct = fieldBytes(1, Buffer.concat([fieldBytes(1, 'a'), fieldBytes(2, fieldBytes(5, struct))]));
  }
  return struct;
}
