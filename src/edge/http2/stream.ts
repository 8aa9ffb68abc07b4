import { ERROR } from './frames.ts';
import type { ReceiveWindow } from './receive-window.ts';

/** What a connection does for its streams. */
export interface StreamPort {
  headers(stream: Http2Stream, block: Buffer, endStream: boolean): void;
  /** Bytes were queued, or a window was opened. */
  pump(stream: Http2Stream): void;
  reset(stream: Http2Stream, code: number): void;
  widen(stream: Http2Stream): void;
  blame(): void;
}

/** What is done with a stream that a client has opened. Callbacks are never nested in a method of the stream. */
export interface StreamListener {
  /** The bytes are the connection's: they are valid only during the call. */
  data(bytes: Buffer): void;
  /** The client has sent its last byte. */
  halfClosed(): void;
  /** The stream is over, whoever ended it. Called exactly once. */
  closed(): void;
}

type Queued = { readonly bytes: Buffer; readonly taken: (() => void) | undefined };

/** One HTTP/2 stream, from the server's side: what waits to be sent on it, and its windows. */
export class Http2Stream {
  readonly id: number;
  readonly #port: StreamPort;
  listener: StreamListener | undefined;
  /** Of bytes that may be sent; below zero when the peer has shrunk it. */
  sendWindowBytes: number;
  readonly receiveWindow: ReceiveWindow;
  /** Of the body, as far as the client has said; counts down. */
  bodyBytes: number | undefined;
  remoteClosed = false;
  localClosed = false;
  over = false;
  readonly #queue: Queued[] = [];
  /** Of the first in the queue, what was sent already. */
  #firstSentBytes = 0;
  #paused = false;
  /** Of bodies, since the stream was opened. */
  sentBytes = 0;
  #last: Buffer | undefined;
  #headersSent = false;

  constructor(id: number, port: StreamPort, sendWindowBytes: number, receiveWindow: ReceiveWindow) {
    this.id = id;
    this.#port = port;
    this.sendWindowBytes = sendWindowBytes;
    this.receiveWindow = receiveWindow;
  }

  get headersSent(): boolean {
    return this.#headersSent;
  }

  /** Headers, encoded; with `endStream` they are all that is answered. */
  respond(block: Buffer, endStream = false): void {
    if (this.over || this.#headersSent) return;
    this.#headersSent = true;
    if (endStream) this.localClosed = true;
    this.#port.headers(this, block, endStream);
  }

  /**
   * Sends bytes that nobody will write to: they are not copied if they are many. `taken` is called once, when none of them is
   * kept any more; never when the stream ends before.
   */
  write(bytes: Buffer, taken?: () => void): void {
    if (this.over || this.localClosed || this.#last !== undefined) return;
    this.#queue.push({ bytes, taken });
    this.#port.pump(this);
  }

  /** Sends trailers, encoded, behind everything that was written. */
  end(trailers: Buffer): void {
    if (this.over || this.localClosed || this.#last !== undefined) return;
    this.#last = trailers;
    this.#port.pump(this);
  }

  reset(code: number = ERROR.cancel): void {
    if (!this.over) this.#port.reset(this, code);
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The client may send no more than its window until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.over && !this.remoteClosed) this.#port.widen(this);
  }

  /** Its client did something wrong: whoever does that again and again loses the connection. */
  blame(): void {
    if (!this.over) this.#port.blame();
  }

  get waits(): boolean {
    return this.#queue.length > 0 || this.#last !== undefined;
  }

  /** The connection asks: what goes next, `undefined` when nothing waits. */
  get next(): Buffer | undefined {
    const first = this.#queue[0];
    if (first === undefined) return undefined;
    return this.#firstSentBytes === 0 ? first.bytes : first.bytes.subarray(this.#firstSentBytes);
  }

  /** The connection says that so much of `next` went; returns whom to tell when that was the rest of it. */
  sent(bytes: number): (() => void) | undefined {
    const first = this.#queue[0] as Queued;
    this.sendWindowBytes -= bytes;
    this.sentBytes += bytes;
    this.#firstSentBytes += bytes;
    if (this.#firstSentBytes < first.bytes.length) return undefined;
    this.#queue.shift();
    this.#firstSentBytes = 0;
    return first.taken;
  }

  /** Trailers whose turn it is. */
  takeTrailers(): Buffer | undefined {
    if (this.#queue.length > 0 || this.#last === undefined) return undefined;
    const last = this.#last;
    this.#last = undefined;
    this.localClosed = true;
    return last;
  }

  drop(): void {
    this.#queue.length = 0;
    this.#last = undefined;
  }
}
