import { connect, type LookupFunction, type Socket } from 'node:net';
import type { BodyBuffers } from './growing-body.ts';
import { wordsOfNetworkError } from './network-error.ts';
import { PageReader, type ReadPage } from './page-reader.ts';
import type { Failure } from './signal-source.ts';

export type Origin = {
  readonly host: string;
  readonly port: number;
  readonly lookup: LookupFunction;
};

export type Question = {
  readonly text: string;
  readonly maxBytes: number;
  readonly buffers?: BodyBuffers | undefined;
};
export type Answered = ReadPage | Failure | 'StaleConnection';

const RECEIVE_BYTES = 64 * 1024;
/** Of all connections: what a read brings is taken before the next one begins. Not so on Windows, where reads overlap. */
const RECEIVED = Buffer.allocUnsafeSlow(RECEIVE_BYTES);

/**
 * One connection to a server of pages, for one question at a time. Over node:net: a request of node:http is a dozen objects
 * and two streams, and costs more than all that is done with its page.
 */
export class PageConnection {
  readonly #socket: Socket;
  #reader: PageReader | undefined;
  #settle: ((answered: Answered) => void) | undefined;
  #reused = false;
  #lastBytes: number | undefined;

  /** `onClose`: it is of no use any more. */
  constructor({ host, port, lookup }: Origin, onClose: () => void) {
    const buffer = process.platform === 'win32' ? Buffer.allocUnsafeSlow(RECEIVE_BYTES) : RECEIVED;
    const callback = (size: number, received: Uint8Array): boolean => {
      this.#take((received as Buffer).subarray(0, size));
      return true;
    };
    this.#socket = connect({ host, port, lookup, noDelay: true, keepAlive: true, onread: { buffer, callback } });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      const stale = this.#stale && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      this.#end(stale ? 'StaleConnection' : wordsOfNetworkError(error));
    });
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => {
      this.#ended();
      onClose();
    });
  }

  get phase(): 'connecting' | 'waiting for the answer' | 'reading the body' {
    if (this.#socket.connecting) return 'connecting';
    return this.#reader?.reading === true ? 'reading the body' : 'waiting for the answer';
  }

  /** Calls `settle` once, and never before it returns; not after `destroy`. */
  ask({ text, maxBytes, buffers }: Question, settle: (answered: Answered) => void): void {
    this.#reader = new PageReader({ maxBytes, expectedBytes: this.#lastBytes, buffers });
    this.#settle = settle;
    this.#socket.ref();
    this.#socket.write(text, 'latin1');
  }

  destroy(): void {
    this.#settle = undefined;
    this.#reader = undefined;
    this.#socket.destroy();
  }

  /** The other side may close a kept connection just when it is used again: that says nothing about its health. */
  get #stale(): boolean {
    return this.#reused && this.#reader?.reading !== true;
  }

  #take(piece: Buffer): void {
    const answered = this.#reader?.push(piece);
    if (answered !== undefined) this.#end(answered);
    // Nobody asked for it.
    else if (this.#reader === undefined) this.#socket.destroy();
  }

  #ended(): void {
    if (this.#reader === undefined) return;
    const reset: Failure = { reason: 'Closed', message: 'the connection was reset' };
    this.#end(this.#reader.end() ?? (this.#stale ? 'StaleConnection' : reset));
  }

  #end(answered: Answered): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.#reader = undefined;
    if (answered !== 'StaleConnection' && 'body' in answered && answered.keepsAlive) {
      this.#reused = true;
      this.#lastBytes = answered.body.length;
      // It must not keep the process from its end while nobody asks.
      this.#socket.unref();
    } else this.#socket.destroy();
    settle(answered);
  }
}
