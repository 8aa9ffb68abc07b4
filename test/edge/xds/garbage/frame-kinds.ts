import { FLAG, FRAME, frame, SETTING, windowUpdate } from '../../../../bench/xds/http2-frames.ts';
import { frame as grpcFrame } from '../../../../src/edge/xds/transport/rpc.ts';
import { grpcHeaders, type HeaderList, headerBlock } from '../../../support/hpack.ts';
import { PREFACE, settings } from '../../../support/http2-peer.ts';
import type { Pieces } from './byte-kinds.ts';
import type { Dice, Kind } from './dice.ts';

const CONTINUATION = 9;
const PRIORITY = 2;
const PUSH_PROMISE = 5;
const MAX_FRAME_BYTES = 16_384;
const ERROR_CODES = [0, 1, 2, 5, 7, 8, 11, 0xffffffff];
const NOTHING = Buffer.alloc(0);

/** HTTP/2 that is well formed and abused: floods, resets, windows, headers. `path` is a method that is served. */
export function frameKinds(path: string, request: Buffer): readonly Kind<Pieces>[] {
  const block = headerBlock(grpcHeaders(path));
  const call = (stream: number): Buffer => frame(FRAME.headers, FLAG.endHeaders, stream, block);
  const message = (stream: number): Buffer => frame(FRAME.data, 0, stream, grpcFrame(request));
  const begun = (...pieces: readonly Buffer[]): Pieces => [Buffer.concat([PREFACE, settings(65_535), ...pieces])];
  const times = (count: number, make: (index: number) => Buffer): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
  const odd = (index: number): number => 2 * index + 1;
  return [
    {
      name: 'one header as large as a book',
      weight: 2,
      make: (dice) => begun(...long([['x-large', 'x'.repeat(dice.between(16_000, 200_000))]], path)),
    },
    {
      name: 'a flood of headers',
      weight: 2,
      make: (dice) =>
        begun(
          ...long(
            Array.from({ length: dice.between(129, 4000) }, (_, at) => [`x-${at}`, 'v'] as const),
            path,
          ),
        ),
    },
    {
      name: 'a flood of CONTINUATION without an end',
      weight: 2,
      make: (dice) => {
        const piece = dice.bytes(dice.pick([0, 1, 100, MAX_FRAME_BYTES]));
        const flood = times(dice.between(10, 60), () => frame(CONTINUATION, 0, 1, piece));
        return begun(frame(FRAME.headers, 0, 1, block), flood);
      },
    },
    {
      name: 'headers that no client may send',
      weight: 8,
      make: (dice) => begun(frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock(dice.pick(forbidden(path))))),
    },
    {
      name: 'a header block of random bytes',
      weight: 5,
      make: (dice) => begun(frame(FRAME.headers, FLAG.endHeaders, 1, dice.bytes(dice.between(1, 300)))),
    },
    {
      name: 'too many streams',
      weight: 2,
      make: (dice) => begun(times(dice.between(257, 600), (at) => call(odd(at)))),
    },
    {
      name: 'too many streams with a request each',
      weight: 1,
      make: () => begun(times(300, (at) => Buffer.concat([call(odd(at)), message(odd(at))]))),
    },
    {
      name: 'rapid reset',
      weight: 3,
      make: (dice) =>
        begun(times(dice.between(100, 1500), (at) => Buffer.concat([call(odd(at)), reset(odd(at), dice)]))),
    },
    {
      name: 'requests that are reset at once',
      weight: 5,
      make: (dice) =>
        begun(
          times(dice.between(1, 100), (at) => Buffer.concat([call(odd(at)), message(odd(at)), reset(odd(at), dice)])),
        ),
    },
    {
      name: 'a reset within a message',
      weight: 5,
      make: (dice) => {
        const bytes = grpcFrame(request);
        const half = frame(FRAME.data, 0, 1, bytes.subarray(0, dice.between(1, bytes.length - 1)));
        return [...begun(call(1), half), reset(1, dice), call(3), message(3)];
      },
    },
    {
      name: 'windows that overflow, or do not grow',
      weight: 5,
      make: (dice) => {
        const stream = dice.pick([0, 1]);
        return begun(
          call(1),
          times(3, () => windowUpdate(stream, dice.pick([0x7fffffff, 0, 1, 0x80000000]))),
        );
      },
    },
    {
      name: 'SETTINGS that make no sense',
      weight: 5,
      make: (dice) =>
        begun(
          call(1),
          times(3, () => setting(dice)),
        ),
    },
    {
      name: 'a flood of SETTINGS',
      weight: 1,
      make: (dice) => begun(times(dice.between(100, 2000), () => settings(65_535))),
    },
    {
      name: 'a flood of PING',
      weight: 1,
      make: () => begun(times(2000, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)))),
    },
    {
      name: 'a flood of empty DATA',
      weight: 1,
      make: () =>
        begun(
          call(1),
          times(2000, () => frame(FRAME.data, 0, 1, NOTHING)),
        ),
    },
    {
      name: 'a frame on a stream where it must not be',
      weight: 8,
      make: (dice) => {
        const type = dice.pick([FRAME.data, FRAME.headers, FRAME.rstStream, CONTINUATION, PRIORITY, PUSH_PROMISE]);
        const stray = frame(type, FLAG.endHeaders, dice.pick([0, 2, 1, 99]), dice.bytes(dice.between(0, 20)));
        const ended = frame(FRAME.data, FLAG.endStream, 1, NOTHING);
        return begun(call(1), ...(dice.chance(0.5) ? [ended] : []), stray, call(1), message(1));
      },
    },
    {
      name: 'a frame above the limit',
      weight: 2,
      make: (dice) => begun(call(1), frame(FRAME.data, 0, 1, dice.bytes(MAX_FRAME_BYTES + 1))),
    },
    {
      name: 'padding that is longer than its frame',
      weight: 2,
      make: (dice) => begun(call(1), frame(FRAME.data, FLAG.padded, 1, Buffer.of(dice.between(1, 255)))),
    },
    {
      name: 'DATA beyond the window',
      weight: 1,
      make: () =>
        begun(
          call(1),
          times(100, () => frame(FRAME.data, 0, 1, Buffer.alloc(MAX_FRAME_BYTES))),
        ),
    },
    {
      name: 'GOAWAY, and on it goes',
      weight: 2,
      make: (dice) =>
        begun(call(1), frame(FRAME.goAway, 0, 0, dice.bytes(dice.pick([8, 3, 100]))), call(3), message(3)),
    },
  ];
}

function reset(stream: number, dice: Dice): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt32BE(dice.pick(ERROR_CODES));
  return frame(FRAME.rstStream, 0, stream, code);
}

function setting(dice: Dice): Buffer {
  const payload = Buffer.alloc(dice.chance(0.1) ? 5 : 6);
  payload.writeUInt16BE(dice.pick([SETTING.initialWindowSize, SETTING.maxFrameSize, 1, 2, 3, 6, 8, 0xffff]));
  payload.writeUIntBE(
    dice.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 16_383]) % 256 ** (payload.length - 2),
    2,
    payload.length - 2,
  );
  return frame(FRAME.settings, 0, 0, payload);
}

/** A header list over as many frames as it takes. */
function long(more: HeaderList, path: string): Buffer[] {
  const block = headerBlock(grpcHeaders(path, more));
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += MAX_FRAME_BYTES) {
    const flags = at + MAX_FRAME_BYTES >= block.length ? FLAG.endHeaders : 0;
    frames.push(frame(at === 0 ? FRAME.headers : CONTINUATION, flags, 1, block.subarray(at, at + MAX_FRAME_BYTES)));
  }
  return frames;
}

function forbidden(path: string): readonly HeaderList[] {
  const good = grpcHeaders(path);
  return [
    [],
    good.filter(([name]) => name !== ':path'),
    good.filter(([name]) => name !== ':method'),
    good.filter(([name]) => name !== 'content-type'),
    [...good, [':path', '/twice']],
    [...good, ['Upper-Case', 'x']],
    [...good, ['connection', 'close']],
    [...good, ['content-length', '5']],
    [...good, ['x', 'line\r\nbreak']],
    [...good, ['', 'no name']],
    [...good, ['grpc-encoding', 'gzip']],
    [...good, ['grpc-timeout', '0n']],
    [...good, ['expect', '100-continue']],
    [...good, ['content-type', 'text/plain']],
    [...good, ['__proto__', 'x'], ['constructor', 'y']],
    [['te', 'trailers'], ...good],
    [[':status', '200'], ...good],
    [
      [':method', 'CONNECT'],
      [':authority', 'x'],
    ],
    good.map(([name, value]) => [name, name === ':path' ? `/${'p'.repeat(15_000)}` : value] as const),
    good.map(([name, value]) => [name, name === ':path' ? '\u00ff\u0000' : value] as const),
  ];
}
