import { type IncomingMessage, request } from 'node:http';

export type Completion = {
  /** Milliseconds from the request to its response headers, and to its first event. */
  readonly headersMs: number;
  readonly firstTokenMs: number;
  /** As the server counts them. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly generatedTokens: number;
};

export type CompletionOrder = { readonly prompt: string; readonly tokens: number; readonly signal?: AbortSignal };

/** One streamed completion of exactly so many tokens, by llama-server's own API or through an Envoy before it. */
export async function complete(port: number, { prompt, tokens, signal }: CompletionOrder): Promise<Completion> {
  const startedAt = performance.now();
  const body = JSON.stringify({
    model: 'random',
    prompt,
    max_tokens: tokens,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true },
  });
  const response = await post(port, body, signal);
  const headersMs = performance.now() - startedAt;
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
  response.setEncoding('utf8');
  let firstTokenMs: number | undefined;
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.includes('data:')) firstTokenMs ??= performance.now() - startedAt;
  }
  const usage = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => (JSON.parse(line.slice('data: '.length)) as { readonly usage?: Usage | null }).usage)
    .findLast((one) => one !== undefined && one !== null);
  if (usage === undefined || usage === null || firstTokenMs === undefined)
    throw new Error('a stream without its usage');
  return {
    headersMs,
    firstTokenMs,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    generatedTokens: usage.completion_tokens,
  };
}

/** On a connection of its own: a server may close a kept one just when it is used again. */
function post(port: number, body: string, signal: AbortSignal | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/v1/completions',
        headers: { 'content-type': 'application/json' },
        agent: false,
        ...(signal === undefined ? {} : { signal }),
      },
      resolve,
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

type Usage = {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number };
};

/** Keeps so many completions open at a server until it is told to stop: load that no sidecar knows of. */
export function occupy(port: number, concurrency: number, tokens: number): { stop(): Promise<void> } {
  const over = new AbortController();
  const client = async (name: number): Promise<void> => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      try {
        await complete(port, { prompt: `foreign ${name} ${turn}`, tokens, signal: over.signal });
      } catch (error) {
        if (!over.signal.aborted) throw error;
      }
    }
  };
  const clients = Array.from({ length: concurrency }, (_, name) => client(name));
  return {
    stop: async () => {
      over.abort();
      await Promise.all(clients);
    },
  };
}
