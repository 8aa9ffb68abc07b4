import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, frame, windowUpdate } from '../../../bench/xds/http2-frames.ts';
import { encodeHeaders, Http2Connection, type Http2Stream } from '../../../src/edge/http2/index.ts';
import { grpcHeaders, headerBlock } from '../../support/hpack.ts';
import { PREFACE, settings } from '../../support/http2-peer.ts';

const ANSWER = encodeHeaders([[':status', '200']]);
const WHOLE = FLAG.endHeaders | FLAG.endStream;
const MIB = 1024 * 1024;
const WIDE_BYTES = 1024 * MIB;

const open: { destroy(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A socket that takes each write a turn later, as TLS does, and counts the DATA of each stream. */
class LaterSocket extends Duplex {
  readonly dataBytes = new Map<number, number>();
  #rest: Buffer = Buffer.alloc(0);

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, taken: () => void): void {
    this.#count(chunk);
    setImmediate(taken);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], taken: () => void): void {
    for (const { chunk } of chunks) this.#count(chunk);
    setImmediate(taken);
  }

  #count(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let end = 0; bytes.length - at >= 9; at = end) {
      end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5);
      if (bytes[at + 3] === FRAME.data) this.dataBytes.set(stream, (this.dataBytes.get(stream) ?? 0) + end - at - 9);
    }
    this.#rest = bytes.subarray(at);
  }
}

/** A connection of a client with wide windows that opens so many streams; `opened` is told of each. */
function streamsOver(socket: LaterSocket, count: number, opened: (stream: Http2Stream) => void): void {
  new Http2Connection(socket as never, {
    opened: (stream) => {
      stream.respond(ANSWER);
      opened(stream);
      return { data: () => undefined, halfClosed: () => undefined, closed: () => undefined };
    },
    closed: () => undefined,
  });
  const request = headerBlock(grpcHeaders('/x'));
  socket.push(Buffer.concat([PREFACE, settings(WIDE_BYTES), windowUpdate(0, WIDE_BYTES)]));
  for (let index = 0; index < count; index += 1) socket.push(frame(FRAME.headers, WHOLE, 2 * index + 1, request));
}

describe('streams over a socket that takes bytes later, as TLS does', () => {
  it('share it: none waits for the end of another', async () => {
    const socket = new LaterSocket();
    open.push(socket);
    const shared = Buffer.alloc(16 * MIB);
    streamsOver(socket, 4, (stream) => stream.write(shared));
    const sent = (): readonly number[] => [1, 3, 5, 7].map((id) => socket.dataBytes.get(id) ?? 0);
    while (Math.max(...sent()) < 4 * MIB) await new Promise((resolve) => setImmediate(resolve));
    expect(Math.min(...sent())).toBeGreaterThan(2 * MIB);
  });

  it('share it also with one that is fed as soon as its bytes are taken', async () => {
    const socket = new LaterSocket();
    open.push(socket);
    const block = Buffer.alloc(MIB);
    streamsOver(socket, 2, (stream) => {
      const feed = (): void => stream.write(block, feed);
      if (stream.id === 1) feed();
      stream.write(block);
    });
    // It would go on for ever.
    for (let turns = 0; turns < 200 && socket.dataBytes.get(3) !== MIB; turns += 1) await pause(0);
    expect(socket.dataBytes.get(3)).toBe(MIB);
  });
});
