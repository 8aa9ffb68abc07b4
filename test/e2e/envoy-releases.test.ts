import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type JsonObject, withoutNewerFields } from '../../src/base/codec/index.ts';
import { TYPE_URL } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, startEnvoy } from '../../src/edge/envoy/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { configDump } from '../support/config-dump.ts';
import { envoyOf, type Found, INSTALL_TIMEOUT_MS, RELEASES } from '../support/envoy-releases.ts';
import { assignment, cluster } from '../support/envoy-resources.ts';
import { variantBootstrap } from '../support/envoy-variants.ts';
import { InProcessXds } from '../support/in-process-xds.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

type Release = (typeof RELEASES)[number];

const TYPES = ['cds', 'eds', 'lds', 'rds', 'ecds', 'rtds'];

const UNSTEERED = '  loadBalancer: { weights: Disabled }\n';

const found = new Map<Release, Found>();

beforeAll(async () => {
  for (const release of RELEASES) found.set(release, await envoyOf(release));
}, INSTALL_TIMEOUT_MS);

describe('Envoys of three releases on one server', () => {
  let models: ModelServers;
  let serve: Serve;
  let unequal: string;
  let equal: string;
  const sidecars = new Map<Release, Sidecar>();

  beforeAll(async () => {
    models = await startModelServers({ count: 3, firstPort: 0 });
    const servers = models.servers.map(({ port }, index) => ({ port, capacity: index === 0 ? 1 : 0.5 }));
    unequal = labPolicy(servers);
    equal = labPolicy(servers, { service: UNSTEERED });
    serve = await new Serve(equal).start();
    for (const [release, one] of found) {
      if ('binary' in one) sidecars.set(release, await startSidecar(serve.xds, release, one.binary));
    }
  });

  afterAll(async () => {
    await Promise.all([...sidecars.values()].map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  const sidecarOf = (release: Release, { skip }: TestContext): Sidecar =>
    sidecars.get(release) ?? skip(`no Envoy ${release}`);

  const allHave = async (weights: readonly number[]): Promise<void> => {
    for (const [release, { envoy }] of sidecars) {
      await until(`${release} has ${weights}`, async () => (await weightsOf(envoy)).join() === weights.join(), 5000);
    }
  };

  // Before the first request: what is learned from one would count as well.
  it('new weights reach all of them within seconds, by EDS alone', async () => {
    for (const [release, { envoy }] of sidecars) {
      const peers = async (): Promise<number> => (await envoy.clusters()).loadline_sidecars?.length ?? 0;
      await until(`${release} knows all sidecars`, async () => (await peers()) === sidecars.size, 5000);
    }
    const before = await pushes(serve);
    serve.write(unequal);
    await allHave([1000, 497, 497]);
    const after = await pushes(serve);
    expect({ ...after, eds: 0 }).toEqual({ ...before, eds: 0 });
    // From equal weights to unequal ones it goes within the law's limits per second: a few steps, each to every sidecar.
    const steps = ((after.eds ?? 0) - (before.eds ?? 0)) / sidecars.size;
    expect(steps).toBeGreaterThanOrEqual(1);
    expect(steps).toBeLessThanOrEqual(5);
    expect(Number.isInteger(steps), `${steps} pushes to each`).toBe(true);
    expect(await serve.metric('loadline_xds_nacks_total')).toBe(0);
  });

  it.for(RELEASES)('%s answers', async (release, context) => {
    const { port } = sidecarOf(release, context);
    const load = startLoad([{ port }], { perSec: 10, seconds: 1 });
    await load.done;
    expect(load.failures()).toEqual([]);
  });

  // All that our policies compile today is known to 1.36; see the next suite for what is not.
  it.for(RELEASES)('%s holds nothing that it does not know', async (release, context) => {
    const { envoy } = sidecarOf(release, context);
    const { clusters, listeners, routes: routed } = await configDump(envoy);
    const held = { cluster: clusters.get('chat'), listener: listeners.get('models'), route: routed.get('models') };
    for (const [type, message] of Object.entries(held)) {
      const { removed } = withoutNewerFields(TYPE_URL[type as keyof typeof held], message as JsonObject, release);
      expect(removed, type).toEqual([]);
    }
    expect(await unknownFields(envoy)).toBe(0);
  });

  it('a restart of the server sends none of them anything again', async () => {
    const updates = async (): Promise<unknown> =>
      Promise.all(
        [...sidecars.values()].map(({ envoy }) => envoy.stats('\\.update_(success|rejected)$|^runtime.load_success$')),
      );
    // Weights that follow the load would change by right.
    serve.write(equal);
    await allHave([1000, 1000, 1000]);
    const before = await updates();
    const load = startLoad([...sidecars.values()], { perSec: 20, seconds: 6 });
    await serve.end('SIGKILL');
    await sleep(1000);
    await serve.start();
    await until('all are back', async () => {
      return (await serve.metric('loadline_xds_streams', { kind: 'ads' })) === sidecars.size;
    });
    // Two ticks, should one of them think that something is new.
    await sleep(2500);
    expect(await pushes(serve)).toEqual(Object.fromEntries(TYPES.map((type) => [type, 0])));
    expect(await updates()).toEqual(before);
    await load.done;
    expect(load.failures()).toEqual([]);
    serve.write(labPolicy(models.servers.slice(0, 2), { service: UNSTEERED }));
    await allHave([1000, 1000]);
  });
});

describe('what is newer than an Envoy', () => {
  /** One field of each release, and what an Envoy that has it holds. */
  const NEWER: readonly (readonly [string, readonly string[]])[] = [
    ['1.38', ['outlier_detection', 'detect_degraded_hosts']],
    ['1.39', ['circuit_breakers', 'thresholds', '0', 'retry_budget', 'budget_interval']],
    ['1.40', ['stats_matcher']],
  ];
  const more: JsonObject = {
    outlier_detection: { detect_degraded_hosts: true },
    circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 20 }, budget_interval: '2s' } }] },
    stats_matcher: { exclusion_list: { patterns: [{ prefix: 'nothing' }] } },
  };
  let xds: InProcessXds;
  const envoys: EnvoyProcess[] = [];

  beforeAll(async () => {
    xds = await InProcessXds.start();
    const endpoints = assignment('chat', [{ port: 1 }]);
    xds.set('careful', (key) => [cluster('chat', { more, release: key.release }), endpoints]);
    xds.set('careless', [cluster('chat', { more }), endpoints]);
  });

  afterAll(async () => {
    await Promise.all(envoys.map((envoy) => envoy.stop()));
    await xds?.[Symbol.asyncDispose]();
  });

  async function start(release: Release, group: string, { skip }: TestContext): Promise<EnvoyProcess> {
    const one = found.get(release);
    if (one === undefined || 'missing' in one) return skip(`no Envoy ${release}`);
    const bootstrap = variantBootstrap(
      { api: 'DELTA_GRPC', via: 'Aggregated' },
      { nodeId: `${group}-${release}`, group, xds: xds.address },
    );
    const envoy = await startEnvoy({ binary: one.binary, bootstrap, concurrency: 1 });
    envoys.push(envoy);
    await envoy.ready(20_000);
    return envoy;
  }

  it.for(RELEASES)('is not sent to %s', async (release, context) => {
    const envoy = await start(release, 'careful', context);
    const held = (await configDump(envoy)).clusters.get('chat') as JsonObject;
    for (const [since, path] of NEWER) {
      const value = path.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], held);
      expect([since, value !== undefined]).toEqual([since, minor(release) >= minor(since)]);
    }
    expect(await unknownFields(envoy)).toBe(0);
  });

  it('would be taken by the oldest without a word, and without effect: the judge is awake', async (context) => {
    const envoy = await start('1.36.4', 'careless', context);
    expect(await unknownFields(envoy)).toBe(NEWER.length);
  });
});

/** The weights of the hosts, largest first. */
async function weightsOf(envoy: EnvoyProcess): Promise<readonly number[]> {
  return ((await envoy.clusters()).chat ?? []).map(({ weight }) => weight).sort((a, b) => b - a);
}

/** Fields of pushed resources that the Envoy had to leave aside. */
async function unknownFields(envoy: EnvoyProcess): Promise<number> {
  return (await envoy.stats('^server.dynamic_unknown_fields$'))['server.dynamic_unknown_fields'] ?? 0;
}

async function pushes(serve: Serve): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const type of TYPES) counts[type] = await serve.metric('loadline_xds_pushes_total', { type });
  return counts;
}

function minor(release: string): number {
  return Number(release.split('.')[1]);
}
