import { connect, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, type SecureContext, connect as tlsConnect } from 'node:tls';
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frame,
  GRPC_HEAD_BYTES,
  opening,
  SETTING,
  windowUpdate,
  writeFrameHead,
} from './http2-frames.ts';

const DELTA_ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const HOST = '127.0.0.1';
/** Room for all that a test sends, as with Envoy's own defaults: flow control must not be what is measured. */
const WINDOW_BYTES = 16 * 1024 * 1024;
const CALL = 1;
/** One buffer for all reads of the process: what outlives the callback is copied. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

export type Peer = {
  readonly port: number;
  readonly secureContext?: SecureContext;
  /** Delta ADS by default. */
  readonly path?: string;
};

export interface GrpcStreamOwner {
  /** One message; the bytes are valid only during the call. */
  message(bytes: Buffer, start: number, end: number): void;
  /** The call or its connection ended, and not because of `destroy`. */
  ended(reason: string): void;
}

/**
 * One gRPC call on a connection of its own. Written by hand, because node:http2 and grpc-js cost the client more CPU per
 * message than some of the servers that are measured on the other core.
 */
export class GrpcStream {
  readonly #owner: GrpcStreamOwner;
  readonly #socket: Socket;
  #closed = false;
  /** Bytes of a frame that has not arrived whole. */
  #rest: Buffer | undefined;
  /** Bytes of a message that has not arrived whole. */
  #partial: Buffer | undefined;
  #unacknowledged = 0;
  #connectionWindow: number = DEFAULT_WINDOW_BYTES;
  #callWindow: number = DEFAULT_WINDOW_BYTES;
  #peerInitialWindow: number = DEFAULT_WINDOW_BYTES;
  #maxFrameBytes: number = DEFAULT_FRAME_BYTES;
  /** What the peer's windows have no room for yet. */
  readonly #unsent: Buffer[] = [];

  constructor(peer: Peer, owner: GrpcStreamOwner) {
    this.#owner = owner;
    const onread: OnReadOpts = {
      buffer: readBuffer,
      callback: (bytes) => {
        this.#receive(readBuffer.subarray(0, bytes));
        return true;
      },
    };
    const { port, secureContext, path = DELTA_ADS } = peer;
    // `onread` of tls.connect is documented, but its type does not have it.
    const secure = { host: HOST, port, secureContext, ALPNProtocols: ['h2'], servername: 'localhost', onread };
    this.#socket =
      secureContext === undefined
        ? connect({ host: HOST, port, noDelay: true, onread })
        : tlsConnect(secure as ConnectionOptions).setNoDelay(true);
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', () => this.#end('the connection was closed'));
    const scheme = secureContext === undefined ? 'http' : 'https';
    this.#socket.write(opening({ authority: `${HOST}:${port}`, scheme, path, windowBytes: WINDOW_BYTES }));
  }

  send(message: Buffer): void {
    // The frame's head lies in front, so that an ACK is one small write.
    const framed = Buffer.allocUnsafe(FRAME_HEAD_BYTES + GRPC_HEAD_BYTES + message.length);
    framed[FRAME_HEAD_BYTES] = 0;
    framed.writeUInt32BE(message.length, FRAME_HEAD_BYTES + 1);
    message.copy(framed, FRAME_HEAD_BYTES + GRPC_HEAD_BYTES);
    const length = framed.length - FRAME_HEAD_BYTES;
    if (this.#unsent.length > 0 || length > this.#room()) {
      this.#unsent.push(framed.subarray(FRAME_HEAD_BYTES));
      this.#flush();
      return;
    }
    writeFrameHead(framed, length, FRAME.data, 0, CALL);
    this.#socket.write(framed);
    this.#spend(length);
  }

  /** Stops to read, as a client that hangs: the kernel's buffers fill up. */
  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    this.#socket.cork();
    for (let next = this.#unsent[0]; next !== undefined && this.#room() > 0; next = this.#unsent[0]) {
      const payload = next.subarray(0, this.#room());
      const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
      writeFrameHead(head, payload.length, FRAME.data, 0, CALL);
      this.#socket.write(head);
      this.#socket.write(payload);
      this.#spend(payload.length);
      if (payload.length === next.length) this.#unsent.shift();
      else this.#unsent[0] = next.subarray(payload.length);
    }
    this.#socket.uncork();
  }

  /** Bytes of a frame that may go out now. */
  #room(): number {
    return Math.min(this.#connectionWindow, this.#callWindow, this.#maxFrameBytes);
  }

  #spend(bytes: number): void {
    this.#connectionWindow -= bytes;
    this.#callWindow -= bytes;
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const start = at + FRAME_HEAD_BYTES;
      const end = start + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const type = bytes[at + 3] as number;
      if (type === FRAME.data) this.#data(bytes, start, end, bytes[at + 4] as number);
      else this.#control(type, bytes[at + 4] as number, bytes.readUInt32BE(at + 5), bytes.subarray(start, end));
      if (this.#closed) return;
      at = end;
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  #data(bytes: Buffer, start: number, end: number, flags: number): void {
    if ((flags & FLAG.padded) !== 0) {
      this.#end('padded DATA, which no server of ours sends');
      return;
    }
    this.#unacknowledged += end - start;
    if (this.#unacknowledged > WINDOW_BYTES / 2) {
      this.#socket.write(Buffer.concat([0, CALL].map((stream) => windowUpdate(stream, this.#unacknowledged))));
      this.#unacknowledged = 0;
    }
    if (this.#partial === undefined) this.#messages(bytes, start, end);
    else {
      const joined = Buffer.concat([this.#partial, bytes.subarray(start, end)]);
      this.#partial = undefined;
      this.#messages(joined, 0, joined.length);
    }
    if ((flags & FLAG.endStream) !== 0) this.#end('the server ended the call');
  }

  #messages(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (end - at >= GRPC_HEAD_BYTES) {
      const from = at + GRPC_HEAD_BYTES;
      const to = from + bytes.readUInt32BE(at + 1);
      if (to > end) break;
      this.#owner.message(bytes, from, to);
      at = to;
    }
    if (at < end && !this.#closed) this.#partial = Buffer.from(bytes.subarray(at, end));
  }

  #control(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
      for (let at = 0; at + 6 <= payload.length; at += 6)
        this.#setting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      this.#socket.write(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
      this.#flush();
    } else if (type === FRAME.windowUpdate) {
      if (stream === 0) this.#connectionWindow += payload.readUInt32BE(0);
      else this.#callWindow += payload.readUInt32BE(0);
      this.#flush();
    } else if (type === FRAME.ping && (flags & FLAG.ack) === 0) {
      this.#socket.write(frame(FRAME.ping, FLAG.ack, 0, payload));
    } else if (type === FRAME.rstStream) this.#end(`RST_STREAM, code ${payload.readUInt32BE(0)}`);
    else if (type === FRAME.goAway) this.#end(`GOAWAY, code ${payload.readUInt32BE(4)}`);
    else if (type === FRAME.headers && (flags & FLAG.endStream) !== 0) {
      this.#end(`trailers: ${payload.toString('latin1').replace(/[^ -~]+/g, ' ')}`);
    }
  }

  #setting(id: number, value: number): void {
    if (id === SETTING.maxFrameSize) this.#maxFrameBytes = value;
    if (id !== SETTING.initialWindowSize) return;
    this.#callWindow += value - this.#peerInitialWindow;
    this.#peerInitialWindow = value;
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.destroy();
    this.#owner.ended(reason);
  }
}
