import { type IncomingMessage, request as requestHttp } from 'node:http';
import type { PromptResult } from '../../core/topology/index.ts';
import type { Prompt } from '../../core/warmth/index.ts';
import type { OutboundGuard } from '../outbound/index.ts';
import { wordsOfNetworkError } from '../signals/index.ts';

/** An answer of one token has less than 1 KiB; what goes on after this is cut off. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Asks once, over a connection of its own: one that was kept since the last prompt, an interval ago, would mostly be closed by now.
 * Never rejects. It settles when the answer is over, so that a server has one prompt at most, and at the timeout in any case. Of
 * the answer nothing is kept but its status and when its first byte came (not its headers: engines send those before the first
 * token exists).
 */
export function sendPrompt(
  { url, body, timeoutMs }: Prompt,
  guard: OutboundGuard,
  signal: AbortSignal,
): Promise<PromptResult> {
  return new Promise((resolve) => {
    const where = URL.canParse(url) ? new URL(url) : undefined;
    const refusal = where === undefined ? 'the address is not a valid URL' : guard.refusalOf(where);
    if (where === undefined || refusal !== undefined || signal.aborted) {
      resolve({ kind: 'Unsent', why: refusal ?? 'Loadline stops' });
      return;
    }
    const startedAt = performance.now();
    const took = (): number => (performance.now() - startedAt) / 1000;
    const request = requestHttp(where, {
      method: 'POST',
      agent: false,
      lookup: guard.lookup,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json, text/event-stream',
        'user-agent': 'loadline',
      },
    });
    /** Of an answer that has begun; how it goes on says nothing more. */
    let answered: PromptResult | undefined;
    const end = (result: PromptResult): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      request.destroy();
      resolve(answered ?? result);
    };
    const late = setTimeout(() => end({ kind: 'TimedOut', afterSec: timeoutMs / 1000 }), timeoutMs);
    late.unref();
    const stop = (): void => end({ kind: 'Unsent', why: 'Loadline stops' });
    signal.addEventListener('abort', stop, { once: true });
    request.on('error', (error) => end(failureOf(error)));
    request.on('close', () => end({ kind: 'Failed', why: 'the connection was closed without an answer' }));
    request.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      if (status < 200 || status > 299) {
        end({ kind: 'Status', status });
        return;
      }
      readOn(response, {
        first: () => {
          answered = { kind: 'Answered', firstByteSec: took() };
        },
        // An empty answer is one as well: there was no token to wait for.
        over: () => end({ kind: 'Answered', firstByteSec: took() }),
        failed: (error) => end(failureOf(error)),
      });
    });
    request.end(body);
  });
}

type Heard = {
  readonly first: () => void;
  readonly over: () => void;
  readonly failed: (error: Error) => void;
};

function readOn(response: IncomingMessage, { first, over, failed }: Heard): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    if (bytes === 0) first();
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) over();
  });
  response.on('end', over);
  response.on('error', failed);
}

function failureOf(error: NodeJS.ErrnoException): PromptResult {
  const { reason, message } = wordsOfNetworkError(error);
  return reason === 'Forbidden' || reason === 'Internal'
    ? { kind: 'Unsent', why: message }
    : { kind: 'Failed', why: message };
}
