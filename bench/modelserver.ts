/**
 * `npx tsx bench/modelserver.ts [SECONDS]`: what 16 simulated model servers cost at 60 requests a second together. The
 * load comes from a child process, so that only the servers' CPU is measured: the promise is less than half a core.
 */
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { startModelServers } from '../src/lab/modelserver/index.ts';

const SERVERS = 16;
const REQUESTS_PER_SEC = 60;
const WARM_UP_MS = 3000;
const SCRAPE_INTERVAL_MS = 1000;

type Tally = { finished: number; failed: number; events: number };

const ports = process.argv[2]?.split(',').map(Number) ?? [];
if (process.send !== undefined && ports.length === SERVERS) drive(ports);
else await measure(Number(process.argv[2] ?? 10));

async function measure(seconds: number): Promise<void> {
  const running = await startModelServers({ count: SERVERS, firstPort: 0, profiles: ['standard', 'wide'] });
  const driver = fork(import.meta.filename, [running.servers.map(({ port }) => port).join(',')], {
    execArgv: process.execArgv,
  });
  const scrapes = setInterval(() => {
    for (const { port, gpuPort } of running.servers) for (const of of [port, gpuPort]) scrape(of);
  }, SCRAPE_INTERVAL_MS);
  try {
    await pause(WARM_UP_MS);
    const before = { cpu: process.cpuUsage(), atMs: performance.now(), tokens: tokens() };
    await pause(seconds * 1000);
    const wallMs = performance.now() - before.atMs;
    const { user, system } = process.cpuUsage(before.cpu);
    const share = (user + system) / 1000 / wallMs;
    const answered = new Promise<Tally>((resolve) => driver.once('message', (tally) => resolve(tally as Tally)));
    driver.send('tally');
    const { finished, failed, events } = await answered;
    process.stdout.write(
      `${SERVERS} model servers, ${REQUESTS_PER_SEC} requests/s, scraped each second, ${seconds} s\n` +
        `CPU ${(100 * share).toFixed(1)} % of one core (promise: below 50 %)\n` +
        `${((tokens() - before.tokens) / (wallMs / 1000)).toFixed(0)} tokens/s; ` +
        `${finished} requests finished, ${failed} failed, ${events} pieces read\n`,
    );
    if (failed > 0 || finished === 0 || share > 0.5) process.exitCode = 1;
  } finally {
    clearInterval(scrapes);
    driver.kill();
    await running.stop();
  }

  function tokens(): number {
    return running.snapshot().reduce((sum, { generationTokens }) => sum + generationTokens, 0);
  }
}

function scrape(port: number): void {
  request({ host: '127.0.0.1', port, path: '/metrics' }, (response) => response.resume())
    .on('error', () => undefined)
    .end();
}

/** Open loop, evenly spaced; outputs as in the lab's other measurements: 24 tokens (80 %) and 144 (20 %). */
function drive(targets: readonly number[]): void {
  const agent = new Agent({ keepAlive: true });
  const tally: Tally = { finished: 0, failed: 0, events: 0 };
  const startMs = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = ((performance.now() - startMs) / 1000) * REQUESTS_PER_SEC;
    for (; sent < due; sent += 1) send(targets[sent % targets.length] as number, sent % 5 === 0 ? 144 : 24);
  }, 5);
  process.on('message', () => process.send?.(tally));
  process.on('disconnect', () => process.exit(0));

  function send(port: number, maxTokens: number): void {
    const body = JSON.stringify({ prompt: 'a', max_tokens: maxTokens, stream: true });
    const headers = { 'content-type': 'application/json', 'x-loadline-prompt-tokens': '600' };
    request({ host: '127.0.0.1', port, path: '/v1/completions', method: 'POST', headers, agent }, (response) => {
      response.on('data', () => {
        tally.events += 1;
      });
      response.on('end', () => {
        if (response.statusCode === 200) tally.finished += 1;
        else tally.failed += 1;
      });
      response.on('error', () => {
        tally.failed += 1;
      });
    })
      .on('error', () => {
        tally.failed += 1;
      })
      .end(body);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
