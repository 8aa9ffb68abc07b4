import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../src/base/codec/index.ts';
import type { Policy, TrafficClass } from '../../src/core/policy/index.ts';
import { compileAssignments, compileRuntime, compileStructure } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from '../core/resources/build-policy.ts';
import { FileFeed } from '../support/file-fed-envoy.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/serve.ts';

const origin = { file: 'policy.yaml', line: 1, column: 1 };
const MARK = 'x-loadline-degraded';
const REQUESTS = 150;

describe('the route to another pool', () => {
  const servers: Server[] = [];
  const ports: number[] = [];
  let envoy: EnvoyProcess | undefined;
  let feed: FileFeed | undefined;
  let policy: Policy;
  let port: number;

  beforeAll(async () => {
    for (const pool of ['gpu', 'standby']) {
      // Says who answered, and what it was told.
      const server = createServer((request, response) => {
        request.resume();
        response.end(JSON.stringify([pool, request.headers[MARK] ?? null]));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      ports.push((server.address() as AddressInfo).port);
    }
    port = await freePort();
    const service = aService('chat', {
      hostnames: ['*'],
      pools: ['gpu', 'standby'].map((name) => ({
        ...{ name, origin, capacityType: 'OnDemand', signals: {} },
        endpoints: { kind: 'Static', endpoints: [] },
      })),
      split: { kind: 'Tiers', tiers: [['gpu'], ['standby']], failover: { returnAfterMs: 1 } },
      overload: {
        enterAt: 1,
        leaveAt: 0.8,
        actions: [{ kind: 'Degrade', class: 'P1', toPool: 'standby', upToPercent: 100 }],
      },
    });
    const group = aGroup([service], {
      listeners: [{ name: 'models', address: '127.0.0.1', port, origin }],
      trafficClasses: { use: 'standard', allow: ['P1', 'P2'], default: 'P2' },
    });
    const classes = ['P1', 'P2'].map((name): TrafficClass => ({ name, reservePercent: 0, shed: 'Default' }));
    policy = {
      ...aPolicy([service], group),
      trafficClasses: [{ name: 'standard', origin, header: 'x-class', classes }],
    };
    const endpoints = ['gpu', 'standby'].map((pool, i) =>
      anEndpoint('chat', ports[i] as number, { id: `chat/${pool}/127.0.0.1:${ports[i]}`, pool }),
    );
    feed = new FileFeed();
    feed.write([
      ...compileStructure(policy, group, { release: '1.36', listenerOverrides: {} }),
      ...compileRuntime(policy, group),
      ...compileAssignments(aPlan(policy, { chat: endpoints }), group, new AssignmentEncoder()),
    ]);
    envoy = await startEnvoy({ binary: await findEnvoy(), bootstrap: feed.bootstrap() });
    await envoy.ready(20_000);
    await until('it answers', async () => (await ask('P2')).status === 200);
  });

  afterAll(async () => {
    await envoy?.stop();
    feed?.remove();
    for (const server of servers) server.close();
  });

  const ask = async (name: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-class': name, ...headers } }).catch(
      () => undefined,
    );
    const text = (await answer?.text()) ?? '';
    const [pool, told] = answer?.status === 200 ? (JSON.parse(text) as [string, string | null]) : [];
    return { status: answer?.status, pool, told, mark: answer?.headers.get(MARK) };
  };

  const set = async (passing: Parameters<typeof compileRuntime>[2], key: string, value: string): Promise<void> => {
    const resources = compileRuntime(policy, policy.groups[0] as Policy['groups'][0], passing);
    feed?.write(resources.filter(({ name }) => name === 'lapsing'));
    await until(`${key} is ${value}`, async () => (await envoy?.runtime())?.[key] === value);
  };

  it('marks what goes there for client and server, and nobody else can', async () => {
    expect(await ask('P1', { [MARK]: 'chat/forged' })).toEqual({ status: 200, pool: 'gpu', told: null, mark: null });
    await set({ degrades: { 'chat/P1': 100 } }, 'loadline.degrade.chat.P1', '100');
    const moved = { status: 200, pool: 'standby', told: 'chat/standby', mark: 'chat/standby' };
    expect(await ask('P1')).toEqual(moved);
    expect(await ask('P1', { [MARK]: 'chat/forged' })).toEqual(moved);
    expect(await ask('P2', { [MARK]: 'chat/forged' })).toMatchObject({ pool: 'gpu', told: null, mark: null });
  });

  it('takes its part of what is not shed, by the one number that Envoy draws', async () => {
    await set({ sheds: { 'chat/P1': 40 }, degrades: { 'chat/P1': 50 } }, 'loadline.degrade.chat.P1', '70');
    const seen = { 503: 0, standby: 0, gpu: 0 };
    for (let i = 0; i < REQUESTS; i += 1) {
      const { status, pool } = await ask('P1');
      seen[status === 200 ? (pool as 'gpu') : 503] += 1;
    }
    // 40, 30 and 30 of a hundred; four sigma and more of chance.
    expect(Math.abs(seen[503] / REQUESTS - 0.4)).toBeLessThan(0.17);
    expect(Math.abs(seen.standby / REQUESTS - 0.3)).toBeLessThan(0.16);
    expect(Math.abs(seen.gpu / REQUESTS - 0.3)).toBeLessThan(0.16);
    const stats = (await envoy?.stats('^vhost\\.chat\\.route\\.chat\\.P1\\.degraded\\.upstream_rq_completed$')) ?? {};
    expect(Object.values(stats)).toEqual([seen.standby + 2]);
  });

  it('costs no request when its pool is dead', async () => {
    await set({ degrades: { 'chat/P1': 100 } }, 'loadline.degrade.chat.P1', '100');
    servers[1]?.closeAllConnections();
    await new Promise((resolve) => servers[1]?.close(resolve));
    for (let i = 0; i < 20; i += 1) expect(await ask('P1')).toMatchObject({ status: 200, pool: 'gpu' });
    expect(await envoy?.stats('^cluster\\.chat/standby\\.upstream_rq_retry$')).not.toEqual({
      'cluster.chat/standby.upstream_rq_retry': 0,
    });
  });
});
