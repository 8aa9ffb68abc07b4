import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/codec/index.ts';
import { checkResource, type Resource } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, startEnvoy } from '../../src/edge/envoy/index.ts';
import { type Backends, startBackends } from '../support/backends.ts';
import { type ConfigDump, configDump } from '../support/config-dump.ts';
import { envoyOf, type Found, INSTALL_TIMEOUT_MS } from '../support/envoy-releases.ts';
import { assignment, cluster, listener, routes } from '../support/envoy-resources.ts';
import { sourceOf, type Variant, variantBootstrap } from '../support/envoy-variants.ts';
import { freePort } from '../support/free-port.ts';
import { InProcessXds } from '../support/in-process-xds.ts';
import { startLoad } from '../support/load.ts';
import { sleep, until } from '../support/serve.ts';

type Setup = Variant & { readonly version: string; toString(): string };

/** Delta on one stream, which is what our own bootstrap asks for, has its tests elsewhere; here are the others. */
const SETUPS = [
  setup('1.40.0', 'GRPC', 'Aggregated'),
  setup('1.40.0', 'DELTA_GRPC', 'PerType'),
  setup('1.40.0', 'GRPC', 'PerType'),
  setup('1.36.4', 'GRPC', 'Aggregated'),
  setup('1.36.4', 'DELTA_GRPC', 'PerType'),
];

/** Envoy warms a cluster for 15 s when its assignment does not come. */
const AT_ONCE_MS = 3000;
/** For so long nothing may be tried again after a refusal. */
const QUIET_MS = 5000;

/** The type is known, so it passes the rules; no Envoy has a load balancer of it. */
const NOBODYS_POLICY: JsonObject = {
  policies: [
    {
      typed_extension_config: {
        name: 'nobody',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    },
  ],
};

describe('an Envoy that speaks another variant', () => {
  let backends: Backends;
  let xds: InProcessXds;
  /** Listens where a listener is to be. */
  let squatter: Server;
  const found = new Map<string, Found>();
  const envoys: EnvoyProcess[] = [];

  beforeAll(async () => {
    for (const version of new Set(SETUPS.map((its) => its.version))) found.set(version, await envoyOf(version));
    backends = await startBackends(2);
    xds = await InProcessXds.start();
    squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
  }, INSTALL_TIMEOUT_MS);

  afterAll(async () => {
    await Promise.all(envoys.map((envoy) => envoy.stop()));
    squatter?.close();
    await xds?.[Symbol.asyncDispose]();
    await backends?.stop();
  });

  // All at once: most of the time goes into waiting for what must not happen.
  it.concurrent.for(SETUPS)('%s: changes without a gap, and holds what it refuses', async (its, context) => {
    const one = found.get(its.version);
    if (one === undefined || 'missing' in one) return context.skip(`no Envoy ${its.version}`);
    const subject = new Subject(its, xds, await freePort(), backends.ports);
    subject.set([...subject.a(), subject.front, routes('front', ['a'])]);
    const bootstrap = variantBootstrap(its, { nodeId: subject.group, group: subject.group, xds: xds.address });
    const envoy = await startEnvoy({ binary: one.binary, bootstrap, concurrency: 1 });
    envoys.push(envoy);
    await envoy.ready(20_000);
    await changes(subject, envoy);
    await refuses(subject, envoy, (squatter.address() as { port: number }).port);
  });
});

async function changes(subject: Subject, envoy: EnvoyProcess): Promise<void> {
  const { a, b, front } = subject;
  const load = startLoad([subject], { perSec: 40, seconds: 4 });
  await until('the first answers', () => load.outcomes.length > 3);
  subject.set([...a(7), front, routes('front', ['a'])]);
  await subject.has(envoy, 'a changed and warm', ({ clusters, warming }) => {
    return clusters.get('a')?.connect_timeout === '7s' && warming.length === 0;
  });

  // One stream is brought from one world to the next in an order without gaps. Streams for each type know nothing of each
  // other: there whoever changes the world must go in steps.
  if (subject.its.via === 'PerType') {
    subject.set([...a(7), ...b(), front, routes('front', ['a'])]);
    await subject.has(envoy, 'b', ({ clusters }) => clusters.has('b'));
    subject.set([...a(7), ...b(), front, routes('front', ['b'])]);
    await subject.has(envoy, 'a route to b', (dump) => pointsTo(dump, 'b'));
  }
  const before = subject.sent().length;
  subject.set([...b(), front, routes('front', ['b'])]);
  await subject.has(envoy, 'no a', ({ clusters }) => [...clusters.keys()].join() === 'b');
  if (subject.its.via === 'Aggregated') expect(subject.sent().slice(before)).toEqual(['cds', 'eds', 'rds', 'cds']);
  await load.done;
  expect(load.failures()).toEqual([]);
  expect(await rejections(envoy)).toEqual({});
}

async function refuses(subject: Subject, envoy: EnvoyProcess, takenPort: number): Promise<void> {
  const { b, c, front, source } = subject;
  const strange = cluster('b', { source, connectTimeoutSec: 8, more: { load_balancing_policy: NOBODYS_POLICY } });
  const [, heavy] = b(5, 7) as [Resource, Resource];
  const taken = [listener('taken', takenPort, { source }), routes('taken', ['c'])];
  for (const bad of [strange, ...taken]) expect(checkResource(bad)).toEqual([]);
  subject.set([strange, heavy, ...c(), front, routes('front', ['b', 'c']), ...taken]);
  await subject.has(envoy, 'c and a route to it', (dump) => dump.clusters.has('c') && pointsTo(dump, 'c'));
  const both = { 'cluster_manager.cds.update_rejected': 1, 'listener_manager.lds.update_rejected': 1 };
  await until('both are refused', async () => Object.keys(await rejections(envoy)).length === 2, AT_ONCE_MS);
  expect((await envoy.clusters()).b).toMatchObject([{ weight: 7 }]);

  await sleep(500);
  const before = subject.sent().length;
  await sleep(QUIET_MS);
  expect(subject.sent().slice(before)).toEqual([]);
  expect(await rejections(envoy)).toEqual(both);
  const { clusters, listeners, warming } = await configDump(envoy);
  expect(clusters.get('b')).toMatchObject({ connect_timeout: '5s' });
  expect([[...listeners.keys()], warming]).toEqual([['front'], []]);

  subject.set([...b(9, 7), ...c(), front, routes('front', ['b', 'c'])]);
  await subject.has(envoy, 'b healed', (dump) => dump.clusters.get('b')?.connect_timeout === '9s');
  const load = startLoad([subject], { perSec: 40, seconds: 0.5 });
  await load.done;
  expect(load.failures()).toEqual([]);
  expect(await rejections(envoy)).toEqual(both);
}

/** One set-up: its group on the server and what the resources of its world have in common. */
class Subject {
  readonly its: Setup;
  readonly group: string;
  readonly port: number;
  readonly source: JsonObject;
  readonly front: Resource;
  readonly a: (connectTimeoutSec?: number) => readonly Resource[];
  readonly b: (connectTimeoutSec?: number, weight?: number) => readonly Resource[];
  readonly c: () => readonly Resource[];
  readonly #xds: InProcessXds;

  constructor(its: Setup, xds: InProcessXds, port: number, [first = 0, second = 0]: readonly number[]) {
    this.its = its;
    this.group = String(its);
    this.port = port;
    this.#xds = xds;
    const source = sourceOf(its);
    this.source = source;
    this.front = listener('front', port, { source });
    const service = (name: string, connectTimeoutSec: number, backend: number, weight: number): readonly Resource[] => [
      cluster(name, { source, connectTimeoutSec }),
      assignment(name, [{ port: backend, weight }]),
    ];
    this.a = (connectTimeoutSec = 5) => service('a', connectTimeoutSec, first, 1);
    this.b = (connectTimeoutSec = 5, weight = 1) => service('b', connectTimeoutSec, second, weight);
    this.c = () => service('c', 5, first, 1);
  }

  set(resources: readonly Resource[]): void {
    this.#xds.set(this.group, resources);
  }

  /** The types of all responses so far. */
  sent(): readonly string[] {
    return this.#xds.pushes.filter(({ group }) => group === this.group).map(({ type }) => type);
  }

  async has(envoy: EnvoyProcess, what: string, condition: (dump: ConfigDump) => boolean): Promise<void> {
    await until(`${this.its} has ${what}`, async () => condition(await configDump(envoy)), AT_ONCE_MS);
  }
}

function setup(version: string, api: Variant['api'], via: Variant['via']): Setup {
  return { version, api, via, toString: () => `${via} ${api}, Envoy ${version}` };
}

function pointsTo({ routes: held }: ConfigDump, name: string): boolean {
  return JSON.stringify(held.get('front')).includes(`"${name}"`);
}

async function rejections(envoy: EnvoyProcess): Promise<Record<string, number>> {
  const stats = await envoy.stats('update_rejected$');
  return Object.fromEntries(Object.entries(stats).filter(([, value]) => value > 0));
}
