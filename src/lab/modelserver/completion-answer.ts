import type { CompletionRequest } from './completion-request.ts';

const WORDS = ['load', 'line', 'draft', 'keel', 'tide', 'berth', 'hull', 'mast'];
/** One word for each token; texts of the usual lengths are made once. */
const TEXTS = Array.from({ length: 33 }, (_, count) => words(count));

const STREAM_END = 'data: [DONE]\n\n';

/** The words of one answer in OpenAI's shapes, for one request. */
export class CompletionAnswer {
  readonly #request: CompletionRequest;
  readonly #id: string;
  readonly #createdSeconds: number;
  readonly #chunkHead: string;
  #started = false;

  constructor(request: CompletionRequest, id: number, wallClockMs: number) {
    this.#request = request;
    this.#id = `${request.api === 'Chat' ? 'chatcmpl' : 'cmpl'}-${id.toString(36).padStart(12, '0')}`;
    this.#createdSeconds = Math.floor(wallClockMs / 1000);
    const object = request.api === 'Chat' ? 'chat.completion.chunk' : 'text_completion';
    this.#chunkHead = `data: ${JSON.stringify(this.#head(object)).slice(0, -1)},"choices":`;
  }

  /** One server-sent event with `count` tokens. The first of a chat carries the role too, so that it is the first token. */
  tokensEvent(count: number): string {
    const text = tokenText(count);
    const role = this.#started ? '' : '"role":"assistant",';
    this.#started = true;
    const choice =
      this.#request.api === 'Chat'
        ? `{"index":0,"delta":{${role}"content":"${text}"},"logprobs":null,"finish_reason":null}`
        : `{"index":0,"text":"${text}","logprobs":null,"finish_reason":null}`;
    return `${this.#chunkHead}[${choice}]}\n\n`;
  }

  /** The events after the last token: finish reason, usage, end of the stream. */
  lastEvents(): string {
    const choice =
      this.#request.api === 'Chat'
        ? '[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]'
        : '[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]';
    const usage = `,"usage":${JSON.stringify(this.#usage())}}\n\n`;
    if (!this.#request.usageChunk) return `${this.#chunkHead}${choice}${usage}${STREAM_END}`;
    return `${this.#chunkHead}${choice}}\n\n${this.#chunkHead}[]${usage}${STREAM_END}`;
  }

  /** The whole answer of a request that does not stream. */
  whole(): string {
    const text = tokenText(this.#request.outputTokens);
    const chat = this.#request.api === 'Chat';
    const choice = chat
      ? { index: 0, message: { role: 'assistant', content: text }, logprobs: null, finish_reason: 'length' }
      : { index: 0, text, logprobs: null, finish_reason: 'length' };
    const head = this.#head(chat ? 'chat.completion' : 'text_completion');
    return JSON.stringify({ ...head, choices: [choice], usage: this.#usage() });
  }

  #head(object: string): Readonly<Record<string, unknown>> {
    return { id: this.#id, object, created: this.#createdSeconds, model: this.#request.model };
  }

  #usage(): Readonly<Record<string, number>> {
    const { promptTokens, outputTokens } = this.#request;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: outputTokens,
      total_tokens: promptTokens + outputTokens,
    };
  }
}

/** An error in OpenAI's shape. */
export function errorBody(message: string, type: string, param: string | null, code: string | null): string {
  return JSON.stringify({ error: { message, type, param, code } });
}

function tokenText(count: number): string {
  return TEXTS[count] ?? words(count);
}

function words(count: number): string {
  return Array.from({ length: count }, (_, at) => ` ${WORDS[at % WORDS.length]}`).join('');
}
