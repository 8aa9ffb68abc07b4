import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import type { Sample, SourceHealth } from '../../../src/core/topology/index.ts';
import { SignalSchedule, type Target } from '../../../src/edge/signals/index.ts';
import { FakeLog } from './fake-log.ts';
import { fixture } from './fixture.ts';
import { type Answer, drip, MetricsServer, page, raw } from './metrics-server.ts';

/**
 * Real pages over a real socket, read by the whole room: a well server beside a hostile one. Whatever the hostile one
 * sends, nothing crashes, no sample is out of range, the source is named in health and log, the well one is read on,
 * and when the hostile one heals it is read again.
 */
let hostile: MetricsServer;
let well: MetricsServer;
let log: FakeLog;
let schedule: SignalSchedule;
let samples: Sample[];

/** Also the time-out. */
const INTERVAL_MS = 150;
/** Long enough for ten megabytes on a busy machine; by the other one they were late there before they were too large. */
const LARGE_INTERVAL_MS = 1000;

beforeEach(async () => {
  [hostile, well] = [await MetricsServer.start(), await MetricsServer.start()];
  log = new FakeLog();
  samples = [];
  schedule = new SignalSchedule({
    clock: () => performance.now(),
    random: seededRandom(3),
    log,
    onSamples: (fresh) => samples.push(...fresh),
  });
});

afterEach(async () => {
  schedule.stop();
  await hostile.stop();
  await well.stop();
});

function common({ url }: MetricsServer, kind: string) {
  return { key: url, source: `${kind} ${url}`, service: 'chat', pool: 'gpu', url, intervalMs: INTERVAL_MS };
}

function engineOf(server: MetricsServer): Target {
  return { kind: 'Engine', subject: { address: '127.0.0.1', port: server.port }, ...common(server, 'engine') };
}

function exporterOf(server: MetricsServer): Target {
  return { kind: 'Exporter', subject: { address: '127.0.0.1', port: server.port }, ...common(server, 'gpu') };
}

async function until(what: string, true_: () => boolean): Promise<void> {
  await expect.poll(true_, { timeout: 10_000, interval: 10, message: what }).toBe(true);
}

function health(server: MetricsServer): SourceHealth {
  return schedule.health().find(({ source }) => source.includes(server.url)) as SourceHealth;
}

function from(server: MetricsServer): Sample[] {
  return samples.filter(({ source }) => source.includes(server.url));
}

const VLLM = fixture('vllm.metrics');
const DCGM = fixture('dcgm-generation-1.metrics');
const RUNNING = 'vllm:num_requests_running{engine="0",model_name="meta-llama/Llama-3.1-70B"} 17.0';

function with_(text: string, line: string, instead: string): string {
  expect(text).toContain(line);
  return text.replace(line, instead);
}

const METRICS_TYPE = { 'content-type': 'text/plain; charset=utf-8' };

const JSON_TYPE = { 'content-type': 'application/json' };

/** Those of them that take their time. */
const LARGE: readonly (readonly [string, Answer, RegExp])[] = [
  ['ten megabytes', page(`${'# HELP filler\n'.repeat(750_000)}${VLLM}`, METRICS_TYPE), /larger than 8388608 bytes/],
  [
    'ten megabytes in pieces',
    (_request, response) => {
      for (let part = 0; part < 160; part++) response.write(`${'x'.repeat(65_535)}\n`);
      response.end(VLLM);
    },
    /larger than 8388608 bytes/,
  ],
  ['eight megabytes of one line', page('x'.repeat(8_000_000), METRICS_TYPE), /middle of a line/],
];

/** Pages that must be refused as a whole. */
const UNUSABLE: readonly (readonly [string, Answer, RegExp])[] = [
  ...LARGE,
  ['an error', (_request, response) => response.writeHead(500).end(VLLM), /answered 500/],
  ['a redirect', (_request, response) => response.writeHead(302, { location: '/other' }).end(), /answered 302/],
  ['a login page', page('<html>vllm</html>\n', { 'content-type': 'text/html' }), /answered text\/html/],
  ['JSON of something else', page('{}', JSON_TYPE), /JSON without its list of engines, loads \(SGLang\)/],
  ['JSON that is none', page('{"loads":[', JSON_TYPE), /JSON that cannot be read/],
  ['the iterations of trtllm-serve', page('[{"numActiveRequests":3}]', JSON_TYPE), /path: \/prometheus\/metrics/],
  ['no engine at all', page('{"loads":[]}', JSON_TYPE), /loads is empty: the engine is broken, not idle/],
  ['engines of nothing', page('{"loads":[{},{}]}', JSON_TYPE), /no known engine metric/],
  ['nothing', page('', METRICS_TYPE), /no known engine metric/],
  [
    'a page cut within a line',
    page(VLLM.slice(0, VLLM.indexOf(RUNNING) + RUNNING.length - 3), METRICS_TYPE),
    /middle of a line/,
  ],
  [
    'a page cut by the connection',
    (_request, response) => {
      response.writeHead(200, { 'content-length': String(VLLM.length) });
      response.write(VLLM.slice(0, 900));
      setTimeout(() => response.destroy(), 10);
    },
    /middle of the page/,
  ],
  ['silence', () => {}, /no complete answer/],
  [
    'silence after the head',
    (_request, response) => void response.writeHead(200, METRICS_TYPE).write(VLLM),
    /no complete answer/,
  ],
  ['a slow drip', drip, /no complete answer/],
  ['garbage instead of HTTP', raw('\u0000\u0001\u0002\u0003 garbage \r\n\r\n'), /not HTTP/],
  ['a closed connection', (request) => void request.socket.destroy(), /connection was/],
  [
    'only garbage',
    (_request, response) => response.end(Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * 7919) % 256))),
    /middle of a line|no known engine metric/,
  ],
  [
    'nothing but labels',
    page(`${'vllm:num_requests_running{'.repeat(2000)}\n`, METRICS_TYPE),
    /no known engine metric/,
  ],
  [
    'too many series',
    page(
      Array.from({ length: 20_000 }, (_, at) => `vllm:num_requests_running{engine="${at}"} 1\n`).join(''),
      METRICS_TYPE,
    ),
    /too many series/,
  ],
  ['an encoding that was not asked for', page(VLLM, { 'content-encoding': 'br' }), /encoding/],
];

/** Pages of which a part can be used; the reason names the part that cannot. */
const PARTLY_USABLE: readonly (readonly [string, string, RegExp])[] = [
  ['NaN', with_(VLLM, RUNNING, RUNNING.replace('17.0', 'NaN')), /num_requests_running is NaN/],
  ['a negative number', with_(VLLM, RUNNING, RUNNING.replace('17.0', '-17')), /num_requests_running is -17/],
  ['infinity', with_(VLLM, RUNNING, RUNNING.replace('17.0', '+Inf')), /num_requests_running is Infinity/],
  ['a monstrous number', with_(VLLM, RUNNING, RUNNING.replace('17.0', '1e300')), /num_requests_running is 1e\+300/],
  [
    'a series that contradicts itself',
    `${VLLM}${RUNNING.replace('17.0', '900')}\n`,
    /num_requests_running appears twice/,
  ],
  [
    'lines that are no samples',
    `<<<<\n\u0000\u0000\n${VLLM}vllm:num_requests_running{`.concat('\n'),
    /lines could not be read/,
  ],
];

describe('a hostile server', () => {
  it.each(UNUSABLE)('that sends %s is named, gives no sample and harms nobody', async (what, answer, reason) => {
    well.answer = page(VLLM, METRICS_TYPE);
    hostile.answer = answer;
    const intervalMs = LARGE.some(([large]) => large === what) ? LARGE_INTERVAL_MS : INTERVAL_MS;
    schedule.configure([{ ...engineOf(hostile), intervalMs }, engineOf(well)]);
    await until('the reason', () => reason.test(health(hostile).lastError ?? ''));
    await until('more than one try', () => health(hostile).consecutiveFailures >= 2);
    expect(health(hostile).lastSuccessMs).toBeUndefined();
    expect(from(hostile)).toEqual([]);
    expect(log.lines.some((line) => line.includes('signal source failed') && line.includes(hostile.url))).toBe(true);

    const before = from(well).length;
    await until('the well one goes on', () => from(well).length > before);
    await until('and is well', () => health(well).lastError === undefined);

    hostile.answer = page(VLLM, METRICS_TYPE);
    hostile.dropConnections();
    await until('recovery', () => health(hostile).consecutiveFailures === 0);
    expect(from(hostile).find(({ metric }) => metric === 'runningRequests')?.value).toBe(29);
    await until('the log says so', () =>
      log.lines.includes(`info | signal source is well again | engine ${hostile.url}`),
    );
  });

  it.each(PARTLY_USABLE)('that sends %s is named, and the rest of its page is used', async (_what, text, reason) => {
    hostile.answer = page(VLLM, METRICS_TYPE);
    schedule.configure([engineOf(hostile)]);
    await until('good samples', () => from(hostile).length > 0);
    hostile.answer = page(text, METRICS_TYPE);
    await until('the complaint', () => reason.test(health(hostile).lastError ?? ''));
    const before = samples.length;
    await until('fresh samples', () => samples.length > before + 10);
    const fresh = samples.slice(before).filter(({ metric }) => metric === 'runningRequests');
    // Refused values leave no sample; where only other lines are bad the value is the true one.
    expect(new Set(fresh.map(({ value }) => value))).toEqual(text.includes('<<<<') ? new Set([29]) : new Set());
    expect(samples.slice(before).some(({ metric, value }) => metric === 'waitingRequests' && value === 3)).toBe(true);
    expect(log.lines.some((line) => line.includes('unusable values') && line.includes(hostile.url))).toBe(true);
    hostile.answer = page(VLLM, METRICS_TYPE);
    await until('well again', () => health(hostile).lastError === undefined);
  });

  it('that freezes hands out fresh copies, which are known to be old', async () => {
    hostile.answer = page(DCGM, METRICS_TYPE);
    schedule.configure([exporterOf(hostile)]);
    await until('several pages', () => samples.length >= 100);
    const power = samples.filter(({ metric, value }) => metric === 'powerWatts' && value === 627.4);
    const first = power[0] as Sample;
    const last = power.at(-1) as Sample;
    expect(last.sampledAtMs).toBeGreaterThan(first.sampledAtMs);
    expect(last.changedAtMs).toBe(first.changedAtMs);
    hostile.answer = page(DCGM.replace('627.400000', '500.000000'), METRICS_TYPE);
    await until('a change', () => samples.some(({ metric, value }) => metric === 'powerWatts' && value === 500));
    const changed = samples.find(({ value }) => value === 500) as Sample;
    expect(changed.changedAtMs).toBe(changed.sampledAtMs);
    await until('no complaint', () => health(hostile).lastError === undefined);
  });

  it('that stamps its values is believed about the past and not about the future', async () => {
    const startedAtMs = performance.now();
    hostile.answer = page('vllm:num_requests_running 5 9999999999999\nvllm:num_requests_waiting 5 0\n', METRICS_TYPE);
    schedule.configure([engineOf(hostile)]);
    await until('samples', () => samples.length >= 2);
    const [running, waiting] = samples as [Sample, Sample];
    expect(running.sampledAtMs).toBeGreaterThanOrEqual(startedAtMs);
    expect(running.sampledAtMs).toBeLessThanOrEqual(performance.now());
    expect(waiting.sampledAtMs).toBe(0);
  });
});
