import { connect, type Socket } from 'node:net';
import { FLAG, FRAME, FRAME_HEAD_BYTES, frame, SETTING } from '../../bench/xds/http2-frames.ts';
import { type HeaderList, headerBlock } from './hpack.ts';

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export type Frame = {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
};

/** `SETTINGS` with one window for every stream; 0 lets the server send no DATA at all. */
export function settings(initialWindowBytes: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(SETTING.initialWindowSize);
  payload.writeUInt32BE(initialWindowBytes, 2);
  return frame(FRAME.settings, 0, 0, payload);
}

/**
 * A client that misbehaves as a test wants it: it opens windows only when told to, can stop to read, and can leave pings
 * without an answer. node:http2 does all of that by itself, and rightly.
 */
export class Http2Peer {
  readonly frames: Frame[] = [];
  answersPings = true;
  closed = false;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #nextStream = 1;
  #waiters: (() => void)[] = [];

  constructor(port: number, options: { readonly windowBytes?: number } = {}) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
    this.write(PREFACE, settings(options.windowBytes ?? 65_535));
  }

  /** Opens a stream and returns its number. */
  open(headers: HeaderList, flags: number = FLAG.endHeaders): number {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.write(frame(FRAME.headers, flags, stream, headerBlock(headers)));
    return stream;
  }

  data(stream: number, payload: Buffer, flags = 0): void {
    this.write(frame(FRAME.data, flags, stream, payload));
  }

  write(...bytes: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  /** Stops to read, as a process that hangs: the kernel's buffers fill up. */
  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  of(stream: number, type: number): Frame[] {
    return this.frames.filter((one) => one.stream === stream && one.type === type);
  }

  /** Waits until it holds; throws when it does not within the limit. */
  async until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!holds()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`not within ${limitMs} ms: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end);
      const one = { type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream: bytes.readUInt32BE(at + 5), payload };
      this.frames.push(one);
      const asks = (one.flags & FLAG.ack) === 0;
      if (one.type === FRAME.settings && asks) this.write(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
      if (one.type === FRAME.ping && asks && this.answersPings) this.write(frame(FRAME.ping, FLAG.ack, 0, payload));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
