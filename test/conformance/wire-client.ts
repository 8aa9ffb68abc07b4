import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import { grpcService, type JsonObject } from '../../src/base/codec/index.ts';
import { ADS, TYPES, type TypeName, urlOf, type Variant } from './protocol.ts';
import { decodeResponse, encodeRequest, type Item, inWords, type RequestPart, type Response } from './wire-message.ts';

/** How long an answer may take before a test fails. Hundreds of tests share one event loop, and a busy machine stops it for seconds. */
const LIMIT_MS = 15_000;
const UNLIMITED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

export type StreamOptions = {
  readonly variant: Variant;
  /** `ads`, or the type whose own service is called. */
  readonly service: TypeName | 'ads';
  /** Carried by the first request only. */
  readonly node: JsonObject;
};

/** What a client wants beside its answer to a response. */
export type Change = { readonly subscribe?: readonly string[]; readonly unsubscribe?: readonly string[] };

/** One HTTP/2 connection, of its own. */
export class WireConnection {
  readonly #client: Client;

  constructor(address: string) {
    const own = { 'grpc.use_local_subchannel_pool': 1 };
    this.#client = new Client(address, credentials.createInsecure(), { ...UNLIMITED, ...own });
  }

  open(options: StreamOptions): WireClient {
    const { service, methods } = options.service === 'ads' ? ADS : TYPES[options.service];
    const path = grpcService(service)[methods[options.variant]]?.path;
    if (path === undefined) throw new Error(`${service} has no ${methods[options.variant]}`);
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new WireClient(this.#client.makeBidiStreamRequest(path, asIs, asIs), options);
  }

  close(): void {
    this.#client.close();
  }
}

type Book = {
  wanted: Set<string>;
  /** Accepted resources by name. */
  held: Map<string, Item>;
  /** Of the last response that was accepted. */
  version: string;
  /** Of the last response that was answered, either way. */
  nonce: string;
};

/**
 * One xDS stream of either variant that knows only the protocol. It answers when it is told to: `send` writes exactly one
 * request, `subscribe`, `ack` and the like write what a correct client of the variant would write.
 */
export class WireClient {
  readonly variant: Variant;
  /** Responses that came and were not taken by `next`. */
  readonly unread: Response[] = [];
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #node: JsonObject;
  readonly #books = new Map<string, Book>();
  #first = true;
  #closed = false;
  #ended: StatusObject | undefined;
  #waiters: (() => void)[] = [];

  constructor(call: ClientDuplexStream<Buffer, Buffer>, options: StreamOptions) {
    this.variant = options.variant;
    this.#node = options.node;
    this.#call = call;
    call.on('data', (bytes: Buffer) => {
      this.unread.push(decodeResponse(this.variant, bytes));
      this.#wake();
    });
    call.on('error', () => undefined);
    call.on('status', (status) => {
      this.#ended = status;
      this.#wake();
    });
  }

  send(
    type: string,
    part: RequestPart = {},
    options: { readonly node?: boolean; readonly typeUrl?: string } = {},
  ): void {
    const node = (options.node ?? this.#first) ? this.#node : undefined;
    this.sendBytes(encodeRequest(this.variant, options.typeUrl ?? urlOf(type), part, node));
  }

  sendBytes(bytes: Buffer): void {
    this.#first = false;
    this.#call.write(bytes);
  }

  /** Asks for more names; without any, for the first time of the type, for everything. */
  subscribe(type: string, ...names: readonly string[]): void {
    this.#want(type, { subscribe: names });
  }

  unsubscribe(type: string, ...names: readonly string[]): void {
    this.#want(type, { unsubscribe: names });
  }

  /** The first request of a client that comes back with what it held on another stream. */
  resume(type: string, before: WireClient): void {
    const { wanted, held, version } = before.#book(type);
    const book = this.#book(type);
    book.wanted = new Set(wanted);
    book.held = new Map(held);
    book.version = version;
    const names = [...wanted];
    if (this.variant === 'sotw') this.send(type, { names, versionInfo: version });
    else this.send(type, { subscribe: names, initialVersions: before.versions(type) });
  }

  ack(response: Response, change: Change = {}): void {
    const book = this.#book(response.type);
    this.#apply(book, response);
    book.version = response.version;
    book.nonce = response.nonce;
    this.#want(response.type, change, { nonce: response.nonce });
  }

  nack(response: Response, message: string, change: Change = {}): void {
    this.#book(response.type).nonce = response.nonce;
    this.#want(response.type, change, { nonce: response.nonce, errorDetail: { code: 3, message } });
  }

  /** The next response (of the type), taken out of `unread`. A bounded wait. */
  async next(type?: string, limitMs: number = LIMIT_MS): Promise<Response> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const at = this.unread.findIndex((one) => type === undefined || one.type === type);
      if (at !== -1) return this.unread.splice(at, 1)[0] as Response;
      if (this.#ended !== undefined) throw new Error(`the stream ended: ${words(this.#ended)}`);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`no ${type ?? 'response'} within ${limitMs} ms; unread: ${this.#unreadWords()}`);
      await this.#news(leftMs);
    }
  }

  /** The next response (of the type), ACKed. */
  async accept(type?: string, limitMs?: number): Promise<Response> {
    const response = await this.next(type, limitMs);
    this.ack(response);
    return response;
  }

  /** Fails if anything (of the type) comes, or the stream ends: a dead stream is silent too. */
  async silent(forMs: number, type?: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, forMs));
    if (this.#ended !== undefined) throw new Error(`the stream ended: ${words(this.#ended)}`);
    const heard = this.unread.filter((one) => type === undefined || one.type === type);
    if (heard.length > 0) throw new Error(`expected silence, heard ${heard.map(inWords).join('; ')}`);
  }

  /** How the stream ended. */
  async end(limitMs: number = LIMIT_MS): Promise<{ readonly code: number; readonly details: string }> {
    const deadline = Date.now() + limitMs;
    while (this.#ended === undefined) {
      if (Date.now() >= deadline) throw new Error(`the stream has not ended within ${limitMs} ms`);
      await this.#news(deadline - Date.now());
    }
    return this.#ended;
  }

  held(type: string): ReadonlyMap<string, Item> {
    return this.#book(type).held;
  }

  /** Names of what is held, sorted. */
  holds(type: string): string[] {
    return [...this.held(type).keys()].sort();
  }

  /** Names that are subscribed to, sorted. */
  wants(type: string): string[] {
    return [...this.#book(type).wanted].sort();
  }

  /** `version_info` of the last response of the type that was accepted. */
  version(type: string): string {
    return this.#book(type).version;
  }

  versions(type: string): Record<string, string> {
    return Object.fromEntries([...this.held(type)].map(([name, { version }]) => [name, version]));
  }

  halfClose(): void {
    this.#call.end();
  }

  close(): void {
    if (!this.#closed) this.#call.cancel();
    this.#closed = true;
  }

  #want(type: string, change: Change, answer: RequestPart = {}): void {
    const book = this.#book(type);
    for (const name of change.subscribe ?? []) book.wanted.add(name);
    for (const name of change.unsubscribe ?? []) book.wanted.delete(name);
    if (this.variant === 'delta') this.send(type, { ...change, ...answer });
    else this.send(type, { names: [...book.wanted], versionInfo: book.version, nonce: book.nonce, ...answer });
  }

  #apply(book: Book, response: Response): void {
    const whole = this.variant === 'sotw' && TYPES[response.type as TypeName]?.whole === true;
    if (whole) book.held = new Map();
    for (const item of response.items) if (item.hasBody) book.held.set(item.name, item);
    for (const name of response.removed) book.held.delete(name);
  }

  #book(type: string): Book {
    let book = this.#books.get(type);
    if (book === undefined) {
      book = { wanted: new Set(), held: new Map(), version: '', nonce: '' };
      this.#books.set(type, book);
    }
    return book;
  }

  #unreadWords(): string {
    return this.unread.map(inWords).join('; ') || 'nothing';
  }

  async #news(limitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

function words(status: StatusObject): string {
  return `${status.code} ${status.details}`;
}
