import type { Socket } from 'node:net';
import { type Frame, FrameReader } from './frame-reader.ts';
import { type Fault, formFault, payloadOf, readFault, settingsOf } from './frame-rules.ts';
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  dataFrames,
  ERROR,
  emptyFrame,
  FLAG,
  FRAME,
  frameOf,
  MAX_WINDOW_BYTES,
  numbersFrame,
  SETTING,
} from './frames.ts';
import { HeaderBlock } from './header-block.ts';
import { CONNECTION_WINDOW_BYTES, HELLO, MAX_HEADER_LIST_BYTES, MAX_STREAMS, STREAM_WINDOW_BYTES } from './hello.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { Outbox } from './outbox.ts';
import { PeerGuard } from './peer-guard.ts';
import { ReceiveWindow } from './receive-window.ts';
import { areTrailers, type Request, readRequest } from './request.ts';
import { Http2Stream, type StreamListener, type StreamPort } from './stream.ts';

/** What a connection is for. */
export interface ConnectionListener {
  /** A client has opened a stream. */
  opened(stream: Http2Stream, request: Request): StreamListener;
  /** The connection is over, and its streams before it. Called exactly once; with what the peer did wrong, if it did. */
  closed(reason: string | undefined): void;
}

/** After an error the peer may read our GOAWAY so long. */
const LINGER_MS = 1000;

const SETTINGS_ACK = emptyFrame(FRAME.settings, FLAG.ack, 0, 0);
/** Dynamic table size update to 0 (RFC 7541, 6.3). */
const TABLE_OF_NOTHING = Buffer.of(0x20);
const PING = frameOf(FRAME.ping, 0, 0, Buffer.from('loadline'));

/**
 * The server's side of one HTTP/2 connection (RFC 9113), for streams that are few and long: what a frame says is done when
 * it comes, and everything that one chunk of the peer causes goes out in one write. docs/design/xds.md says why it is not
 * node:http2. A peer that breaks the protocol gets GOAWAY with the reason, and touches nobody else.
 */
export class Http2Connection implements StreamPort {
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #reader = new FrameReader((frame) => this.#frame(frame));
  readonly #hpack = new HpackDecoder();
  readonly #streams = new Map<number, Http2Stream>();
  readonly #guard = new PeerGuard();
  readonly #outbox: Outbox;
  #state: 'New' | 'Open' | 'Draining' | 'Over' = 'New';
  #reason: string | undefined;
  #lastStream = 0;
  #block: HeaderBlock | undefined;
  #sendWindowBytes: number = DEFAULT_WINDOW_BYTES;
  readonly #receiveWindow = new ReceiveWindow(CONNECTION_WINDOW_BYTES);
  #peerWindowBytes: number = DEFAULT_WINDOW_BYTES;
  #peerFrameBytes: number = DEFAULT_FRAME_BYTES;
  /** The peer has changed the size of the table that we never use, and wants to hear of it (RFC 7541, 4.2). */
  #tableToClear = false;
  /** When the peer has last said or taken something, on the clock of `performance.now`. */
  lastHeardMs: number = performance.now();

  constructor(socket: Socket, listener: ConnectionListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.#outbox = new Outbox(socket, () => {
      // It has taken what waited: a slow reader, and no dead one.
      this.lastHeardMs = performance.now();
      this.#pumpAll();
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // An end of the peer's side is the end: HTTP/2 says goodbye by GOAWAY, and nobody reads an answer behind its own FIN.
    socket.on('end', () => socket.destroy());
    socket.on('error', (error) => {
      this.#reason ??= error.message;
    });
    socket.on('close', () => this.#gone());
    // Goes with the first answer: a client speaks first, and a write each for nothing is what a fleet's return costs.
    this.#outbox.push(HELLO);
  }

  /** Asks whether the peer is there: whatever it says then, it is. */
  ping(): void {
    if (this.#state !== 'Over') this.#write(PING);
  }

  /** No new streams; the connection ends with the last of those that are open. */
  drain(): void {
    if (this.#state === 'Draining' || this.#state === 'Over') return;
    this.#state = 'Draining';
    this.#write(numbersFrame(FRAME.goAway, 0, this.#lastStream, ERROR.noError));
    this.#endWhenDrained();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Headers go with the bytes behind them. */
  headers(stream: Http2Stream, block: Buffer, endStream: boolean): void {
    this.#pushHeaders(stream, block, endStream);
    if (!endStream) return;
    this.#localEnd(stream);
    this.#outbox.flush();
  }

  /** Sends what the windows and the socket have room for. */
  pump(stream: Http2Stream): void {
    for (let next = stream.next; next !== undefined; next = stream.next) {
      const window = Math.max(0, Math.min(this.#sendWindowBytes, stream.sendWindowBytes));
      if (window === 0 && next.length > 0) break;
      const room = this.#outbox.room();
      if (room === 0) break;
      this.#data(stream, next, Math.min(window, room, next.length));
    }
    const trailers = stream.takeTrailers();
    if (trailers !== undefined) {
      this.#pushHeaders(stream, trailers, true);
      this.#localEnd(stream);
    }
    this.#outbox.flush();
  }

  reset(stream: Http2Stream, code: number): void {
    this.#write(numbersFrame(FRAME.rstStream, stream.id, code));
    this.#guard.remember(stream.id);
    this.#close(stream);
  }

  #read(chunk: Buffer): void {
    if (this.#state === 'Over') return;
    this.lastHeardMs = performance.now();
    this.#outbox.hold();
    const fault = this.#reader.push(chunk);
    if (fault !== undefined) this.#failFor(readFault(fault));
    this.#outbox.release();
  }

  #frame(frame: Frame): boolean {
    const { type, flags } = frame;
    if (this.#state === 'New') {
      if (type !== FRAME.settings || (flags & FLAG.ack) !== 0)
        return this.#fail(ERROR.protocolError, 'the first frame is not SETTINGS');
      this.#state = 'Open';
    }
    if (this.#block !== undefined && (type !== FRAME.continuation || frame.stream !== this.#block.stream))
      return this.#fail(ERROR.protocolError, 'a frame within a header block');
    const fault = formFault(frame);
    if (fault !== undefined) return this.#failFor(fault);
    if (!this.#movesSomething(frame) && !this.#mayControl()) return false;
    this.#dispatch(frame);
    return this.#state !== 'Over';
  }

  /** A stream begins once and ends once; everything else can be repeated for nothing. */
  #movesSomething(frame: Frame): boolean {
    if (frame.type !== FRAME.data) return frame.type === FRAME.headers || frame.type === FRAME.continuation;
    const { start, end } = payloadOf(frame);
    return end > start || (frame.flags & FLAG.endStream) !== 0;
  }

  #dispatch(frame: Frame): void {
    switch (frame.type) {
      case FRAME.data:
        this.#onData(frame);
        break;
      case FRAME.headers:
        this.#onHeaders(frame);
        break;
      case FRAME.continuation:
        this.#onContinuation(frame);
        break;
      case FRAME.settings:
        this.#onSettings(frame);
        break;
      case FRAME.windowUpdate:
        this.#onWindowUpdate(frame);
        break;
      case FRAME.rstStream:
        this.#onReset(frame);
        break;
      case FRAME.ping:
        this.#onPing(frame);
        break;
      default:
      // PRIORITY, the client's GOAWAY and types that are not known have no effect.
    }
  }

  #onData(frame: Frame): void {
    const { flags, stream: id } = frame;
    const length = frame.end - frame.start;
    const body = payloadOf(frame);
    if (!this.#receiveWindow.take(length)) {
      this.#fail(ERROR.flowControlError, 'more DATA than the window of the connection allows');
      return;
    }
    this.#widen(0, this.#receiveWindow);
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#closedBefore(id, 'DATA');
      return;
    }
    if (stream.remoteClosed) {
      this.#abort(stream, ERROR.streamClosed);
      return;
    }
    if (!stream.receiveWindow.take(length)) {
      this.#abort(stream, ERROR.flowControlError);
      return;
    }
    const ends = (flags & FLAG.endStream) !== 0;
    if (stream.bodyBytes !== undefined) {
      stream.bodyBytes -= body.end - body.start;
      if (stream.bodyBytes < 0 || (ends && stream.bodyBytes > 0)) {
        this.#abort(stream, ERROR.protocolError);
        return;
      }
    }
    if (body.end > body.start) stream.listener?.data(frame.bytes.subarray(body.start, body.end));
    if (stream.over) return;
    if (ends) this.#remoteEnd(stream);
    else if (!stream.paused) this.widen(stream);
  }

  widen(stream: Http2Stream): void {
    this.#widen(stream.id, stream.receiveWindow);
  }

  blame(): void {
    this.#mayReset();
  }

  #widen(stream: number, window: ReceiveWindow): void {
    const more = window.widen();
    if (more > 0) this.#write(numbersFrame(FRAME.windowUpdate, stream, more));
  }

  #onHeaders(frame: Frame): void {
    const { bytes, flags, stream: id } = frame;
    const block = payloadOf(frame);
    const endStream = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) this.#onBlock(id, endStream, bytes, block.start, block.end);
    else this.#block = new HeaderBlock(id, endStream, bytes.subarray(block.start, block.end));
  }

  #onContinuation({ bytes, start, end, flags }: Frame): void {
    const block = this.#block;
    if (block === undefined) {
      this.#fail(ERROR.protocolError, 'CONTINUATION without HEADERS');
      return;
    }
    if (!block.add(bytes.subarray(start, end))) {
      this.#fail(ERROR.enhanceYourCalm, 'a header block without end');
      return;
    }
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block = undefined;
    const whole = block.whole();
    this.#onBlock(block.stream, block.endStream, whole, 0, whole.length);
  }

  #onBlock(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    // In any case: the next block needs what this one leaves in the table.
    const headers = this.#hpack.decode(bytes, start, end, MAX_HEADER_LIST_BYTES);
    if (headers === 'Malformed') {
      this.#fail(ERROR.compressionError, 'a header block that cannot be read');
      return;
    }
    if (headers === 'TooLarge') {
      this.#tooLarge(id);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      if (stream.remoteClosed) this.#abort(stream, ERROR.streamClosed);
      else if (!endStream || !areTrailers(headers) || (stream.bodyBytes ?? 0) > 0)
        this.#abort(stream, ERROR.protocolError);
      else this.#remoteEnd(stream);
      return;
    }
    if (id <= this.#lastStream) {
      if (this.#mayControl()) this.#closedBefore(id, 'HEADERS');
      return;
    }
    if (this.#state === 'Draining') return;
    this.#lastStream = id;
    this.#open(id, endStream, readRequest(headers));
  }

  /** Only this request is too large; others of the connection may be somebody else's, behind a gateway. */
  #tooLarge(id: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#abort(stream, ERROR.enhanceYourCalm);
    else if (id <= this.#lastStream) this.#closedBefore(id, 'HEADERS');
    else if (this.#state !== 'Draining') {
      this.#lastStream = id;
      this.#abort(this.#newStream(id), ERROR.enhanceYourCalm);
    }
  }

  #newStream(id: number): Http2Stream {
    return new Http2Stream(id, this, this.#peerWindowBytes, new ReceiveWindow(STREAM_WINDOW_BYTES));
  }

  #open(id: number, endStream: boolean, request: Request | undefined): void {
    const stream = this.#newStream(id);
    const full = this.#streams.size >= MAX_STREAMS;
    if (full || request === undefined || (endStream && (request.contentLength ?? 0) > 0)) {
      this.#abort(stream, full ? ERROR.refusedStream : ERROR.protocolError);
      return;
    }
    stream.bodyBytes = request.contentLength;
    stream.remoteClosed = endStream;
    this.#streams.set(id, stream);
    stream.listener = this.#listener.opened(stream, request);
    // It may be over already; then the one who ended it did so before it could be told.
    if (stream.over) {
      stream.listener.closed();
      stream.listener = undefined;
    } else if (endStream) this.#remoteEnd(stream);
  }

  #onSettings(frame: Frame): void {
    if ((frame.flags & FLAG.ack) !== 0) return;
    for (const [id, value] of settingsOf(frame)) {
      if (id === SETTING.maxFrameSize) this.#peerFrameBytes = value;
      else if (id === SETTING.headerTableSize) this.#tableToClear = true;
      else if (id === SETTING.initialWindowSize && !this.#widenAll(value)) return;
    }
    // First, so that the peer knows by which settings it is to read what they let through.
    this.#write(SETTINGS_ACK);
    this.#pumpAll();
  }

  #widenAll(toBytes: number): boolean {
    const more = toBytes - this.#peerWindowBytes;
    this.#peerWindowBytes = toBytes;
    for (const stream of this.#streams.values()) {
      stream.sendWindowBytes += more;
      if (stream.sendWindowBytes > MAX_WINDOW_BYTES)
        return this.#fail(ERROR.flowControlError, 'INITIAL_WINDOW_SIZE makes a window too wide');
    }
    return true;
  }

  #onWindowUpdate({ bytes, start, stream: id }: Frame): void {
    const more = bytes.readUInt32BE(start) & MAX_WINDOW_BYTES;
    if (id === 0) {
      this.#sendWindowBytes += more;
      if (more === 0) this.#fail(ERROR.protocolError, 'WINDOW_UPDATE of nothing');
      else if (this.#sendWindowBytes > MAX_WINDOW_BYTES) this.#fail(ERROR.flowControlError, 'a window too wide');
      else this.#pumpAll();
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#mustNotBeIdle(id, 'WINDOW_UPDATE');
      return;
    }
    stream.sendWindowBytes += more;
    if (more === 0) this.#abort(stream, ERROR.protocolError);
    else if (stream.sendWindowBytes > MAX_WINDOW_BYTES) this.#abort(stream, ERROR.flowControlError);
    else this.pump(stream);
  }

  #onReset({ stream: id }: Frame): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#mustNotBeIdle(id, 'RST_STREAM');
    else if (this.#mayReset()) this.#close(stream);
  }

  #onPing({ bytes, start, end, flags }: Frame): void {
    if ((flags & FLAG.ack) === 0) this.#write(frameOf(FRAME.ping, FLAG.ack, 0, bytes.subarray(start, end)));
  }

  /** A frame on a stream that is over: of one that we have reset, or never took, it may have been under way. */
  #closedBefore(id: number, what: string): void {
    if (this.#guard.remembers(id) || !this.#mustNotBeIdle(id, what) || id > this.#lastStream) return;
    this.#fail(ERROR.streamClosed, `${what} on a stream that is over`);
  }

  #mustNotBeIdle(id: number, what: string): boolean {
    // Behind GOAWAY the numbers of streams go on, and they are nothing to us.
    if (id !== 0 && id % 2 === 1 && (id <= this.#lastStream || this.#state === 'Draining')) return true;
    return this.#fail(ERROR.protocolError, `${what} on a stream that is not open`);
  }

  /** Resets a stream for what its client did; that too costs us more than the client (CVE-2025-8671). */
  #abort(stream: Http2Stream, code: number): void {
    if (this.#mayReset()) this.reset(stream, code);
  }

  #mayControl(): boolean {
    if (this.#guard.mayControl(this.lastHeardMs)) return true;
    return this.#fail(ERROR.enhanceYourCalm, 'too many frames that move nothing');
  }

  #mayReset(): boolean {
    if (this.#guard.mayReset(this.lastHeardMs)) return true;
    return this.#fail(ERROR.enhanceYourCalm, 'too many streams that are opened and reset');
  }

  #remoteEnd(stream: Http2Stream): void {
    stream.remoteClosed = true;
    if (stream.localClosed) this.#close(stream);
    else stream.listener?.halfClosed();
  }

  /** A client that has not finished is told that nobody listens any more (RFC 9113, 8.1). */
  #localEnd(stream: Http2Stream): void {
    if (stream.remoteClosed) this.#close(stream);
    else this.reset(stream, ERROR.noError);
  }

  #close(stream: Http2Stream): void {
    if (stream.over) return;
    stream.over = true;
    stream.drop();
    this.#streams.delete(stream.id);
    // Never nested in what the owner of the stream does.
    if (stream.listener !== undefined) process.nextTick(() => stream.listener?.closed());
    this.#endWhenDrained();
  }

  #data(stream: Http2Stream, bytes: Buffer, length: number): void {
    for (const frame of dataFrames(stream.id, bytes.subarray(0, length), this.#peerFrameBytes))
      this.#outbox.push(frame);
    this.#guard.sentData(length, length === bytes.length);
    this.#sendWindowBytes -= length;
    const taken = stream.sent(length);
    if (taken !== undefined) this.#outbox.tell(() => stream.over || taken());
  }

  /** Who has sent something and still waits comes last the next time, so that nobody starves behind one that is always fed. */
  #pumpAll(): void {
    for (const stream of [...this.#streams.values()]) {
      if (stream.over || !stream.waits) continue;
      const before = stream.sentBytes;
      this.pump(stream);
      if (stream.over || !stream.waits || stream.sentBytes === before) continue;
      this.#streams.delete(stream.id);
      this.#streams.set(stream.id, stream);
    }
  }

  #pushHeaders(stream: Http2Stream, block: Buffer, endStream: boolean): void {
    const payload = this.#tableToClear ? Buffer.concat([TABLE_OF_NOTHING, block]) : block;
    this.#tableToClear = false;
    const flags = FLAG.endHeaders | (endStream ? FLAG.endStream : 0);
    this.#outbox.push(frameOf(FRAME.headers, flags, stream.id, payload));
  }

  #write(frame: Buffer): void {
    this.#outbox.push(frame);
    this.#outbox.flush();
  }

  #failFor({ code, reason }: Fault): false {
    return this.#fail(code, reason);
  }

  /** Ends the connection for what the peer did; always false. */
  #fail(code: number, reason: string): false {
    if (this.#state === 'Over') return false;
    this.#reason = reason;
    this.#outbox.push(numbersFrame(FRAME.goAway, 0, this.#lastStream, code));
    this.#end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    return false;
  }

  #endWhenDrained(): void {
    if (this.#state === 'Draining' && this.#streams.size === 0) this.#end();
  }

  #end(): void {
    this.#state = 'Over';
    this.#outbox.release();
    this.#closeAll();
    // What the peer still sends is read and dropped: an unread byte would make the kernel throw away our last words.
    this.#socket.end();
  }

  #closeAll(): void {
    for (const stream of [...this.#streams.values()]) this.#close(stream);
  }

  #gone(): void {
    this.#state = 'Over';
    this.#closeAll();
    process.nextTick(() => this.#listener.closed(this.#reason));
  }
}
