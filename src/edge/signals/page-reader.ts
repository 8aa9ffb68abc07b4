import { ChunkedBody } from './chunked-body.ts';
import { type BodyBuffers, GrowingBody } from './growing-body.ts';
import { parseResponseHead, type ResponseHead } from './http1-head.ts';
import { type AnswerHead, CLOSED, tooLarge, unfitAnswer } from './page-body.ts';
import type { Failure } from './signal-source.ts';

/** As node:http has it. */
const MAX_HEAD_BYTES = 16 * 1024;
const PROTOCOL = Buffer.from('HTTP/1.');
const HEAD_END = Buffer.from('\r\n\r\n');
const SWITCHING_PROTOCOLS = 101;
const NOT_HTTP: Failure = { reason: 'Protocol', message: 'the answer is not HTTP' };
const HEAD_TOO_LARGE: Failure = { reason: 'Protocol', message: 'the headers of the answer are too large' };

export type PageReaderOptions = {
  readonly maxBytes: number;
  /** As large as such a body was before. */
  readonly expectedBytes?: number | undefined;
  /** Where the body is lent: it is good until the next piece of any page comes, and must be read before. */
  readonly buffers?: BodyBuffers | undefined;
};

export type ReadPage = {
  readonly body: Buffer;
  readonly contentType: string;
  /** Another page can be asked for on the same connection. */
  readonly keepsAlive: boolean;
};

/** Reads one answer to a GET for a page in the pieces in which it comes. Pure: it knows no socket and no clock. */
export class PageReader {
  readonly #maxBytes: number;
  readonly #expectedBytes: number | undefined;
  readonly #buffers: BodyBuffers | undefined;
  /** Of the head, as long as it is not whole. */
  #early: Buffer | undefined;
  #head: ResponseHead | undefined;
  #body: GrowingBody | undefined;
  readonly #chunks = new ChunkedBody();

  constructor(options: PageReaderOptions) {
    this.#maxBytes = options.maxBytes;
    this.#expectedBytes = options.expectedBytes;
    this.#buffers = options.buffers;
  }

  /** The head is whole, and the body is what is waited for. */
  get reading(): boolean {
    return this.#head !== undefined;
  }

  /** Takes a piece, of which nothing is kept. Undefined when more is to come; after anything else there is no more. */
  push(piece: Buffer): ReadPage | Failure | undefined {
    if (this.#head !== undefined) return this.#pushBody(this.#head, piece, 0);
    const early = this.#early === undefined ? piece : Buffer.concat([this.#early, piece]);
    let start = 0;
    for (;;) {
      const known = Math.min(PROTOCOL.length, early.length - start);
      if (early.compare(PROTOCOL, 0, known, start, start + known) !== 0) return NOT_HTTP;
      const end = early.indexOf(HEAD_END, start);
      if ((end === -1 ? early.length : end) - start > MAX_HEAD_BYTES) return HEAD_TOO_LARGE;
      if (end === -1) {
        this.#early = Buffer.from(early.subarray(start));
        return undefined;
      }
      const head = parseResponseHead(early.toString('latin1', start, end));
      if (head === undefined) return NOT_HTTP;
      start = end + HEAD_END.length;
      if (head.status >= 200 || head.status === SWITCHING_PROTOCOLS) {
        this.#head = head;
        this.#early = undefined;
        return (
          unfitAnswer(answerOf(head), { gzip: false, maxBytes: this.#maxBytes }) ?? this.#pushBody(head, early, start)
        );
      }
      // An answer before the answer (RFC 9110, section 15.2).
    }
  }

  /** The other side says that nothing more comes. Undefined when there was no answer yet. */
  end(): ReadPage | Failure | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    const endsSo = !head.chunked && head.bodyBytes === undefined;
    return endsSo ? pageOf(head, this.#body ?? new GrowingBody(0), false) : CLOSED;
  }

  #pushBody(head: ResponseHead, piece: Buffer, from: number): ReadPage | Failure | undefined {
    this.#body ??= new GrowingBody(head.bodyBytes ?? this.#expectedBytes, this.#buffers);
    const body = this.#body;
    const { bodyBytes } = head;
    if (head.chunked) {
      const at = this.#chunks.take(piece, from, piece.length, body, this.#maxBytes);
      if (at === undefined) return NOT_HTTP;
      if (body.size > this.#maxBytes) return tooLarge(this.#maxBytes);
      return this.#chunks.done ? pageOf(head, body, at === piece.length) : undefined;
    }
    const end = bodyBytes === undefined ? piece.length : Math.min(piece.length, from + bodyBytes - body.size);
    if (body.size + end - from > this.#maxBytes) return tooLarge(this.#maxBytes);
    body.append(piece, from, end);
    return body.size === bodyBytes ? pageOf(head, body, end === piece.length) : undefined;
  }
}

/** `clean`: nothing came behind the answer, which nobody asked for. */
function pageOf({ contentType, keepsAlive }: ResponseHead, body: GrowingBody, clean: boolean): ReadPage {
  body.release();
  return { body: body.bytes, contentType, keepsAlive: keepsAlive && clean };
}

function answerOf({ status, contentEncoding, bodyBytes }: ResponseHead): AnswerHead {
  return { status, encoding: contentEncoding, announcedBytes: bodyBytes };
}
