import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { OutboundGuard } from '../outbound/index.ts';
import { wordsOfNetworkError } from './network-error.ts';
import { readPageBody } from './page-body.ts';
import type { Failure } from './signal-source.ts';

export type PageRequest = {
  /** May carry `user:password@`, which is sent as Basic credentials and never shown. */
  readonly url: string;
  readonly accept: string;
  /** Ask for gzip. Worth it for large answers only: it costs the answering side processor time. */
  readonly gzip?: boolean;
  /** Sent as a form by POST: for a question too long for a URL. It must be one that may be asked twice. */
  readonly form?: Readonly<Record<string, string>>;
  /** Where the bound of the fetcher does not fit. */
  readonly maxBytes?: number;
};

export type Page =
  | {
      readonly ok: true;
      readonly body: Buffer;
      /** Lower case, without parameters; '' when the answer does not say. */
      readonly contentType: string;
      readonly tookMs: number;
    }
  | { readonly ok: false; readonly failure: Failure };

/** How sources get a page: the seam that lets their tests do without sockets. `get` never rejects. */
export interface PageFetcher {
  get(request: PageRequest, signal: AbortSignal): Promise<Page>;
}

/** Far above the pages of a node with 16 GPUs (0.2 MB). */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/**
 * GET, and POST of a form, over plain node:http with connections that are kept. Not `fetch`: that follows redirects, decompresses without a
 * bound and hides which phase hung.
 */
export class HttpPageFetcher implements PageFetcher {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #maxBodyBytes: number;
  readonly #guard: OutboundGuard;

  /** Without a guard of the operator's what is forbidden to everybody is still not asked. */
  constructor(options: { readonly maxBodyBytes?: number; readonly guard?: OutboundGuard | undefined } = {}) {
    this.#http = new HttpAgent({ keepAlive: true, maxFreeSockets: 8 });
    this.#https = new HttpsAgent({ keepAlive: true, maxFreeSockets: 8 });
    this.#maxBodyBytes = options.maxBodyBytes ?? MAX_BODY_BYTES;
    this.#guard = options.guard ?? new OutboundGuard();
  }

  async get(request: PageRequest, signal: AbortSignal): Promise<Page> {
    const startedAt = performance.now();
    const url = usableUrl(request.url);
    if (url === undefined) {
      return failure('Unreachable', 'the address is not a valid http or https URL');
    }
    const refusal = this.#guard.refusalOf(url);
    if (refusal !== undefined) return failure('Forbidden', refusal);
    const first = await this.#try(url, request, signal, startedAt);
    // The other side may close a kept connection just when it is used again: that says nothing about its health.
    return first === 'StaleConnection' ? settled(await this.#try(url, request, signal, startedAt)) : first;
  }

  /** Ends idle connections; requests under way end through their signals. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #try(url: URL, page: PageRequest, signal: AbortSignal, startedAt: number): Promise<Page | 'StaleConnection'> {
    return new Promise((resolve) => {
      let phase = 'connecting';
      let over = false;
      const end = (result: Page | 'StaleConnection'): void => {
        if (over) return;
        over = true;
        signal.removeEventListener('abort', abort);
        if (result === 'StaleConnection' || !result.ok) request.destroy();
        resolve(result);
      };
      const abort = (): void => {
        end(
          signal.reason === 'Stopped'
            ? failure('Stopped', 'stopped')
            : failure(
                'Timeout',
                `no complete answer within ${Math.round(performance.now() - startedAt)} ms (${phase})`,
              ),
        );
      };
      const form = page.form === undefined ? undefined : new URLSearchParams(page.form).toString();
      const options: RequestOptions = {
        method: form === undefined ? 'GET' : 'POST',
        agent: url.protocol === 'https:' ? this.#https : this.#http,
        lookup: this.#guard.lookup,
        headers: {
          accept: page.accept,
          'user-agent': 'loadline',
          'accept-encoding': page.gzip === true ? 'gzip' : 'identity',
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
      };
      const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
      request.on('socket', (socket) => {
        if (request.reusedSocket || !socket.connecting) phase = 'waiting for the answer';
        else {
          socket.once('connect', () => {
            phase = 'waiting for the answer';
          });
        }
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (request.reusedSocket && error.code === 'ECONNRESET' && phase !== READING) end('StaleConnection');
        else end({ ok: false, failure: wordsOfNetworkError(error) });
      });
      request.on('close', () => {
        // Once there is a response, its body tells how the exchange ended, and tells it a little later than this event.
        if (phase !== READING) end(failure('Closed', 'the connection was closed without an answer'));
      });
      request.on('response', async (response) => {
        phase = READING;
        const body = await readPageBody(response, {
          gzip: page.gzip === true,
          maxBytes: page.maxBytes ?? this.#maxBodyBytes,
        });
        if (Buffer.isBuffer(body)) {
          end({ ok: true, body, contentType: contentTypeOf(response), tookMs: performance.now() - startedAt });
        } else {
          end({ ok: false, failure: body });
        }
      });
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      request.end(form);
    });
  }
}

const READING = 'reading the body';

function usableUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    // Node decodes the credentials when the request is made, and throws there if they are malformed.
    decodeURIComponent(url.username + url.password);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    // Malformed: the caller has the words for it.
    return undefined;
  }
}

function contentTypeOf(response: IncomingMessage): string {
  return (response.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function failure(reason: Failure['reason'], message: string): Page {
  return { ok: false, failure: { reason, message } };
}

function settled(result: Page | 'StaleConnection'): Page {
  return result === 'StaleConnection' ? failure('Closed', 'the connection was closed without an answer') : result;
}
