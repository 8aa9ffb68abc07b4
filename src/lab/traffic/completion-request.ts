import { type Agent, type IncomingMessage, request } from 'node:http';
import { CompletionScanner } from './completion-scanner.ts';

export type Target = { readonly host: string; readonly port: number };

export type FailureKind = 'Connection' | 'Status' | 'StreamReset' | 'StreamTruncated' | 'StreamError' | 'Silence';

/** Why a client was not served. `detail` is for a person: `503`, `ECONNREFUSED`. */
export type Failure = { readonly kind: FailureKind; readonly detail: string };

/** `body`: JSON of a `/v1/completions` request with `stream: true`. */
export type Message = { readonly body: string; readonly headers?: Readonly<Record<string, string>> };

/** Times are on the clock that the caller passed. `failure` is absent exactly when the stream was complete. */
export type CompletionResult = {
  readonly firstTokenAtMs?: number;
  readonly endAtMs: number;
  readonly tokens: number;
  readonly failure?: Failure;
};

export type CompletionCall = {
  readonly target: Target;
  readonly agent: Agent;
  readonly message: Message;
  /** Without a byte for so long the request counts as failed; it bounds every request's life. */
  readonly silenceMs: number;
  readonly nowMs: () => number;
};

/**
 * Sends one streaming completion and reports once how it went. A client that retried by itself would hide what it is
 * here to see, so it does not, not even when a kept-alive connection turns out to be closed.
 * Returns a function that gives the request up (reported as `Silence`).
 */
export function sendCompletion(call: CompletionCall, report: (result: CompletionResult) => void): () => void {
  const { nowMs } = call;
  const { body, headers } = call.message;
  const scanner = new CompletionScanner();
  let firstTokenAtMs: number | undefined;
  let answered = false;
  let reported = false;

  const end = (failure: Failure | undefined): void => {
    if (reported) return;
    reported = true;
    report({
      ...(firstTokenAtMs === undefined ? {} : { firstTokenAtMs }),
      endAtMs: nowMs(),
      tokens: scanner.finish().tokens,
      ...(failure === undefined ? {} : { failure }),
    });
  };

  const outgoing = request({
    host: call.target.host,
    port: call.target.port,
    agent: call.agent,
    method: 'POST',
    path: '/v1/completions',
    headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    timeout: call.silenceMs,
  });
  outgoing.once('response', (incoming: IncomingMessage) => {
    answered = true;
    if (incoming.statusCode !== 200) {
      end({ kind: 'Status', detail: String(incoming.statusCode) });
      incoming.resume();
      incoming.on('error', ignoreAfterReport);
      return;
    }
    incoming.on('data', (chunk: Buffer) => {
      scanner.push(chunk);
      if (firstTokenAtMs === undefined && scanner.sawData) firstTokenAtMs = nowMs();
    });
    incoming.once('end', () => end(failureAtEnd(scanner)));
    incoming.once('error', (error) => end({ kind: 'StreamReset', detail: codeOf(error) }));
    // 'aborted' has no error of its own when the peer closes in the middle of a chunked body on older Nodes.
    incoming.once('close', () => end({ kind: 'StreamReset', detail: 'closed' }));
  });
  outgoing.once('timeout', giveUp);
  outgoing.on('error', (error) => end({ kind: answered ? 'StreamReset' : 'Connection', detail: codeOf(error) }));
  outgoing.end(body);

  function giveUp(): void {
    end({ kind: 'Silence', detail: `no byte for ${call.silenceMs} ms, or given up` });
    outgoing.destroy();
  }
  return giveUp;
}

function failureAtEnd(scanner: CompletionScanner): Failure | undefined {
  const { complete, failed } = scanner.finish();
  if (failed) return { kind: 'StreamError', detail: 'error event' };
  if (!scanner.sawData || !complete) return { kind: 'StreamTruncated', detail: 'ended without [DONE]' };
  return undefined;
}

/** The body of an error status does not matter any more: the request has been reported as failed. */
function ignoreAfterReport(): void {}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
