import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentEncoder, encodeMessage, type JsonObject, messageToJson } from '../../src/base/codec/index.ts';
import type { RateLimit } from '../../src/core/policy/index.ts';
import {
  bootstrap,
  compileAssignments,
  compileRuntime,
  compileStructure,
  LASTING_LAYER,
  type Resource,
  renderForValidation,
  renderStatic,
  TYPE_URL,
} from '../../src/core/resources/index.ts';
import {
  type EnvoyProcess,
  envoyVersion,
  findEnvoy,
  startEnvoy,
  validateBootstrap,
} from '../../src/edge/envoy/index.ts';
import { aGroup, aLimit, anEndpoint, aPlan, aPolicy, aService } from '../core/resources/build-policy.ts';
import { compileFile } from '../support/compile-file.ts';
import { FileFeed } from '../support/file-fed-envoy.ts';
import { freePort } from '../support/free-port.ts';

let binary: string;
beforeAll(async () => {
  binary = await findEnvoy();
});

describe('what we send, judged by Envoy', () => {
  it.each(['docs/examples/lab.yaml', 'test/core/policy/good/chat.yaml'])('%s is valid', async (file) => {
    expect(await validateBootstrap(binary, renderStatic(compileFile(file, ['a', 'b']).resources))).toEqual({
      ok: true,
    });
  });

  it('every kind of service and limit is valid', async () => {
    const http2 = aService('embed', {
      upstream: { protocol: 'Http2' },
      match: { pathPrefix: '/embed' },
      hostnames: ['*'],
    });
    const base = aService('chat', { hostnames: ['*', 'chat.example'], rateLimits: everyLimit() });
    const bare = aService('bare', {
      timeouts: { connectMs: 250, responseHeadersMs: 0, perTryIdleMs: 0, streamIdleMs: 0, requestMs: 1500 },
      retry: { ...base.retry, numRetries: 0 },
      loadBalancer: { ...base.loadBalancer, type: 'RoundRobin' },
    });
    const resources = compile([base, http2, bare], {
      chat: [anEndpoint('chat', 9101, { zone: 'a' }), anEndpoint('chat', 9102)],
    });
    expect(await validateBootstrap(binary, renderStatic(resources))).toEqual({ ok: true });
  });

  it('the bootstrap is valid, with names, sockets, two servers and overrides', async () => {
    for (const xds of [['127.0.0.1:18000', '[::1]:18010'], ['loadline.mesh:18000'], ['unix:/run/loadline/xds.sock']]) {
      const made = bootstrap({ nodeId: 'n', group: 'lab', xds, zone: 'z', listeners: { models: '127.0.0.1:16001' } });
      expect(await validateBootstrap(binary, made)).toEqual({ ok: true });
    }
  });

  it.each([
    'docs/examples/lab.yaml',
    'docs/examples/rate-limits.yaml',
    'docs/examples/many-models.yaml',
  ])('%s is valid as it is sent', async (file) => {
    const { resources } = compileFile(file, ['a', 'b']);
    expect(await validateBootstrap(binary, renderForValidation(resources))).toEqual({ ok: true });
    const endpointsOnly = resources.filter(({ typeUrl }) => typeUrl === TYPE_URL.endpoint);
    expect(await validateBootstrap(binary, renderForValidation(endpointsOnly))).toEqual({ ok: true });
  });

  it('and what only what is sent has, and not its static form, is judged too', async () => {
    const { resources } = compileFile('docs/examples/lab.yaml', ['a']);
    const broken = (type: string, break_: (text: string) => string) =>
      resources.map((one) => {
        if (one.typeUrl !== type) return one;
        const json = JSON.parse(break_(JSON.stringify(messageToJson(type, one.bytes)))) as JsonObject;
        return { ...one, bytes: encodeMessage(type, json) };
      });
    const defaults = broken(TYPE_URL.listener, (text) => text.replace('"stage":1', '"stage":99'));
    expect(await validateBootstrap(binary, renderStatic(defaults))).toEqual({ ok: true });
    expect(await validateBootstrap(binary, renderForValidation(defaults))).toMatchObject({
      ok: false,
      message: expect.stringContaining('Stage: value must be less than or equal to 10'),
    });
    const source = broken(TYPE_URL.cluster, (text) => text.replace('"eds_config":{"ads":{},', '"eds_config":{'));
    expect(await validateBootstrap(binary, renderForValidation(source))).toMatchObject({
      ok: false,
      message: expect.stringContaining('EdsConfig'),
    });
  });

  it('and what is wrong is refused with Envoy’s reason: the judge is awake', async () => {
    const made = renderStatic(compileFile('docs/examples/lab.yaml', []).resources);
    const clusters = (made.static_resources as { clusters: JsonObject[] }).clusters;
    const broken = {
      ...made,
      static_resources: {
        ...(made.static_resources as JsonObject),
        clusters: clusters.filter(({ name }) => name !== 'chat'),
      },
    };
    expect(await validateBootstrap(binary, broken)).toEqual({
      ok: false,
      message: expect.stringContaining("unknown cluster 'chat'"),
    });
  });
});

describe('an Envoy that runs what we send', () => {
  let upstream: Server;
  let port: number;
  let envoy: EnvoyProcess | undefined;
  let feed: FileFeed | undefined;

  beforeAll(async () => {
    upstream = createServer((request, response) => {
      request.resume();
      response.setHeader('server', 'the-model-server');
      response.end('ok');
    });
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done));
  });
  afterAll(() => new Promise((done) => upstream.close(done)));
  afterEach(async () => {
    await envoy?.stop();
    feed?.remove();
    envoy = undefined;
    feed = undefined;
  });

  function withLimits(rateLimits: readonly RateLimit[], sidecars: readonly string[] = ['a']): readonly Resource[] {
    const services = [aService('chat', { hostnames: ['*'], rateLimits })];
    const target = anEndpoint('chat', (upstream.address() as AddressInfo).port);
    return compile(services, { chat: [target] }, { port, sidecars });
  }

  async function start(resources: (port: number) => readonly Resource[]): Promise<void> {
    port = await freePort();
    feed = new FileFeed();
    feed.write(resources(port));
    envoy = await startEnvoy({ binary, bootstrap: feed.bootstrap() });
    await envoy.ready(20_000);
  }

  async function statuses(count: number, headers: Record<string, string> = {}): Promise<Record<number, number>> {
    const seen: Record<number, number> = {};
    for (let sent = 0; sent < count; sent++) {
      const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, { method: 'POST', body: '{}', headers });
      await response.arrayBuffer();
      seen[response.status] = (seen[response.status] ?? 0) + 1;
    }
    return seen;
  }

  it('answers through the policy’s route, and the sidecar stays out of sight', async () => {
    await start(() => withLimits([]));
    const response = await fetch(`http://127.0.0.1:${port}/v1/models`);
    expect([response.status, response.headers.get('server'), await response.text()]).toEqual([
      200,
      'the-model-server',
      'ok',
    ]);
    expect((await (envoy as EnvoyProcess).clusters()).chat).toMatchObject([
      { weight: 1, edsHealth: 'HEALTHY', rqTotal: 1, rqSuccess: 1 },
    ]);
  });

  it('refuses exactly what is above a limit of the sidecar', async () => {
    await start(() => withLimits([slow('all', { burst: 7 })]));
    expect(await statuses(10)).toEqual({ 200: 7, 429: 3 });
  });

  it('counts each key for itself, and requests without the key as one', async () => {
    await start(() => withLimits([slow('tenant', { burst: 3, key: { header: 'x-api-key' }, maxKeys: 100 })]));
    expect(await statuses(5, { 'x-api-key': 'alice' })).toEqual({ 200: 3, 429: 2 });
    expect(await statuses(5, { 'x-api-key': 'bob' })).toEqual({ 200: 3, 429: 2 });
    expect(await statuses(5)).toEqual({ 200: 3, 429: 2 });
    expect(await statuses(2, { 'x-api-key': 'alice' })).toEqual({ 429: 2 });
  });

  it('gives each sidecar its even part of a limit of the group, with and without a key', async () => {
    const nodes = ['a', 'b', 'c'];
    await start(() =>
      withLimits(
        [
          slow('team', { burst: 30, scope: 'Group' }),
          slow('user', { burst: 9, scope: 'Group', key: { header: 'x-user' }, maxKeys: 10 }),
        ],
        nodes,
      ),
    );
    expect(await statuses(4, { 'x-user': 'alice' })).toEqual({ 200: 3, 429: 1 });
    expect(await statuses(4, { 'x-user': 'bob' })).toEqual({ 200: 3, 429: 1 });
    // Refused requests took from the team as well: 8 of its 10 are gone.
    expect(await statuses(4, { 'x-user': 'carol' })).toEqual({ 200: 2, 429: 2 });
  });

  it('follows the number of sidecars by EDS alone', async () => {
    const limits = [slow('team', { burst: 12, scope: 'Group' })];
    await start(() => withLimits(limits, ['a']));
    expect(await statuses(2)).toEqual({ 200: 2 });
    const before = withLimits(limits, ['a']);
    const after = withLimits(limits, ['a', 'b']);
    const pushed = after.filter((resource, index) => resource.version !== before[index]?.version);
    expect(pushed.map(({ name }) => name)).toEqual(['loadline_sidecars']);
    feed?.write(pushed);
    await until(async () => (await (envoy as EnvoyProcess).clusters()).loadline_sidecars?.length === 2);
    expect(await statuses(8)).toEqual({ 200: 5, 429: 3 });
  });

  it('still refuses every request above a burst that is smaller than the group: it was raised to one each', async () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'];
    await start(() => withLimits([slow('team', { burst: 1, scope: 'Group' })], nodes));
    expect(await statuses(3)).toEqual({ 200: 1, 429: 2 });
  });

  it('keeps empty buckets empty through pushes of weights, routes and runtime, and fills them with a new rate', async () => {
    const limits = [slow('all', { burst: 4 })];
    await start(() => withLimits(limits));
    const running = envoy as EnvoyProcess;
    expect(await statuses(5)).toEqual({ 200: 4, 429: 1 });

    const moved = withLimits(limits).map((resource) => resource);
    const other = compile(
      [
        aService('chat', {
          hostnames: ['*'],
          rateLimits: limits,
          timeouts: { ...aService('chat').timeouts, streamIdleMs: 60_000 },
          circuitBreakers: { maxConnections: 64, maxPendingRequests: 64, maxRequests: 64 },
        }),
      ],
      { chat: [anEndpoint('chat', (upstream.address() as AddressInfo).port)] },
      { port, sidecars: ['a'], weight: 321 },
    );
    const pushed = other.filter((resource, index) => resource.version !== moved[index]?.version);
    expect(pushed.map(({ name, typeUrl }) => `${typeUrl.split('.').at(-1)} ${name}`).sort()).toEqual([
      'ClusterLoadAssignment chat',
      'RouteConfiguration models',
      'Runtime lasting',
    ]);
    feed?.write(pushed);
    await until(async () => {
      const [host] = (await running.clusters()).chat ?? [];
      const stats = await running.stats('http.models.rds.models.config_reload$');
      const runtime = await running.runtime();
      return (
        host?.weight === 321 &&
        stats['http.models.rds.models.config_reload'] === 2 &&
        runtime['circuit_breakers.chat.default.max_requests'] === '64'
      );
    });
    expect(await statuses(3)).toEqual({ 429: 3 });

    feed?.write(
      withLimits([slow('all', { burst: 2 })]).filter(({ typeUrl }) => typeUrl.endsWith('TypedExtensionConfig')),
    );
    await until(async () => Object.keys(await statuses(1)).includes('200'));
    expect(await statuses(2)).toEqual({ 200: 1, 429: 1 });
  });

  it('sheds a percentage at once when its runtime key says so, before any limit, and nothing else moves', async () => {
    const limits = [slow('all', { burst: 40 })];
    await start(() => withLimits(limits));
    const running = envoy as EnvoyProcess;
    const services = [aService('chat', { hostnames: ['*'], rateLimits: limits })];
    const shed = async (percent: number) => {
      const sheds = { chat: percent };
      feed?.write(
        compileRuntime(aPolicy(services), aGroup(services), { sheds }).filter(({ name }) => name === 'lapsing'),
      );
      const want = percent === 0 ? undefined : String(percent);
      await until(async () => (await running.runtime())['loadline.shed.chat'] === want);
    };
    expect(await statuses(5)).toEqual({ 200: 5 });
    await shed(100);
    expect(await statuses(50)).toEqual({ 503: 50 });
    const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, { method: 'POST', body: '{}' });
    expect([response.headers.get('retry-after'), response.headers.get('content-type')]).toEqual([
      '5',
      'application/json',
    ]);
    expect(await response.json()).toMatchObject({ error: { type: 'overloaded' } });
    await shed(0);
    // The limit's tokens were not touched by what was shed.
    expect(await statuses(36)).toEqual({ 200: 35, 429: 1 });
    const stats = await running.stats(
      'cluster_manager.cluster_modified|listener_manager.listener_modified|config_reload$',
    );
    expect(stats).toMatchObject({ 'http.models.rds.models.config_reload': 1 });
    expect(stats['listener_manager.listener_modified'] ?? 0).toBe(0);
  });

  it('takes breaker numbers from the lasting layer, not from the cluster', async () => {
    const runtime = (resources: readonly Resource[]) => resources.filter(({ name }) => name === LASTING_LAYER);
    await start(() => withLimits([]));
    const running = envoy as EnvoyProcess;
    const small = aService('chat', {
      hostnames: ['*'],
      circuitBreakers: { maxConnections: 3, maxPendingRequests: 2, maxRequests: 3 },
    });
    feed?.write(runtime(compileRuntime(aPolicy([small]), aGroup([small]))));
    await until(async () => (await running.runtime())['circuit_breakers.chat.default.max_connections'] === '3');
    const stats = await running.stats(
      '^cluster.chat.circuit_breakers.default.remaining_(cx|pending|rq)$|^cluster_manager.cluster_modified$',
    );
    expect(stats['cluster_manager.cluster_modified'] ?? 0).toBe(0);
    const held = await Promise.all(Array.from({ length: 12 }, () => statuses(1)));
    expect(held).toHaveLength(12);
    expect(await running.stats('^cluster.chat.upstream_rq_pending_overflow$')).toMatchObject({
      'cluster.chat.upstream_rq_pending_overflow': expect.any(Number),
    });
  });
});

describe('an Envoy whose server is away', () => {
  it('is live within 10 s, because no fetch is waited for longer than 2 s', async () => {
    const nobody = await freePort();
    const made = bootstrap({ nodeId: 'a', group: 'lab', xds: [`127.0.0.1:${nobody}`] });
    expect(encodeMessage('envoy.config.bootstrap.v3.Bootstrap', made).length).toBeGreaterThan(0);
    const envoy = await startEnvoy({ binary, bootstrap: made });
    try {
      await envoy.ready(10_000);
      expect(await envoyVersion(binary)).toMatch(/^1\.\d+\.\d+$/);
      expect(Object.keys(await envoy.clusters())).toEqual(
        expect.arrayContaining(['loadline_xds', 'loadline_sidecars']),
      );
    } finally {
      await envoy.stop();
    }
  });
});

function compile(
  services: readonly ReturnType<typeof aService>[],
  endpoints: Record<string, readonly ReturnType<typeof anEndpoint>[]>,
  options: { readonly port?: number; readonly sidecars?: readonly string[]; readonly weight?: number } = {},
): readonly Resource[] {
  const { port = 15_001, sidecars = ['a'], weight = 1 } = options;
  const listener = { name: 'models', address: '127.0.0.1', port, origin: { file: 'policy.yaml', line: 1, column: 1 } };
  const group = aGroup(services, { listeners: [listener] });
  const policy = aPolicy(services, group);
  const weights = Object.fromEntries(Object.values(endpoints).flatMap((each) => each.map(({ id }) => [id, weight])));
  return [
    ...compileStructure(policy, group, { release: '1.36', listenerOverrides: {}, sidecars: sidecars.length }),
    ...compileRuntime(policy, group),
    ...compileAssignments(aPlan(policy, endpoints, weights, sidecars), group, new AssignmentEncoder()),
  ];
}

/** So slow that nothing is refilled while a test runs. */
function slow(name: string, over: Partial<RateLimit>): RateLimit {
  return aLimit(name, { ratePerSec: 1 / 3600, ...over });
}

function everyLimit(): RateLimit[] {
  return (['Sidecar', 'Group'] as const).flatMap((scope) => [
    aLimit(`plain-${scope}`, { scope, ratePerSec: 50, burst: 10 }),
    aLimit(`keyed-${scope}`, { scope, ratePerSec: 10 / 60, burst: 1, key: { header: 'x-api-key' }, maxKeys: 1000 }),
    aLimit(`rare-${scope}`, { scope, ratePerSec: 1 / 86_400, burst: 1 }),
  ]);
}

async function until(condition: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  for (let waited = 0; waited < timeoutMs; waited += 50) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error(`not so after ${timeoutMs} ms`);
}
