import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ROOT } from './beside.ts';

/** A vLLM page as large as real ones (some 50 KB, most of it buckets of a dozen histograms), whose counters move. */
const PAGE_BYTES = 50_000;
const FIXTURE = readFileSync(join(ROOT, 'test/edge/signals/fixtures/vllm.metrics'), 'utf8');
const COUNTER = 'vllm:generation_tokens_total';

/** Histograms of vLLM that nobody here reads, as its client library writes them. */
const HISTOGRAMS = [
  'inter_token_latency_seconds',
  'request_time_per_output_token_seconds',
  'e2e_request_latency_seconds',
  'request_queue_time_seconds',
  'request_inference_time_seconds',
  'request_prefill_time_seconds',
  'request_decode_time_seconds',
  'request_prompt_tokens',
  'request_generation_tokens',
  'request_max_num_generation_tokens',
  'request_params_max_tokens',
  'iteration_tokens_total',
];
const LABELS = 'engine="0",model_name="meta-llama/Llama-3.1-70B"';

/** As many buckets as fill the page. */
function histograms(bytes: number): string {
  const line = `vllm:${HISTOGRAMS[5]}_bucket{${LABELS},le="0.5"} 100.0\n`;
  // The four lines around the buckets are about as long as they.
  const perHistogram = Math.round(bytes / HISTOGRAMS.length / line.length) - 4;
  const lines = HISTOGRAMS.flatMap((name) => [
    `# HELP vllm:${name} Histogram of ${name.replaceAll('_', ' ')}.`,
    `# TYPE vllm:${name} histogram`,
    ...Array.from({ length: perHistogram }, (_, at) => `vllm:${name}_bucket{${LABELS},le="${at / 10}"} ${at * 13}.0`),
    `vllm:${name}_count{${LABELS}} ${perHistogram * 13}.0`,
    `vllm:${name}_sum{${LABELS}} ${perHistogram * 7}.5`,
  ]);
  return `${lines.join('\n')}\n`;
}

const page = `${FIXTURE}${histograms(PAGE_BYTES - FIXTURE.length)}`;

let served = 0;
const servers = Array.from({ length: Number(process.argv[2]) }, () =>
  createServer((_, response) => {
    served += 1;
    const body = page.replaceAll(new RegExp(`^(${COUNTER}\\{[^}]*\\}) .*$`, 'gm'), `$1 ${served}.0`);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
  }),
);
const ports = await Promise.all(
  servers.map(
    (server) =>
      new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
      }),
  ),
);
process.send?.({ ports, pageBytes: page.length });
process.on('disconnect', () => process.exit());
