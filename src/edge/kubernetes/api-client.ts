import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { scrubText } from '../../base/units/index.ts';

export type ApiClientOptions = {
  /** `https://10.0.0.1:443`, or `http://` of this machine. */
  readonly url: string;
  /** Read for each request, since whoever renews tokens writes their file anew. Rejects with nothing of its content. */
  readonly token?: (() => Promise<string>) | undefined;
  /** Who vouches for the server, in PEM; absent: those that Node trusts. */
  readonly ca?: (() => Promise<string>) | undefined;
};

export type ApiAnswer =
  | { readonly ok: true; readonly body: AsyncIterable<string> }
  /** Without a status it was not reached. The words say it of "the Kubernetes API". */
  | { readonly ok: false; readonly status?: number; readonly words: string };

/** GET of the Kubernetes API. `open` never rejects; the body that it gives does, when the connection ends or the signal asks. */
export interface Api {
  open(path: string, signal: AbortSignal): Promise<ApiAnswer>;
}

const MAX_ERROR_CHARS = 4096;
const MAX_WORDS = 300;

/**
 * A client of our own over node:https: of the Kubernetes API one GET is needed, and the official client would bring more code than
 * the whole server. It follows no redirect, so that the token goes nowhere else.
 */
export class ApiClient implements Api {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  async open(path: string, signal: AbortSignal): Promise<ApiAnswer> {
    try {
      const response = await this.#ask(path, signal);
      response.setEncoding('utf8');
      const { statusCode: status = 0 } = response;
      if (status === 200) return { ok: true, body: response as AsyncIterable<string> };
      const said = await wordsOf(response);
      return { ok: false, status, words: `answers ${status}${said === '' ? '' : `: ${said}`}` };
    } catch (error) {
      return { ok: false, words: (error as Error).message };
    }
  }

  async #ask(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { token, ca, url } = this.#options;
    const base = new URL(url);
    const headers = {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${await token()}` }),
    };
    const trusted = ca === undefined ? {} : { ca: await ca() };
    // One connection for each: there are two in five minutes, and a new one sees new authorities.
    const options = { headers, signal, agent: false as const };
    return new Promise((resolve, reject) => {
      const target = new URL(path, base);
      const asked =
        base.protocol === 'https:'
          ? requestHttps(target, { ...options, ...trusted }, resolve)
          : requestHttp(target, options, resolve);
      asked.on('error', reject);
      asked.end();
    });
  }
}

/** What a `Status` object says, or nothing. The rest of a long answer is not read. */
async function wordsOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response as AsyncIterable<string>) {
    text += piece;
    if (text.length > MAX_ERROR_CHARS) break;
  }
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? plain(message) : '';
  } catch {
    // Not every answer is of the API server: a proxy before it has words of its own, which need not be known.
    return '';
  }
}

/** One line that is fit for a log. */
export function plain(message: string): string {
  return scrubText(message.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').slice(0, MAX_WORDS));
}
