import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ROOT } from './beside.ts';

/** A vLLM page as large as real ones (some 50 KB, most of it buckets of histograms), whose counters move. */
const PAGE_BYTES = 50_000;
const FIXTURE = readFileSync(join(ROOT, 'test/edge/signals/fixtures/vllm.metrics'), 'utf8');
const COUNTER = 'vllm:generation_tokens_total';

const buckets: string[] = [];
for (let bytes = FIXTURE.length, at = 0; bytes < PAGE_BYTES; at += 1) {
  const line = `vllm:request_decode_time_seconds_bucket{engine="0",le="${at / 10}",model_name="llama-70b"} ${at * 13}.0`;
  buckets.push(line);
  bytes += line.length + 1;
}
const page = `${FIXTURE}${buckets.join('\n')}\n`;

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
