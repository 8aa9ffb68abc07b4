import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ModelServers, type ProfileInput, startModelServers } from '../../../src/lab/modelserver/index.ts';
import { call, eventsOf, metricsOf, open, textOf, until, valuesOf } from './client.ts';

/** Fast enough that a test takes milliseconds, with the same proportions. */
const QUICK: ProfileInput = { stepMs: 1, prefillTokensPerSec: 1_000_000 };

let running: ModelServers | undefined;

async function start(profile: ProfileInput = QUICK): Promise<{ port: number; servers: ModelServers }> {
  running = await startModelServers({ count: 1, firstPort: 0, profiles: [profile] });
  return { port: running.servers[0]?.port as number, servers: running };
}

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

describe('a streamed completion', () => {
  it('has its headers before its first token, the first token alone, usage at the end, and then [DONE]', async () => {
    // The prompt takes so long to read that headers after it would come after the pause.
    const { port, servers } = await start({ ...QUICK, prefillTokensPerSec: 1000 });
    await servers.fault(0, { speed: 0 });
    const response = await open(port, '/v1/completions', { prompt: 'hello there', max_tokens: 70, stream: true });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toContain('text/event-stream');
    let early = 0;
    response.on('data', () => {
      early += 1;
    });
    expect(servers.snapshot()[0]).toMatchObject({ running: 1, finished: 0 });
    expect(early).toBe(0);

    await servers.fault(0, {});
    const stream = await textOf(response);
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
    const events = eventsOf(stream);
    const texts = events.map((event) => ((event.choices as { text: string }[])[0]?.text ?? '').trim());
    const tokens = texts.map((text) => (text === '' ? 0 : text.split(' ').length));
    expect(tokens).toEqual([1, 32, 32, 5, 0]);
    expect(events.at(-1)).toMatchObject({
      object: 'text_completion',
      choices: [{ finish_reason: 'length' }],
      usage: { prompt_tokens: 3, completion_tokens: 70, total_tokens: 73 },
    });
    expect(events.slice(0, -1).every((event) => event.usage === undefined)).toBe(true);
  });

  it('as a chat names the role with the first token, and gives the usage apart when asked', async () => {
    const { port } = await start();
    const messages = [{ role: 'user', content: 'What is the load on this line today?' }];
    const body = { model: 'my-model', messages, max_completion_tokens: 3, stream: true };
    const asked = { ...body, stream_options: { include_usage: true } };
    const events = eventsOf((await call(port, '/v1/chat/completions', asked)).body);
    const first = events[0] as { model: string; object: string; choices: { delta: Record<string, string> }[] };
    expect(first.model).toBe('my-model');
    expect(first.object).toBe('chat.completion.chunk');
    expect(first.choices[0]?.delta.role).toBe('assistant');
    expect(first.choices[0]?.delta.content).not.toBe('');
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 3 } });
    expect(events.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'length' }] });
  });

  it('counts the prompt as the header says, when it says so', async () => {
    const { port } = await start();
    const body = { prompt: 'short', max_tokens: 1, stream: true };
    const stream = await call(port, '/v1/completions', body, { 'x-loadline-prompt-tokens': '1234' });
    expect(eventsOf(stream.body).at(-1)).toMatchObject({ usage: { prompt_tokens: 1234, total_tokens: 1235 } });
  });

  it('frees its slot when the client goes away', async () => {
    const { port, servers } = await start({ ...QUICK, slots: 1, stepMs: 1000 });
    const leaving = await open(port, '/v1/completions', { prompt: 'a', max_tokens: 1000, stream: true });
    leaving.on('error', () => undefined);
    const next = call(port, '/v1/completions', { prompt: 'b', max_tokens: 1 });
    await until(
      () => servers.snapshot()[0],
      (row) => row?.running === 1 && row.waiting === 1,
    );
    leaving.destroy();
    expect((await next).status).toBe(200);
    expect(servers.snapshot()[0]).toMatchObject({ issued: 2, finished: 1, cancelled: 1, errors: 0, running: 0 });
    const page = await metricsOf(servers.servers[0] as never);
    expect(page.get('vllm:request_success_total{engine="0",finished_reason="abort",model_name="loadline-lab"}')).toBe(
      1,
    );
  });
});

describe('a completion that does not stream', () => {
  it('answers at the end with everything', async () => {
    const { port } = await start();
    const answer = await call(port, '/v1/completions', { model: 'm', prompt: [1, 2, 3, 4], max_tokens: 40 });
    expect(answer.status).toBe(200);
    const body = JSON.parse(answer.body);
    expect(body).toMatchObject({
      object: 'text_completion',
      model: 'm',
      usage: { prompt_tokens: 4, completion_tokens: 40, total_tokens: 44 },
    });
    expect(body.choices[0].text.trim().split(' ')).toHaveLength(40);
    const chat = { messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }], max_tokens: 2 };
    expect(JSON.parse((await call(port, '/v1/chat/completions', chat)).body)).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant' }, finish_reason: 'length' }],
    });
  });

  it('says its load in the answer to who asks for it, as vLLM does; a streamed one never does', async () => {
    const { port } = await start();
    const asking = async (format: string, more = {}) => {
      const body = { prompt: 'a', max_tokens: 4, ...more };
      return (await call(port, '/v1/completions', body, { 'endpoint-load-metrics-format': format })).headers;
    };
    expect((await asking('TEXT'))['endpoint-load-metrics']).toMatch(
      /^TEXT named_metrics\.kv_cache_usage_perc=[\d.e-]+, named_metrics\.num_requests_waiting=0$/,
    );
    const json = (await asking('json'))['endpoint-load-metrics'] as string;
    expect(JSON.parse(json.replace(/^JSON /, ''))).toEqual({
      named_metrics: { kv_cache_usage_perc: expect.any(Number), num_requests_waiting: 0 },
    });
    for (const format of ['', 'bin', 'constructor']) {
      expect(await asking(format)).not.toHaveProperty('endpoint-load-metrics');
    }
    expect(await asking('json', { stream: true })).not.toHaveProperty('endpoint-load-metrics');
  });

  it('keeps the connection for the next request', async () => {
    const { port } = await start();
    const body = JSON.stringify({ prompt: 'a', max_tokens: 1 });
    const message = `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      seen += chunk;
    });
    const answers = (): number => seen.split('HTTP/1.1 200 OK').length - 1;
    socket.write(message);
    await until(answers, (count) => count === 1);
    socket.write(message);
    await until(answers, (count) => count === 2);
    socket.destroy();
  });
});

describe('a bad request', () => {
  it.each([
    ['no JSON', '{"prompt": ', null],
    ['no object', '[]', null],
    ['no prompt', '{}', 'prompt'],
    ['an empty prompt list', '{"prompt":[]}', 'prompt'],
    ['a prompt of objects', '{"prompt":[{}]}', 'prompt'],
    ['a limit that is no count', '{"prompt":"a","max_tokens":-1}', 'max_tokens'],
    ['a limit as text', '{"prompt":"a","max_tokens":"7"}', 'max_tokens'],
    ['many choices', '{"prompt":"a","n":4}', 'n'],
    ['a model that is no text', '{"prompt":"a","model":7}', 'model'],
    ['a stream that is no flag', '{"prompt":"a","stream":"yes"}', 'stream'],
    ['more than fits the cache', '{"prompt":"a","max_tokens":999999}', null],
  ])('%s is refused with 400 in the shape of OpenAI', async (_what, body, param) => {
    const { port, servers } = await start();
    const answer = await call(port, '/v1/completions', body);
    expect(answer.status).toBe(400);
    const { error } = JSON.parse(answer.body);
    expect(error).toMatchObject({ type: 'invalid_request_error', param });
    expect(error.message.length).toBeGreaterThan(10);
    expect(servers.snapshot()[0]).toMatchObject({ issued: 1, errors: 1, running: 0 });
  });

  it('to an unknown path or with the wrong method says so', async () => {
    const { port } = await start();
    expect((await call(port, '/v1/embeddings', {})).status).toBe(404);
    const wrong = await call(port, '/v1/completions');
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'POST']);
    expect((await call(port, '/v1/completions', {}, { 'x-loadline-prompt-tokens': '1' })).status).toBe(400);
    expect((await call(port, '/v1/completions', { prompt: 'a' }, { 'x-loadline-prompt-tokens': 'x' })).status).toBe(
      400,
    );
  });

  it('with a body of more than 8 MiB gets 413', async () => {
    const { port } = await start();
    const body = JSON.stringify({ prompt: 'a'.repeat(8 * 1024 * 1024) });
    expect((await call(port, '/v1/completions', body)).status).toBe(413);
  });

  it('that finds the queue full gets the status of the profile, and a hint when to come back', async () => {
    const { port, servers } = await start({ ...QUICK, slots: 1, queueLimit: 1, queueFullStatus: 429, stepMs: 1000 });
    const streams = [0, 1].map(() => open(port, '/v1/completions', { prompt: 'a', max_tokens: 100, stream: true }));
    await Promise.all(streams);
    const answer = await call(port, '/v1/completions', { prompt: 'a' });
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '1']);
    expect(JSON.parse(answer.body).error.type).toBe('rate_limit_error');
    expect(servers.snapshot()[0]).toMatchObject({ running: 1, waiting: 1, errors: 1 });
    for (const stream of streams) (await stream).on('error', () => undefined).destroy();
  });
});

describe('what else the server says', () => {
  it('its health and its models', async () => {
    const { port } = await start();
    expect((await call(port, '/health')).status).toBe(200);
    expect(JSON.parse((await call(port, '/v1/models')).body)).toMatchObject({ data: [{ id: 'loadline-lab' }] });
  });

  it('its metrics in the words and the number format of vLLM, agreeing with what clients saw', async () => {
    const { port, servers } = await start();
    const body = { prompt: 'a', max_tokens: 50, stream: true };
    const done = Array.from({ length: 5 }, () =>
      call(port, '/v1/completions', body, { 'x-loadline-prompt-tokens': '200' }),
    );
    await Promise.all(done);
    const answer = await call(port, '/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = answer.body;
    for (const line of [
      '# TYPE vllm:num_requests_running gauge',
      'vllm:num_requests_running{engine="0",model_name="loadline-lab"} 0.0',
      '# TYPE vllm:generation_tokens_total counter',
      'vllm:generation_tokens_total{engine="0",model_name="loadline-lab"} 250.0',
      'vllm:prompt_tokens_total{engine="0",model_name="loadline-lab"} 1000.0',
      '# TYPE vllm:generation_tokens_created gauge',
      'vllm:request_success_total{engine="0",finished_reason="length",model_name="loadline-lab"} 5.0',
      'vllm:request_success_total{engine="0",finished_reason="stop",model_name="loadline-lab"} 0.0',
      'vllm:num_preemptions_total{engine="0",model_name="loadline-lab"} 0.0',
      '# TYPE vllm:time_to_first_token_seconds histogram',
      'vllm:time_to_first_token_seconds_bucket{engine="0",le="2560.0",model_name="loadline-lab"} 5.0',
      'vllm:time_to_first_token_seconds_count{engine="0",model_name="loadline-lab"} 5.0',
      'vllm:inter_token_latency_seconds_count{engine="0",model_name="loadline-lab"} 245.0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(/^process_start_time_seconds 1\.\d+e\+09$/m);
    expect(text).toMatch(/^vllm:cache_config_info\{block_size="16",.*engine="0",.*num_gpu_blocks="2850",.*\} 1\.0$/m);
    const page = await metricsOf(servers.servers[0] as never);
    const buckets = valuesOf(page, 'vllm:time_to_first_token_seconds_bucket');
    expect(buckets).toHaveLength(23);
    expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
    expect(valuesOf(page, 'vllm:time_to_first_token_seconds_sum')[0]).toBeGreaterThan(0);
  });
});
