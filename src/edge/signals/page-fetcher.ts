import { Agent as HttpAgent, type RequestOptions, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { OutboundGuard } from '../outbound/index.ts';
import { BodyBuffers } from './growing-body.ts';
import { wordsOfNetworkError } from './network-error.ts';
import { type PageAddress, PageAddresses } from './page-address.ts';
import { readPageBody } from './page-body.ts';
import { PageConnections } from './page-connections.ts';
import type { Failure } from './signal-source.ts';

export type PageRequest = {
  /** May carry `user:password@`, which is sent as Basic credentials and never shown. */
  readonly url: string;
  readonly accept: string;
  /** Ask for gzip. Worth it for large answers only: it costs the answering side processor time. */
  readonly gzip?: boolean;
  /** Sent as a form by POST: for a question too long for a URL. It must be one that may be asked twice. */
  readonly form?: Readonly<Record<string, string>>;
  /**
   * Lets the body go once the event loop turns: who asks so reads it as soon as it has it, before waiting for anything, and
   * keeps none of it.
   */
  readonly lent?: boolean;
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
 * GET, and POST of a form, with connections that are kept: plain GETs over connections of our own (`page-connection.ts`), what
 * needs TLS, gzip or a form over node:http. Not `fetch`: that follows redirects, decompresses without a bound and hides which
 * phase hung.
 */
export class HttpPageFetcher implements PageFetcher {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #maxBodyBytes: number;
  readonly #guard: OutboundGuard;
  readonly #addresses: PageAddresses;
  readonly #buffers = new BodyBuffers();
  readonly #connections = new PageConnections();

  /** Without a guard of the operator's what is forbidden to everybody is still not asked. */
  constructor(options: { readonly maxBodyBytes?: number; readonly guard?: OutboundGuard | undefined } = {}) {
    this.#http = new HttpAgent({ keepAlive: true, maxFreeSockets: 8 });
    this.#https = new HttpsAgent({ keepAlive: true, maxFreeSockets: 8 });
    this.#maxBodyBytes = options.maxBodyBytes ?? MAX_BODY_BYTES;
    this.#guard = options.guard ?? new OutboundGuard();
    this.#addresses = new PageAddresses(this.#guard);
  }

  async get(request: PageRequest, signal: AbortSignal): Promise<Page> {
    const startedAt = performance.now();
    const address = this.#addresses.of(request.url);
    if (address.kind === 'Malformed') {
      return failure('Unreachable', 'the address is not a valid http or https URL');
    }
    if (address.kind === 'Forbidden') return failure('Forbidden', address.why);
    const plain = address.url.protocol === 'http:' && request.form === undefined && request.gzip !== true;
    const once = (): Promise<Page | 'StaleConnection'> =>
      plain ? this.#tryPlain(address, request, signal, startedAt) : this.#try(address.url, request, signal, startedAt);
    const first = await once();
    // The other side may close a kept connection just when it is used again: that says nothing about its health.
    return first === 'StaleConnection' ? settled(await once()) : first;
  }

  /** Ends idle connections; requests under way end through their signals. */
  close(): void {
    this.#connections.close();
    this.#http.destroy();
    this.#https.destroy();
  }

  /** The way of the many: pages of engines and exporters. */
  #tryPlain(
    { url, host, port, head }: Extract<PageAddress, { kind: 'Usable' }>,
    { accept, lent, maxBytes = this.#maxBodyBytes }: PageRequest,
    signal: AbortSignal,
    startedAt: number,
  ): Promise<Page | 'StaleConnection'> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve(gaveUp(signal, startedAt, 'connecting'));
        return;
      }
      const text = `${head}accept: ${accept}\r\naccept-encoding: identity\r\n\r\n`;
      const buffers = lent === true ? this.#buffers : undefined;
      const origin = { host, port, lookup: this.#guard.lookup };
      const asking = this.#connections.ask(url.host, origin, { text, maxBytes, buffers }, (answered) => {
        signal.removeEventListener('abort', abort);
        if (answered === 'StaleConnection') resolve(answered);
        else if ('reason' in answered) resolve({ ok: false, failure: answered });
        else {
          const { body, contentType } = answered;
          const tookMs = performance.now() - startedAt;
          resolve({ ok: true, body, contentType: mediaType(contentType), tookMs });
        }
      });
      const abort = (): void => {
        resolve(gaveUp(signal, startedAt, asking.phase()));
        asking.giveUp();
      };
      signal.addEventListener('abort', abort, { once: true });
    });
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
        end(gaveUp(signal, startedAt, phase));
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
          end({
            ok: true,
            body,
            contentType: mediaType(response.headers['content-type'] ?? ''),
            tookMs: performance.now() - startedAt,
          });
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

function mediaType(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function gaveUp({ reason }: AbortSignal, startedAt: number, phase: string): Page {
  if (reason === 'Stopped') return failure('Stopped', 'stopped');
  return failure('Timeout', `no complete answer within ${Math.round(performance.now() - startedAt)} ms (${phase})`);
}

function failure(reason: Failure['reason'], message: string): Page {
  return { ok: false, failure: { reason, message } };
}

function settled(result: Page | 'StaleConnection'): Page {
  return result === 'StaleConnection' ? failure('Closed', 'the connection was closed without an answer') : result;
}
