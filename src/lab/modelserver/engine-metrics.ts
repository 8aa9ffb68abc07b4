import type { EngineLoad } from './engine-event.ts';
import { ExpositionPage, labelText, pythonFloat } from './exposition.ts';
import { Histogram } from './histogram.ts';
import type { ServerProfile } from './server-profile.ts';

// Bucket bounds in seconds as vLLM has them (v1/metrics/loggers.py).
const FIRST_TOKEN_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];
const INTER_TOKEN_BOUNDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const REQUEST_BOUNDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];

/** Tokens in one block of the KV cache. */
const BLOCK_TOKENS = 16;

export type FinishedReason = 'stop' | 'length' | 'abort';

/**
 * What a vLLM process counts besides its gauges, and the page that it serves. Names, types, label order and number
 * format are those of vLLM's V1 engine rendered by Python's prometheus_client, `_created` series included.
 */
export class EngineMetrics {
  readonly #profile: ServerProfile;
  /** Seconds since 1970, as `process_start_time_seconds` has it. */
  readonly #startedSeconds: number;
  readonly #finished: Record<FinishedReason, number> = { stop: 0, length: 0, abort: 0 };
  readonly #firstToken = new Histogram(FIRST_TOKEN_BOUNDS);
  readonly #interToken = new Histogram(INTER_TOKEN_BOUNDS);
  readonly #queueTime = new Histogram(REQUEST_BOUNDS);
  readonly #endToEnd = new Histogram(REQUEST_BOUNDS);

  constructor(profile: ServerProfile, wallClockMs: number) {
    this.#profile = profile;
    this.#startedSeconds = Math.round(wallClockMs / 10) / 100;
  }

  admitted(waitedMs: number): void {
    this.#queueTime.observe(waitedMs / 1000);
  }

  firstToken(afterMs: number): void {
    this.#firstToken.observe(afterMs / 1000);
  }

  /** `count` tokens since the last report, over `elapsedMs`. */
  laterTokens(count: number, elapsedMs: number): void {
    this.#interToken.observe(elapsedMs / 1000 / count, count);
  }

  finished(reason: FinishedReason, tookMs: number): void {
    this.#finished[reason] += 1;
    if (reason !== 'abort') this.#endToEnd.observe(tookMs / 1000);
  }

  page(load: EngineLoad): string {
    const page = new ExpositionPage();
    const own = labelText({ engine: '0', model_name: this.#profile.model });
    const gauge = (name: string, help: string, value: number): void => {
      page.family(name, 'gauge', help).sample(name, own, pythonFloat(value));
    };
    page
      .family('process_start_time_seconds', 'gauge', 'Start time of the process since unix epoch in seconds.')
      .sample('process_start_time_seconds', '', pythonFloat(this.#startedSeconds));
    gauge('vllm:num_requests_running', 'Number of requests in model execution batches.', load.running);
    gauge('vllm:num_requests_waiting', 'Number of requests waiting to be processed.', load.waiting);
    gauge('vllm:kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.', load.kvRatio);
    this.#counter(page, 'vllm:num_preemptions', 'Cumulative number of preemption from the engine.', [
      [own, load.preemptions],
    ]);
    this.#counter(page, 'vllm:prompt_tokens', 'Number of prefill tokens processed.', [[own, load.promptTokens]]);
    this.#counter(page, 'vllm:generation_tokens', 'Number of generation tokens processed.', [
      [own, load.generationTokens],
    ]);
    this.#counter(
      page,
      'vllm:request_success',
      'Count of successfully processed requests.',
      (Object.keys(this.#finished) as FinishedReason[]).map((reason) => [
        labelText({ engine: '0', finished_reason: reason, model_name: this.#profile.model }),
        this.#finished[reason],
      ]),
    );
    this.#histogram(page, 'vllm:time_to_first_token_seconds', 'time to first token in seconds', this.#firstToken);
    this.#histogram(page, 'vllm:inter_token_latency_seconds', 'inter-token latency in seconds', this.#interToken);
    this.#histogram(page, 'vllm:request_queue_time_seconds', 'time spent in WAITING phase', this.#queueTime);
    this.#histogram(page, 'vllm:e2e_request_latency_seconds', 'e2e request latency in seconds', this.#endToEnd);
    this.#cacheConfig(page);
    return page.toString();
  }

  #counter(page: ExpositionPage, name: string, help: string, rows: readonly (readonly [string, number])[]): void {
    page.family(`${name}_total`, 'counter', help);
    for (const [labels, value] of rows) page.sample(`${name}_total`, labels, pythonFloat(value));
    this.#created(page, name, help, rows);
  }

  #histogram(page: ExpositionPage, name: string, help: string, histogram: Histogram): void {
    const model = this.#profile.model;
    page.family(name, 'histogram', `Histogram of ${help}.`);
    const cumulative = histogram.cumulative();
    for (const [at, bound] of histogram.bounds.entries()) {
      const labels = labelText({ engine: '0', le: pythonFloat(bound), model_name: model });
      page.sample(`${name}_bucket`, labels, pythonFloat(cumulative[at] as number));
    }
    page.sample(
      `${name}_bucket`,
      labelText({ engine: '0', le: '+Inf', model_name: model }),
      pythonFloat(histogram.count),
    );
    const own = labelText({ engine: '0', model_name: model });
    page.sample(`${name}_count`, own, pythonFloat(histogram.count));
    page.sample(`${name}_sum`, own, pythonFloat(histogram.sum));
    this.#created(page, name, `Histogram of ${help}.`, [[own, 0]]);
  }

  #created(page: ExpositionPage, name: string, help: string, rows: readonly (readonly [string, number])[]): void {
    page.family(`${name}_created`, 'gauge', help);
    for (const [labels] of rows) page.sample(`${name}_created`, labels, pythonFloat(this.#startedSeconds));
  }

  /** Capacity in tokens is `block_size * num_gpu_blocks`. This series has no model name (vLLM puts the config there). */
  #cacheConfig(page: ExpositionPage): void {
    const labels = labelText({
      block_size: String(BLOCK_TOKENS),
      cache_dtype: 'auto',
      enable_prefix_caching: 'False',
      engine: '0',
      gpu_memory_utilization: '0.9',
      num_gpu_blocks: String(Math.floor(this.#profile.kvTokens / BLOCK_TOKENS)),
      sliding_window: 'None',
    });
    page
      .family('vllm:cache_config_info', 'gauge', 'Information of the LLMEngine CacheConfig')
      .sample('vllm:cache_config_info', labels, '1.0');
  }
}
