import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, STANDARD_PROFILE, startModelServers } from '../../../src/lab/modelserver/index.ts';
import { OpenLoop } from '../../../src/lab/traffic/index.ts';
import { run as cli } from '../../cli/run.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const PROFILE = { ...STANDARD_PROFILE, stepMs: 5, bend: 0, prefillTokensPerSec: 100_000 };
/** A standby that sleeps when it was idle for so long; every server has slept when the first request comes. */
const ASLEEP = { coldAfter: '3s', coldStart: '2s' };
const COLD_START_MS = 2000;
const PROMPT = { model: 'm', prompt: 'hello', max_tokens: 2, stream: true };

type Pool = { readonly name: string; readonly warmth: { readonly warm: number; readonly cold: number } | null };
type Failover = { readonly phase: string; readonly percent: number; readonly reason: string };
type Service = { readonly name: string; readonly pools: readonly Pool[]; readonly failover: Failover };

/** Of the service `slow`: it reads ten prompts a second and is given twenty, and its standby never wakes up. */
const OVERRUN = { ...PROFILE, slots: 400, kvTokens: 1_000_000, prefillTokensPerSec: 1000 };
const PER_SEC = 20;
const LONG_PROMPT = 'word'.repeat(100);
const DEAD_ASLEEP = { coldAfter: '0ms', coldStart: '60s' };

/** Services alike: the standby of `kept` is kept warm, that of `left` is not, that of `slow` is asked and does not answer. */
describe('a standby that sleeps when it has no requests', () => {
  let kept: ModelServers;
  let left: ModelServers;
  let slow: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    const profiles = [{ ...PROFILE }];
    kept = await startModelServers({ count: 3, firstPort: 0, profiles });
    left = await startModelServers({ count: 3, firstPort: 0, profiles });
    slow = await startModelServers({ count: 3, firstPort: 0, profiles: [OVERRUN] });
    const service = (name: string, servers: ModelServers, keepWarm: string): string => {
      const [first = 0, ...standby] = servers.servers.map(({ port }) => port);
      const [, document = ''] = poolsPolicy(
        [
          { name: 'first', ports: [first] },
          { name: 'standby', ports: standby, lines: keepWarm },
        ],
        `  split: { tiers: [[first], [standby]], failover: { consecutiveGatewayFailure: 1, firstTokenP95Above: 1s } }
  retry: { numRetries: 2, retryOn: [connect-failure], budget: { percent: 20%, minRetryConcurrency: 20 } }
  outlierDetection: { interval: 1s, baseEjectionTime: 30s }
  signals: { engine: {} }
`,
      ).split('---\n');
      return document.replace('name: chat', `name: ${name}`).replace('["*"]', `["${name}.example"]`);
    };
    const [group = ''] = poolsPolicy([{ name: 'x', ports: [1] }]).split('---\n');
    const policy = [
      group.replace('[chat]', '[kept, left, slow]'),
      service('kept', kept, '      keepWarm: { model: m, interval: 1s, timeout: 10s }\n'),
      service('left', left, ''),
      service('slow', slow, '      keepWarm: { model: m, interval: 1s, timeout: 1s }\n'),
    ].join('---\n');
    for (const servers of [kept, left]) for (const standby of [1, 2]) await servers.fault(standby, ASLEEP);
    for (const standby of [1, 2]) await slow.fault(standby, DEAD_ASLEEP);
    serve = await new Serve(policy).start();
    sidecar = await startSidecar(serve.xds, 'a');
    await until(
      'the sidecar answers',
      () =>
        firstByteMs('kept').then(
          () => true,
          () => false,
        ),
      15_000,
    );
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await kept?.stop();
    await left?.stop();
    await slow?.stop();
  });

  /** Until the first token of an answer, as a client of the sidecar sees it. */
  const firstByteMs = async (service: string): Promise<number> => {
    const startedAt = performance.now();
    const response = await requestOf(sidecar.port, `${service}.example`);
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    return response.firstByteAt - startedAt;
  };

  const serviceOf = async (service: string): Promise<Service> => {
    const { services } = (await (await serve.get('/api/state')).json()) as { services: readonly Service[] };
    return services.find(({ name }) => name === service) as Service;
  };
  const poolOf = async (service: string): Promise<Pool> =>
    (await serviceOf(service)).pools.find(({ name }) => name === 'standby') as Pool;
  const issued = (servers: ModelServers): readonly number[] => servers.snapshot().map((one) => one.issued);

  it('has nothing of a first tier that is slow while it does not wake up', async () => {
    const failures: unknown[] = [];
    const load = new OpenLoop({
      arrivals: Array.from({ length: 30 * PER_SEC }, (_, i) => ({
        atMs: (i * 1000) / PER_SEC,
        promptTokens: 100,
        outputTokens: 1,
      })),
      lanes: [{ name: 'lab', targets: [{ host: '127.0.0.1', port: sidecar.port }] }],
      message: () => ({
        headers: { host: 'slow.example' },
        body: JSON.stringify({ model: 'm', prompt: LONG_PROMPT, max_tokens: 1, stream: true }),
      }),
      onOutcome: ({ failure }) => void (failure === undefined || failures.push(failure)),
    });
    const done = load.run();
    const reason = /first token p95 [1-9]\d*\.\d\d s .*limit 1 s; 2 of 2 servers of standby are cold/;
    await until('the first tier is slow', async () => reason.test((await serviceOf('slow')).failover.reason), 15_000);
    // A tier is given up after three seconds of it.
    await sleep(4000);
    const { phase, percent, reason: after } = (await serviceOf('slow')).failover;
    await slow.fault(0, { speed: 10 });
    load.finish();
    await done;
    process.stdout.write(`${after}\n`);
    expect({ phase, percent }).toEqual({ phase: 'Home', percent: 0 });
    expect(after).toMatch(reason);
    const hosts = (await sidecar.envoy.clusters()).slow ?? [];
    expect(hosts.filter(({ rqTotal }) => rqTotal > 0).length).toBe(1);
    expect(failures).toEqual([]);
  }, 40_000);

  it('is kept awake by prompts, which no sidecar and no weight knows of', async () => {
    await until('it is warm', async () => (await poolOf('kept')).warmth?.warm === 2, 20_000);
    expect(await poolOf('left')).toMatchObject({ warmth: null });
    expect(await serve.metric('loadline_warm_endpoints', { service: 'kept', pool: 'standby', state: 'Warm' })).toBe(2);
    expect(await serve.metric('loadline_prompts_total', { result: 'Answered' })).toBeGreaterThanOrEqual(2);
    const status = await cli('status', '--admin', serve.admin);
    expect(status.out).toMatch(/^ {2}kept warm standby: 2 warm, 0 cold$/m);
    const explained = await cli('explain', 'kept', '--admin', serve.admin);
    expect(explained.out).toMatch(/warm for \d+ s: answered in 0\.\d\d s/);
    const hosts = (await sidecar.envoy.clusters()).kept ?? [];
    expect(hosts.filter(({ rqTotal }) => rqTotal > 0).length).toBeLessThanOrEqual(1);
    expect(issued(left).slice(1)).toEqual([0, 0]);
    expect(issued(kept)[1]).toBeGreaterThan(0);
  });

  it('answers at once when the first tier dies; one that was left alone does not', async () => {
    await Promise.all([kept.fault(0, { crash: true }), left.fault(0, { crash: true })]);
    const [warmMs, coldMs] = await Promise.all([firstByteMs('kept'), firstByteMs('left')]);
    process.stdout.write(
      `first token of the standby: ${warmMs.toFixed(0)} ms kept warm, ${coldMs.toFixed(0)} ms left alone\n`,
    );
    expect(warmMs).toBeLessThan(COLD_START_MS / 2);
    expect(coldMs).toBeGreaterThanOrEqual(COLD_START_MS);
  });

  it('is cold when it does not answer, in words and in numbers', async () => {
    await kept.fault(1, { crash: true });
    await until('one is cold', async () => (await poolOf('kept')).warmth?.cold === 1, 15_000);
    const status = await cli('status', '--admin', serve.admin);
    expect(status.out).toMatch(
      // A prompt that was on its way in that moment was cut off.
      /^ {2}kept warm standby: 1 warm, 1 cold \(127\.0\.0\.1:\d+ no answer: (?:connection refused|the connection was \w+)/m,
    );
    const { events } = (await (await serve.get('/api/events')).json()) as {
      events: readonly { kind: string; subject: string }[];
    };
    expect(events.some(({ kind, subject }) => kind === 'EndpointCold' && subject.startsWith('kept/standby/'))).toBe(
      true,
    );
  });
});

async function requestOf(
  port: number,
  host: string,
): Promise<{ readonly status: number; readonly firstByteAt: number }> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method: 'POST', path: '/v1/completions', headers: { host } };
    const asking = request(options, (response) => {
      response.once('data', () => {
        const firstByteAt = performance.now();
        response.resume();
        response.once('end', () => resolve({ status: response.statusCode ?? 0, firstByteAt }));
      });
      response.once('error', reject);
    });
    asking.once('error', reject);
    asking.end(JSON.stringify(PROMPT));
  });
}
