import { FRAME, frame } from '../../../../bench/xds/http2-frames.ts';
import { PREFACE, settings } from '../../../support/http2-peer.ts';
import type { Dice, Kind } from './dice.ts';
import type { Recording } from './recording.ts';

/** Bytes on a connection of their own, in the pieces in which they are written. */
export type Pieces = readonly Buffer[];

const HTTP1: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /config_dump HTTP/1.0\r\n\r\n',
  'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4294967296\r\n\r\n{}',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  'PRI * HTTP/1.1\r\n\r\n',
  'SSH-2.0-OpenSSH_9.6\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
  '\r\n\r\n',
  '{"jsonrpc":"2.0","method":"ping","id":1}\n',
];

/** What is no HTTP/2 at all, and what was HTTP/2 of a real client before it was damaged. */
export function byteKinds(recordings: readonly Recording[], hello: Buffer): readonly Kind<Pieces>[] {
  const frames = (dice: Dice): Buffer[] => [...dice.pick(recordings)];
  return [
    { name: 'nothing at all', weight: 1, make: () => [] },
    { name: 'random bytes', weight: 6, make: (dice) => [dice.bytes(dice.between(1, 3000))] },
    { name: 'HTTP/1 and other protocols', weight: 6, make: (dice) => [Buffer.from(dice.pick(HTTP1))] },
    { name: 'a TLS ClientHello', weight: 2, make: () => [hello] },
    { name: 'a damaged TLS ClientHello', weight: 1, make: (dice) => [flipped(hello, dice)] },
    { name: 'a cut preface', weight: 4, make: (dice) => [PREFACE.subarray(0, dice.between(1, PREFACE.length - 1))] },
    { name: 'a damaged preface', weight: 3, make: (dice) => [flipped(PREFACE, dice), settings(65_535)] },
    { name: 'a preface, then random bytes', weight: 5, make: (dice) => [PREFACE, dice.bytes(dice.between(1, 3000))] },
    { name: 'a preface, then random frames', weight: 10, make: randomFrames },
    {
      name: 'a recording with flipped bits',
      weight: 20,
      make: (dice) => [PREFACE, flipped(Buffer.concat(frames(dice)), dice)],
    },
    {
      name: 'a recording that breaks off',
      weight: 10,
      make: (dice) => {
        const bytes = Buffer.concat([PREFACE, ...frames(dice)]);
        return [bytes.subarray(0, dice.between(1, bytes.length - 1))];
      },
    },
    {
      name: 'a recording with frames twice, lost or moved',
      weight: 20,
      make: (dice) => [PREFACE, ...mixed(frames(dice), dice)],
    },
    {
      name: 'a recording with a wrong length',
      weight: 5,
      make: (dice) => {
        const list = frames(dice);
        const at = dice.between(0, list.length - 1);
        const wrong = Buffer.from(list[at] as Buffer);
        wrong.writeUIntBE(dice.pick([0, 1, 0xffffff, 16_385, dice.between(0, 300)]), 0, 3);
        return [PREFACE, ...list.with(at, wrong)];
      },
    },
    {
      name: 'a recording, a byte at a time',
      weight: 2,
      make: (dice) => [...Buffer.concat([PREFACE, ...frames(dice)])].map((byte) => Buffer.of(byte)),
    },
  ];
}

function randomFrames(dice: Dice): Pieces {
  const frames = Array.from({ length: dice.between(1, 20) }, () =>
    frame(
      dice.chance(0.9) ? dice.between(0, 9) : dice.between(0, 255),
      dice.between(0, 255),
      dice.pick([0, 1, 1, 2, 3, dice.between(0, 0x7fffffff)]),
      dice.bytes(dice.pick([0, 1, 4, 5, 6, 8, 18, dice.between(0, 400)])),
    ),
  );
  return [PREFACE, settings(65_535), ...frames];
}

function flipped(bytes: Buffer, dice: Dice): Buffer {
  const damaged = Buffer.from(bytes);
  for (let count = dice.between(1, 8); count > 0; count -= 1) {
    const at = dice.between(0, bytes.length - 1);
    damaged[at] = (damaged[at] as number) ^ (1 << dice.between(0, 7));
  }
  return damaged;
}

function mixed(frames: Buffer[], dice: Dice): Buffer[] {
  for (let count = dice.between(1, 4); count > 0; count -= 1) {
    const at = dice.between(0, frames.length - 1);
    const [one] = dice.chance(0.5) ? [frames[at]] : frames.splice(at, 1);
    if (one !== undefined && dice.chance(0.7)) frames.splice(dice.between(0, frames.length), 0, one);
    if (dice.chance(0.2)) frames.push(frame(FRAME.ping, 0, 0, dice.bytes(8)));
  }
  return frames;
}
