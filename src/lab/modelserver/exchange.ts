import type { ServerResponse } from 'node:http';
import { CompletionAnswer, errorBody } from './completion-answer.ts';
import type { CompletionRequest } from './completion-request.ts';
import type { EngineLoad } from './engine-event.ts';
import { orcaHeader } from './orca-header.ts';
import type { HeadersMode } from './server-profile.ts';

const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
const JSON_HEADERS = { 'content-type': 'application/json' };

/** One request on its way through the engine, and the response that it will have. Times are the engine's. */
export class Exchange {
  readonly request: CompletionRequest;
  readonly arrivedMs: number;
  lastTokensMs: number | undefined;
  acceptedMs: number;
  admitted = false;
  readonly #response: ServerResponse;
  readonly #answer: CompletionAnswer;
  readonly #headers: HeadersMode;
  readonly #orcaFormat: string;

  constructor(
    request: CompletionRequest,
    response: ServerResponse,
    options: {
      readonly id: number;
      readonly nowMs: number;
      readonly wallClockMs: number;
      readonly headers: HeadersMode;
      /** `endpoint-load-metrics-format` of the request. */
      readonly orcaFormat: string;
    },
  ) {
    const { id, nowMs, wallClockMs, headers, orcaFormat } = options;
    this.request = request;
    this.#orcaFormat = orcaFormat;
    this.#headers = headers;
    this.arrivedMs = nowMs;
    this.acceptedMs = nowMs;
    this.#response = response;
    this.#answer = new CompletionAnswer(request, id, wallClockMs);
  }

  /** Headers that go out before the first token exists are flushed; a buffered header would hide that. */
  accept(atMs: number): void {
    this.acceptedMs = atMs;
    if (!this.request.stream) return;
    this.#response.writeHead(200, STREAM_HEADERS);
    if (this.#headers === 'Immediate') this.#response.flushHeaders();
  }

  tokens(count: number): void {
    if (this.request.stream) this.#response.write(this.#answer.tokensEvent(count));
  }

  /** As vLLM does it: an answer that is streamed says nothing of the server's load, a whole one does when it was asked. */
  finish(load: () => EngineLoad): void {
    if (this.request.stream) this.#response.end(this.#answer.lastEvents());
    else
      this.#response
        .writeHead(200, { ...JSON_HEADERS, ...orcaHeader(this.#orcaFormat, load()) })
        .end(this.#answer.whole());
  }

  fail(status: number, message: string): void {
    answerError(this.#response, status, message);
  }

  /** The process died: the client sees a reset. */
  cut(): void {
    this.#response.destroy();
  }
}

/** Answers with OpenAI's error shape; the type follows from the status. */
export function answerError(
  response: ServerResponse,
  status: number,
  message: string,
  param: string | null = null,
): void {
  const type = status >= 500 ? 'server_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error';
  const retry = status === 503 || status === 429 ? { 'retry-after': '1' } : {};
  response.writeHead(status, { ...JSON_HEADERS, ...retry }).end(errorBody(message, type, param, null));
}
