import type { OutgoingHttpHeaders } from 'node:http2';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import type { Dice, Kind } from './dice.ts';

/** One call over a connection that it shares with others. */
export type CallCase = {
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly chunks: readonly Buffer[];
  /** Each chunk in a turn of the event loop of its own. */
  readonly slow?: boolean;
  /** `HalfClose`: says that this was all. `Wait`: leaves its side open until the server ends the call. `Reset`: goes. */
  readonly ending: 'HalfClose' | 'Wait' | 'Reset';
  /** Statuses, or `http 405`: how the call may end. Nothing is asked of one that goes. */
  readonly ends: readonly string[];
};

/** OK, or blame for the client: never INTERNAL, UNKNOWN or silence, whatever it sends. */
export const BLAME: readonly string[] = ['0', '3', '5', '8', '12'];

export function prefix(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Calls that are no calls, and messages that are none: what the transport has to tell by itself. */
export function callKinds(paths: readonly string[], request: Buffer): readonly Kind<CallCase>[] {
  const whole = frame(request);
  const path = (dice: Dice): string => dice.pick(paths);
  const chunks = [whole];
  const refused =
    (status: string, make: (dice: Dice) => readonly Buffer[]) =>
    (dice: Dice): CallCase => ({
      path: path(dice),
      chunks: make(dice),
      ending: 'Wait',
      ends: [status],
    });
  return [
    {
      name: 'another method than POST',
      weight: 5,
      make: (dice) => {
        const method = dice.pick(['GET', 'OPTIONS', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'POSTER', 'pri']);
        return {
          path: path(dice),
          headers: { ':method': method },
          chunks: [],
          ending: 'HalfClose',
          ends: ['http 405'],
        };
      },
    },
    {
      name: 'another content type',
      weight: 5,
      make: (dice) => {
        const type = dice.pick(['application/json', 'text/html', '', 'application/grpc-web+proto', 'x'.repeat(8000)]);
        return { path: path(dice), headers: { 'content-type': type }, chunks, ending: 'HalfClose', ends: ['http 415'] };
      },
    },
    {
      name: 'an unknown path',
      weight: 5,
      make: (dice) => {
        const unknown = dice.pick([
          '/',
          '/x',
          '//',
          `${path(dice)}/`,
          path(dice).toLowerCase(),
          '/../../etc/passwd',
          `/${'x'.repeat(9000)}`,
        ]);
        return { path: unknown, chunks, ending: dice.pick(['HalfClose', 'Wait']), ends: ['12'] };
      },
    },
    { name: 'a message of 4 GiB', weight: 3, make: refused('8', () => [prefix(0xffffffff), Buffer.alloc(100)]) },
    {
      name: 'a message of 64 MiB',
      weight: 3,
      make: refused('8', () => [prefix(64 * 1024 * 1024), Buffer.alloc(1000)]),
    },
    {
      name: 'a compressed message',
      weight: 3,
      make: refused('12', (dice) => [prefix(20, dice.between(1, 255)), dice.bytes(20)]),
    },
    {
      name: 'a message that breaks off',
      weight: 5,
      make: (dice) => ({
        path: path(dice),
        chunks: [whole.subarray(0, dice.between(1, whole.length - 1))],
        ending: 'HalfClose',
        ends: ['3'],
      }),
    },
    {
      name: 'a message, a byte at a time',
      weight: 3,
      make: (dice) => ({
        path: path(dice),
        chunks: [...whole].map((byte) => Buffer.of(byte)),
        slow: true,
        ending: dice.pick(['HalfClose', 'Reset']),
        ends: BLAME,
      }),
    },
    {
      name: 'a large message that never ends',
      weight: 2,
      make: (dice) => ({
        path: path(dice),
        chunks: [prefix(32 * 1024 * 1024), dice.bytes(dice.between(1, 20_000))],
        ending: 'Reset',
        ends: [],
      }),
    },
    {
      name: 'no message',
      weight: 3,
      make: (dice) => ({ path: path(dice), chunks: [], ending: 'HalfClose', ends: ['0', '3'] }),
    },
    {
      name: 'many messages of no bytes',
      weight: 3,
      make: (dice) => ({
        path: path(dice),
        chunks: [Buffer.alloc(5 * dice.between(1, 200))],
        ending: 'HalfClose',
        ends: BLAME,
      }),
    },
    {
      name: 'a reset in the middle',
      weight: 5,
      make: (dice) => ({
        path: path(dice),
        chunks: [whole, whole.subarray(0, dice.between(0, whole.length))],
        ending: 'Reset',
        ends: [],
      }),
    },
  ];
}
