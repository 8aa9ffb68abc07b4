import { request } from 'node:http';
import type { Result } from '../../base/units/index.ts';
import { readInstanceAction } from '../../core/operations/index.ts';

/** What is known of the end of this machine; undefined: nothing. */
export type InstanceAction = { readonly action: string; readonly atMs: number };

const TOKEN_TTL_SEC = 21_600;
const TIMEOUT_MS = 2000;
const MAX_BODY_BYTES = 4096;
const BASE = '/latest/meta-data';

type Answer = { readonly status: number; readonly body: string };

/**
 * The instance metadata service, with the session tokens of its version 2. Not by the page fetcher: its guard forbids link-local
 * addresses for good reason, and this is the one place that is meant to ask there.
 *
 * Source: AWS, "Spot Instance interruption notices" and "Use IMDSv2"; the answer is 404 while nothing is known.
 */
export class InstanceMetadata {
  readonly #url: URL;
  #token: string | undefined;

  /** @param url `http://169.254.169.254` on EC2; the operator of the agent says so */
  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Issues: it cannot be reached, or says what nobody understands. */
  async instanceAction(): Promise<Result<InstanceAction | undefined>> {
    const answer = await this.#get('/spot/instance-action');
    if (!answer.ok) return answer;
    if (answer.value.status === 404) return { ok: true, value: undefined, warnings: [] };
    return readInstanceAction(answer.value.body);
  }

  /** `i-0123456789abcdef0`. */
  async instanceId(): Promise<Result<string>> {
    const answer = await this.#get('/instance-id');
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    return status === 200
      ? { ok: true, value: body.trim(), warnings: [] }
      : failed(`answers ${status} for its instance-id`);
  }

  /** 200 and 404 are answers. A token that is not taken any more is asked for anew, once. */
  async #get(path: string): Promise<Result<Answer>> {
    for (let tries = 0; tries < 2; tries += 1) {
      try {
        this.#token ??= await this.#newToken();
        const answer = await this.#ask('GET', BASE + path, { 'x-aws-ec2-metadata-token': this.#token });
        if (answer.status === 200 || answer.status === 404) return { ok: true, value: answer, warnings: [] };
        if (answer.status !== 401) return failed(`answers ${answer.status}`);
        this.#token = undefined;
      } catch (error) {
        this.#token = undefined;
        return failed((error as Error).message);
      }
    }
    return failed('refuses the token that it gave');
  }

  async #newToken(): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_SEC) };
    const { status, body } = await this.#ask('PUT', '/latest/api/token', headers);
    if (status !== 200 || !/^[!-~]{1,512}$/.test(body)) throw new Error(`gives no token: it answers ${status}`);
    return body;
  }

  #ask(method: 'GET' | 'PUT', path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(new URL(path, this.#url), { method, headers, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
          if (body.length <= MAX_BODY_BYTES) return;
          reject(new Error(`answers more than ${MAX_BODY_BYTES} bytes`));
          asked.destroy();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      });
      const late = setTimeout(() => asked.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      asked.on('close', () => clearTimeout(late));
      asked.on('error', reject);
      asked.end();
    });
  }
}

function failed(message: string): Result<never> {
  return { ok: false, issues: [{ code: 'Metadata', path: '', message }] };
}
