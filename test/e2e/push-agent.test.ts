import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { AgentProcess } from '../support/agent.ts';
import { FakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { type Load, startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';

const LEASE_SEC = 6;
const SLOW = 2;

type Explained = { readonly services: readonly [{ readonly endpoints: readonly Endpoint[] }] };
type Endpoint = {
  readonly port: number;
  readonly belief: {
    readonly freshness: string;
    readonly running: number | null;
    readonly gpuUtilRatio: number | null;
  };
};
type Source = { readonly source: string; readonly lastError?: string; readonly consecutiveFailures: number };

const LONG = process.env.LOADLINE_TEST_LONG === '1';
if (!LONG)
  process.stdout.write('skipped: an agent that outlives its server: set LOADLINE_TEST_LONG=1 (npm run test:long)\n');

describe('an agent that pushes, with nothing scraped and no sidecar', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-agent-'));
  const smi = new FakeNvidiaSmi(folder);
  let models: ModelServers;
  let serve: Serve;
  let agent: AgentProcess;
  let load: Load;

  function startAgent(): AgentProcess {
    const engines = models.servers.flatMap(({ port }) => {
      return ['--engine', `127.0.0.1:${port}=http://127.0.0.1:${port}/metrics`];
    });
    const endpoint = `127.0.0.1:${models.servers[0]?.port}`;
    const flags = ['--server', serve.admin, '--name', 'node-a', '--nvidia-smi', smi.path, '--endpoint', endpoint];
    return new AgentProcess([...flags, ...engines], smi.env);
  }

  /** Ports are free ones, in no order. */
  function inOrder<T extends { readonly port: number }>(endpoints: readonly T[]): readonly T[] {
    return models.servers.map((server) => endpoints.find(({ port }) => port === server.port) as T);
  }

  async function weights(): Promise<readonly number[]> {
    const { endpoints } = (await serve.state()).services[0]!.pools[0]!;
    return inOrder(endpoints).map(({ weight }) => weight);
  }

  async function beliefs(): Promise<readonly Endpoint[]> {
    const explained = (await (await serve.get('/api/explain?service=chat')).json()) as Explained;
    return inOrder(explained.services[0].endpoints);
  }

  const allAre = async (freshness: string): Promise<boolean> =>
    (await beliefs()).every(({ belief }) => belief.freshness === freshness);

  async function sources(): Promise<readonly Source[]> {
    return ((await (await serve.get('/api/state')).json()) as { sources: readonly Source[] }).sources;
  }

  beforeAll(async () => {
    smi.plan({ set: { 'utilization.gpu': '61 %' } });
    models = await startModelServers({ count: 3, firstPort: 0 });
    const policy = labPolicy(models.servers).replace(
      / {2}signals:\n.*\n/,
      `  signals: { push: { lease: ${LEASE_SEC}s } }\n`,
    );
    serve = await new Serve(policy).start();
    await models.fault(SLOW, { speed: 0.3 });
    // Four long streams on each server, so that only their speeds differ.
    load = startLoad(models.servers, { perSec: 12, seconds: 1, outputTokens: 20_000 });
    agent = startAgent();
  });

  afterAll(async () => {
    load?.stop();
    await agent?.end('SIGKILL');
    await serve?.dispose();
    await models?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('moves the weights: the slow server gets less', async () => {
    await until(
      'the slow server has a smaller weight',
      async () => {
        const [one = 0, two = 0, slow = 0] = await weights();
        return slow < 0.8 * Math.min(one, two);
      },
      60_000,
    );
    const found = await beliefs();
    expect(found.map(({ belief }) => belief.freshness)).toEqual(['Fresh', 'Fresh', 'Fresh']);
    expect(found.map(({ belief }) => belief.running)).toEqual([4, 4, 4]);
    expect(found.map(({ belief }) => belief.gpuUtilRatio)).toEqual([0.61, null, null]);
    expect(await serve.metric('loadline_signal_scrapes_total')).toBe(0);
    expect(await serve.metric('loadline_push_values_total')).toBeGreaterThan(50);
    expect(await serve.metric('loadline_push_refusals_total')).toBe(0);
    expect(await serve.metric('loadline_push_streams')).toBe(1);
  });

  it('that hangs in its driver is silent about the GPU alone, and says so', async () => {
    smi.plan({ hang: true });
    await until(
      'status names nvidia-smi',
      async () => {
        return (await sources()).some(({ lastError }) =>
          /node-a: nvidia-smi .*killed after \d+ ms/.test(lastError ?? ''),
        );
      },
      30_000,
    );
    await until('its lease is over', async () => (await serve.metric('loadline_push_leases_over_total')) === 1, 30_000);
    const [first] = await beliefs();
    expect(first?.belief).toMatchObject({ freshness: 'Fresh', gpuUtilRatio: null });
    smi.plan({ set: { 'utilization.gpu': '62 %' } });
    await until('the GPU is known again', async () => (await beliefs())[0]?.belief.gpuUtilRatio === 0.62, 30_000);
  });

  it('that is killed leaves "unknown" behind within its lease, never "idle": the weights hold', async () => {
    await agent.end('SIGKILL');
    // The leases of an engine and of its GPU do not end in the same moment.
    await until(
      'everything is unknown',
      async () =>
        (await beliefs()).every(
          ({ belief }) => belief.freshness === 'Stale' && belief.running === null && belief.gpuUtilRatio === null,
        ),
      LEASE_SEC * 1000 + 4000,
    );
    const held = await weights();
    expect(held[SLOW]).toBeLessThan(held[0] as number);
    await until(
      'status says whose lease is over',
      async () => {
        const failing = (await sources()).filter(({ consecutiveFailures }) => consecutiveFailures > 0);
        return failing.length === 3 && failing.every(({ lastError }) => lastError?.includes('node-a is silent'));
      },
      20_000,
    );
    await sleep(5000);
    expect(await weights()).toEqual(held);
  });

  it('that comes back is believed again', async () => {
    agent = startAgent();
    await until('everything is known', () => allAre('Fresh'), 30_000);
    await until('no source fails', async () =>
      (await sources()).every(({ consecutiveFailures }) => consecutiveFailures === 0),
    );
  });

  it.skipIf(!LONG)('outlives its server, and is heard by the next one', async () => {
    await serve.end('SIGKILL');
    await until('the agent has noticed', () => agent.log.includes('server cannot be reached'), 20_000);
    await serve.start();
    // The checkpoint of the old server would be fresh for some seconds more.
    await until('the agent has come back', () => agent.log.includes('server is reached again'), 30_000);
    await sleep(6000);
    expect(await allAre('Fresh')).toBe(true);
  });

  it('ends cleanly with SIGTERM, and takes nvidia-smi with it', async () => {
    const runs = join(folder, 'runs');
    smi.plan({ hang: true, runs });
    await until('nvidia-smi hangs', () => existsSync(runs), 20_000);
    expect(await agent.end('SIGTERM')).toBe(0);
    const pids = readFileSync(runs, 'utf8').trim().split('\n').map(Number);
    await until('none of them lives', () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    expect(agent.log).toContain('agent ended');
  });
});
