import type { IncomingHttpHeaders } from 'node:http';

export type Api = 'Completion' | 'Chat';

export type CompletionRequest = {
  readonly api: Api;
  /** Echoed, whatever it is: the lab serves every name. */
  readonly model: string;
  readonly stream: boolean;
  /** OpenAI's `stream_options.include_usage`: the usage comes in a chunk of its own, without choices. */
  readonly usageChunk: boolean;
  readonly promptTokens: number;
  readonly outputTokens: number;
};

/** What OpenAI's API says about a bad request: `param` names the field. */
type RequestFault = { readonly message: string; readonly param: string | null };

export type ParsedRequest =
  | { readonly ok: true; readonly value: CompletionRequest }
  | { readonly ok: false; readonly fault: RequestFault };

const PROMPT_TOKENS_HEADER = 'x-loadline-prompt-tokens';

const DEFAULT_OUTPUT_TOKENS = 64;
const MOST_TOKENS = 1_000_000;
/** Rule of thumb for English text. */
const CHARACTERS_PER_TOKEN = 4;

/** Reads what decides the cost of a request; everything else in the body (temperature, stop …) changes nothing here. */
export function parseCompletionRequest(
  api: Api,
  body: string,
  headers: IncomingHttpHeaders,
  defaultModel: string,
): ParsedRequest {
  const json = parseJson(body);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return bad('The body must be a JSON object.', null);
  }
  const fields = json as Readonly<Record<string, unknown>>;
  const { model = defaultModel, stream = false, n = 1 } = fields;
  if (typeof model !== 'string') return bad('model must be a string.', 'model');
  if (typeof stream !== 'boolean' && stream !== null) return bad('stream must be true or false.', 'stream');
  if (n !== 1 && n !== null) return bad('n must be 1: this server gives one choice.', 'n');

  const limitName = fields.max_completion_tokens !== undefined ? 'max_completion_tokens' : 'max_tokens';
  const outputTokens = fields[limitName] ?? DEFAULT_OUTPUT_TOKENS;
  if (!isCount(outputTokens)) return bad(`${limitName} must be an integer from 1 to ${MOST_TOKENS}.`, limitName);

  const field = api === 'Chat' ? 'messages' : 'prompt';
  const counted = api === 'Chat' ? messagesTokens(fields.messages) : promptTokens(fields.prompt);
  if (counted === undefined) {
    const expected =
      api === 'Chat' ? 'a list of messages with content' : 'a string or a list of strings or token numbers';
    return bad(`${field} must be ${expected}, and not empty.`, field);
  }
  const header = headers[PROMPT_TOKENS_HEADER];
  const fromHeader = header === undefined ? undefined : Number(header);
  if (fromHeader !== undefined && !isCount(fromHeader)) {
    return bad(`The header ${PROMPT_TOKENS_HEADER} must be an integer from 1 to ${MOST_TOKENS}.`, null);
  }
  const options = fields.stream_options as { readonly include_usage?: unknown } | null | undefined;
  return {
    ok: true,
    value: {
      api,
      model,
      stream: stream === true,
      usageChunk: options?.include_usage === true,
      promptTokens: fromHeader ?? counted,
      outputTokens,
    },
  };
}

function bad(message: string, param: string | null): ParsedRequest {
  return { ok: false, fault: { message, param } };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The caller answers anything that is not an object, so the parser's own words are not needed.
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_TOKENS;
}

/** The larger of words and a quarter of the characters, at least 1. */
function textTokens(text: string): number {
  const words = text.match(/\S+/g)?.length ?? 0;
  return Math.max(1, words, Math.ceil(text.length / CHARACTERS_PER_TOKEN));
}

/** A string, token numbers, or a list of either; undefined when it is none of these. */
function promptTokens(prompt: unknown): number | undefined {
  if (typeof prompt === 'string') return textTokens(prompt);
  if (!Array.isArray(prompt) || prompt.length === 0) return undefined;
  let tokens = 0;
  for (const part of prompt as readonly unknown[]) {
    if (typeof part === 'number') {
      tokens += 1;
    } else {
      const of = promptTokens(part);
      if (of === undefined) return undefined;
      tokens += of;
    }
  }
  return tokens;
}

function messagesTokens(messages: unknown): number | undefined {
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  let tokens = 0;
  for (const message of messages as readonly unknown[]) {
    if (typeof message !== 'object' || message === null) return undefined;
    const { content } = message as { readonly content?: unknown };
    if (typeof content === 'string') {
      tokens += textTokens(content);
    } else if (Array.isArray(content)) {
      for (const part of content as readonly ({ readonly text?: unknown } | null)[]) {
        tokens += textTokens(typeof part?.text === 'string' ? part.text : '');
      }
    } else if (content !== null && content !== undefined) {
      return undefined;
    }
  }
  return Math.max(1, tokens);
}
