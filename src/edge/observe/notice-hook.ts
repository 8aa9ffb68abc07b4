import type { IncomingMessage } from 'node:http';
import { type Issue, type Result, TokenBucket } from '../../base/units/index.ts';
import { type Notice, readNotice, type Withdrawal } from '../../core/operations/index.ts';
import { type HttpAnswer, json, text } from './http-answer.ts';
import type { OperationView } from './operation-view.ts';

/** Whoever gives a notice, and the model services that he may give one for. */
export type NoticeGiver = { readonly author: string; mayFor(service: string): boolean };

export type NoticeTaken = {
  /** Drains that run for it now, those of an earlier notice included. */
  readonly operations: readonly OperationView[];
  /** What whoever gave it should know. */
  readonly notes: readonly string[];
};

/** Takes notices that a machine goes away. Issues: `NotFound` for one of which no endpoint is known, `Invalid`, `Refused`. */
export interface NoticeSeam {
  take(notice: Notice, giver: NoticeGiver): Promise<Result<NoticeTaken>>;
  /** Ends what the giver's own notices for that reason began, and tells it. */
  withdraw(withdrawal: Withdrawal, giver: NoticeGiver): Promise<Result<NoticeTaken>>;
  /** On the clock of the deadlines. */
  nowMs(): number;
}

/** The seam of a listener that knows nobody by his connection. */
export interface NoticeDoor extends NoticeSeam {
  /** By the `authorization` header; undefined: there was none. */
  recognise(
    authorization: string | undefined,
  ): Promise<
    | { readonly ok: true; readonly giver: NoticeGiver }
    | { readonly ok: false; readonly status: 401 | 403; readonly why: string }
  >;
}

export const NOTICE_PATH = '/api/notices';
export const NOTICE_ABOUT = 'POST: a machine goes away, in JSON or as an event of EventBridge';

/** An event of EventBridge has half a KiB. */
const MAX_BODY_BYTES = 16 * 1024;
/** A cloud that calls back a whole fleet sends one for each machine; whoever is told to wait comes again. */
const BURST = 200;
const PER_SEC = 20;
const STATUS_OF: Readonly<Record<string, number>> = { NotFound: 404, Refused: 409 };

/**
 * The one thing that can be done over HTTP: to say that a machine goes away, for what speaks no gRPC (EventBridge, a script on the
 * machine). A browser must not be led here by a page of somebody else: what it would send without asking first is no JSON, and
 * it says where it comes from.
 */
export class NoticeHook {
  readonly #door: NoticeDoor;
  readonly #bucket = new TokenBucket(BURST, PER_SEC);

  constructor(door: NoticeDoor) {
    this.#door = door;
  }

  async answer(request: IncomingMessage): Promise<HttpAnswer> {
    const { method, headers } = request;
    if (method !== 'POST') return text(405, `${NOTICE_PATH} takes POST.\n`, { allow: 'POST' });
    if (!this.#bucket.take(this.#door.nowMs()))
      return text(429, `More than ${PER_SEC} notices a second.\n`, { 'retry-after': '5' });
    if (headers.origin !== undefined) return text(403, 'Pages of a browser give no notices.\n');
    if (!/^application\/json *(?:;|$)/i.test(headers['content-type'] ?? ''))
      return text(415, 'A notice is JSON: send it with content-type: application/json.\n');
    const known = await this.#door.recognise(headers.authorization);
    if (!known.ok)
      return text(known.status, `${known.why}\n`, known.status === 401 ? { 'www-authenticate': 'Bearer' } : {});
    const body = await readBody(request);
    if (body === undefined) return text(413, `A notice has at most ${MAX_BODY_BYTES} bytes.\n`);
    const notice = readNotice(body, this.#door.nowMs());
    if (!notice.ok) return text(400, wordsOf(notice.issues));
    const taken = await this.#door.take(notice.value, known.giver);
    if (!taken.ok) return text(STATUS_OF[taken.issues[0]?.code ?? ''] ?? 400, wordsOf(taken.issues));
    const { operations, notes } = taken.value;
    const shown = operations.map(({ id, target, effect, endsAtMs }) => ({ id, target, effect, endsAtMs }));
    return json(200, { operations: shown, notes });
  }
}

/** Undefined when it is too long; the rest of it is not read. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length']) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function wordsOf(issues: readonly Issue[]): string {
  const words = issues.map(({ path, message, hint }) => {
    const where = path === '' ? '' : `${path}: `;
    return `${where}${message}${hint === undefined ? '' : `; ${hint}`}`;
  });
  return `${words.join('; ')}\n`;
}
