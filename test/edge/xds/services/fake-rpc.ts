import type { Rpc, RpcListener, RpcMethods } from '../../../../src/edge/xds/transport/rpc.ts';

/** One call without a socket: what the service sent, and how it ended the call. */
export class FakeRpc implements Rpc {
  readonly path: string;
  readonly peer = '127.0.0.1:40312';
  readonly sent: Buffer[] = [];
  ended: { readonly status: number; readonly message?: string } | undefined;
  /** Keeps what is sent, as a transport does whose peer does not read; `release` lets go of one message. */
  holding = false;
  readonly #listener: RpcListener;
  readonly #held: (() => void)[] = [];

  constructor(methods: RpcMethods, path: string) {
    this.path = path;
    const handler = methods.get(path);
    if (handler === undefined) throw new Error(`no method ${path}; there are ${[...methods.keys()].join(', ')}`);
    this.#listener = handler(this);
  }

  send(framed: Buffer, taken?: () => void): void {
    if (this.ended !== undefined) throw new Error('sent after the end');
    if (framed[0] !== 0 || framed.readUInt32BE(1) !== framed.length - 5) throw new Error('not a gRPC message');
    this.sent.push(framed.subarray(5));
    if (taken === undefined) return;
    if (this.holding) this.#held.push(taken);
    else taken();
  }

  end(status: number, message?: string): void {
    if (this.ended !== undefined) throw new Error('ended twice');
    this.ended = { status, ...(message === undefined ? {} : { message }) };
    this.#listener.closed();
  }

  pause(): void {}

  resume(): void {}

  release(): void {
    this.#held.shift()?.();
  }

  /** The peer's message. The memory is used again afterwards, as a transport may do. */
  request(bytes: Uint8Array): this {
    const lent = Buffer.from(bytes);
    this.#listener.message(lent);
    lent.fill(0xff);
    return this;
  }

  halfClose(): this {
    this.#listener.halfClosed();
    return this;
  }

  /** The peer cancels, or its connection breaks. */
  close(): this {
    this.#listener.closed();
    return this;
  }
}

/** Bytes that are no protobuf message: a length that runs over the end. */
export const JUNK: Uint8Array = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x7f, 1);
