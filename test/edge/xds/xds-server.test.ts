import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeResource, type JsonObject } from '../../../src/base/codec/index.ts';
import { type Resource, type ResourceRef, TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../../src/core/snapshot/index.ts';
import type { Delivery, LoadReport, NodePresence } from '../../../src/core/topology/index.ts';
import { XdsServer } from '../../../src/edge/xds/index.ts';
import { DeltaClient, type Received } from '../../support/delta-client.ts';
import { leaveSocketBehind } from '../../support/leave-socket-behind.ts';

const CDS = TYPE_URL.cluster;
const EDS = TYPE_URL.endpoint;
const LDS = TYPE_URL.listener;
const RTDS = TYPE_URL.runtime;
const node = { id: 'a', cluster: 'lab' };

function make(
  typeUrl: string,
  name: string,
  json: JsonObject,
  needs: readonly ResourceRef[] = [],
  ttlMs?: number,
): Resource {
  return {
    ...encodeResource({ typeUrl, name, json, ...(ttlMs === undefined ? {} : { ttlMs }) }),
    needs,
    origin: { file: 'lab.yaml', line: 7, column: 1 },
  };
}

function cluster(name: string, timeout = '1s'): Resource {
  return make(CDS, name, { name, connect_timeout: timeout, type: 'EDS' }, [{ typeUrl: EDS, name }]);
}

function assignment(name: string, weight: number): Resource {
  const address = { socket_address: { address: '127.0.0.1', port_value: 9101 } };
  return make(EDS, name, {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address }, load_balancing_weight: weight }] }],
  });
}

function listener(name: string): Resource {
  return make(LDS, name, { name });
}

/** A server whose world is what the test sets. */
class World {
  readonly server: XdsServer;

  readonly presence: NodePresence[] = [];
  readonly reports: LoadReport[] = [];
  readonly deliveries: Delivery[] = [];
  readonly warnings: object[] = [];
  readonly pushes: string[] = [];
  snapshot: Snapshot | undefined;
  /** By zone, where zones make a difference. */
  zoned: ReadonlyMap<string, Snapshot> | undefined;
  constructor(address = '127.0.0.1:0') {
    this.server = new XdsServer({
      address,
      snapshots: {
        groups: () => ['lab'],
        groupsOf: () => [],
        servicesOf: () => new Set(),
        zoneOf: (_, zone) => (this.zoned === undefined ? undefined : this.zoned.has(zone) ? zone : ''),
        snapshot: ({ zone }) => (zone === undefined ? this.snapshot : this.zoned?.get(zone)),
      },
      inbox: {
        presence: (one) => this.presence.push(one),
        report: (one) => this.reports.push(one),
        delivery: (one) => this.deliveries.push(one),
      },
      meter: { pushed: (type) => this.pushes.push(type), answered: () => {}, streams: () => {}, reported: () => {} },
      log: { info: () => {}, debug: () => {}, warn: (fields) => this.warnings.push(fields) },
      now: () => Date.now(),
      loadReportIntervalMs: 1000,
    });
  }

  set(...resources: readonly Resource[]): void {
    this.snapshot = makeSnapshot({ group: 'lab', release: '1.40', listenerOverrides: {} }, resources, this.snapshot);
    this.server.publish();
  }
}

const open: { close(): void }[] = [];
let world: World;

async function start(...resources: readonly Resource[]): Promise<DeltaClient> {
  world = new World();
  world.set(...resources);
  await world.server.start();
  return connect();
}

function connect(as: ConstructorParameters<typeof DeltaClient>[1] = node): DeltaClient {
  const client = new DeltaClient(world.server.address, as);
  open.push(client);
  return client;
}

afterEach(async () => {
  for (const client of open.splice(0)) client.close();
  await world?.server.stop(200);
});

const names = (response: Received): readonly string[] => response.resources.map(({ name }) => name);

describe('the UNIX socket of xDS', () => {
  it('takes over the one that a killed server left, and refuses one that is in use and what is no socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-xds-'));
    open.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
    const path = join(folder, 'xds.sock');
    leaveSocketBehind(path);
    world = new World(`unix:${path}`);
    world.set(cluster('chat'));
    await world.server.start();
    await expect(new World(`unix:${path}`).server.start()).rejects.toMatchObject({ code: 'LOADLINE_BIND' });
    const client = connect();
    client.send(CDS);
    expect(names(await client.next(CDS))).toEqual(['chat']);
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, 'kind: x');
    await expect(new World(`unix:${file}`).server.start()).rejects.toMatchObject({ code: 'LOADLINE_BIND' });
    expect(readFileSync(file, 'utf8')).toBe('kind: x');
  });
});

describe('delta ADS over the wire', () => {
  it('answers a wildcard with everything and says nothing to an ACK', async () => {
    const client = await start(cluster('chat'), cluster('code'));
    client.send(CDS);
    const first = await client.next(CDS);
    expect(names(first)).toEqual(['chat', 'code']);
    client.ack(first);
    expect(await client.silent(150)).toBe(true);
    expect(world.server.nodes()[0]?.types).toMatchObject([{ type: 'cds', status: 'SYNCED', resources: 2 }]);
  });

  it('law 2: unchanged content is not sent, and after a restart equal versions are not sent again', async () => {
    const client = await start(cluster('chat'), assignment('chat', 1));
    client.send(CDS);
    const first = await client.next(CDS);
    client.ack(first);
    world.set(cluster('chat'), assignment('chat', 1));
    expect(await client.silent(150)).toBe(true);
    const again = connect();
    again.send(CDS, { initial_resource_versions: { chat: first.resources[0]?.version as string } });
    expect(await again.silent(150)).toBe(true);
  });

  it('law 3: an assignment follows every change of its cluster on the same stream, though unchanged', async () => {
    const client = await start(cluster('chat'), assignment('chat', 5));
    client.send(CDS);
    client.ack(await client.next(CDS));
    client.send(EDS, { resource_names_subscribe: ['chat'] });
    const before = await client.next(EDS);
    client.ack(before);
    world.set(cluster('chat', '2s'), assignment('chat', 5));
    expect(names(await client.next())).toEqual(['chat']);
    const after = await client.next(EDS);
    expect(after.resources[0]?.version).toBe(before.resources[0]?.version);
    expect(after.resources[0]?.hasBody).toBe(true);
  });

  it('law 4 in part: clusters, assignments and listeners come in this order, removals last', async () => {
    const client = await start(cluster('old'), assignment('old', 1), listener('l'));
    for (const type of [CDS, LDS]) client.send(type);
    client.send(EDS, { resource_names_subscribe: ['old', 'new'] });
    for (let count = 0; count < 3; count += 1) client.ack(await client.next());
    client.received.length = 0;
    await client.silent(50);
    client.received.length = 0;
    world.set(cluster('new'), assignment('new', 1), make(LDS, 'l', { name: 'l', stat_prefix: 'x' }));
    const seen: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      const response = await client.next();
      seen.push(`${response.typeUrl.split('.').at(-1)} +${names(response)} -${response.removed}`);
      if (count === 2) expect(await client.silent(100)).toBe(true);
      client.ack(response);
    }
    expect(seen).toEqual([
      'Cluster +new -',
      'ClusterLoadAssignment +new -',
      'Listener +l -',
      // Not before the listener was taken.
      'Cluster + -old',
    ]);
    expect((await client.next(EDS)).removed).toEqual(['old']);
  });

  it('law 5: a refused resource is held and attributed; the rest flows; the next version is sent', async () => {
    const client = await start(assignment('chat', 1), assignment('code', 1));
    client.send(EDS, { resource_names_subscribe: ['chat', 'code'] });
    client.nack(await client.next(EDS), 'goo.gle/debugstr cluster_name: "chat" … value must be >= 1');
    const rest = await client.next(EDS);
    expect(names(rest)).toEqual(['code']);
    client.ack(rest);
    expect(await client.silent(150)).toBe(true);
    expect(world.warnings).toMatchObject([{ node: 'a', type: 'eds', resource: 'chat', origin: 'lab.yaml:7:1' }]);
    expect(world.server.nodes()[0]?.types).toMatchObject([{ type: 'eds', status: 'NACKED', origin: 'lab.yaml:7:1' }]);
    expect(world.deliveries.filter(({ kind }) => kind === 'Nacked')).toHaveLength(1);
    world.set(assignment('chat', 2), assignment('code', 1));
    expect(names(await client.next(EDS))).toEqual(['chat']);
  });

  it('law 6: a reader that stalls costs one unsent response, and gets the newest state when it reads again', async () => {
    const wide = (version: number): Resource =>
      make(EDS, 'chat', {
        cluster_name: 'chat',
        endpoints: Array.from({ length: 300 }, (_, zone) => ({
          locality: { zone: `${zone}-${'z'.repeat(200)}` },
          load_balancing_weight: version,
        })),
      });
    const client = await start(wide(1));
    client.send(EDS, { resource_names_subscribe: ['chat'] });
    client.ack(await client.next(EDS));
    client.pause();
    const rounds = 160;
    for (let version = 2; version <= rounds; version += 1) {
      world.set(wide(version));
      if (version % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const sent = world.pushes.length;
    expect(sent).toBeLessThan(rounds / 2);
    client.resume();
    const newest = world.snapshot?.types.get(EDS)?.get('chat')?.version;
    let last = '';
    for (let guard = 0; guard < rounds && last !== newest; guard += 1) {
      const response = await client.next(EDS);
      client.ack(response);
      last = response.resources[0]?.version as string;
    }
    expect(last).toBe(newest);
  });

  it('law 10: all changes of one publication for one type travel in one response', async () => {
    const all = Array.from({ length: 20 }, (_, index) => `s${index}`).sort();
    const client = await start(...all.map((name) => assignment(name, 1)));
    client.send(EDS, { resource_names_subscribe: all });
    client.ack(await client.next(EDS));
    world.set(...all.map((name) => assignment(name, 2)));
    expect(names(await client.next(EDS))).toEqual(all);
    expect(await client.silent(100)).toBe(true);
  });

  it('law 11: a TTL resource gets its heartbeat at once on a reconnect, without a body', async () => {
    const lapsing = make(RTDS, 'lapsing', { name: 'lapsing', layer: {} }, [], 3000);
    const client = await start(lapsing);
    client.send(RTDS, { resource_names_subscribe: ['lapsing'] });
    const first = await client.next(RTDS);
    expect(first.resources[0]).toMatchObject({ hasBody: true, ttlSec: 3 });
    client.ack(first);
    const beat = await client.next(RTDS);
    expect(beat.resources[0]).toMatchObject({ name: 'lapsing', hasBody: false, ttlSec: 3, version: lapsing.version });
    const again = connect();
    again.send(RTDS, {
      resource_names_subscribe: ['lapsing'],
      initial_resource_versions: { lapsing: lapsing.version },
    });
    expect((await again.next(RTDS)).resources[0]).toMatchObject({ hasBody: false, ttlSec: 3 });
  });

  it('refuses an unknown group and a request without a node, with words', async () => {
    await start(cluster('chat'));
    const stranger = connect({ id: 'x', cluster: 'nowhere' });
    stranger.send(CDS);
    await expect(stranger.next(CDS, 1000)).rejects.toThrow(/no SidecarGroup named 'nowhere'/);
    const nameless = connect({ id: '', cluster: 'lab' });
    nameless.send(CDS);
    await expect(nameless.next(CDS, 1000)).rejects.toThrow(/node.id/);
  });

  it('never publishes empty: without a snapshot the client waits', async () => {
    world = new World();
    await world.server.start();
    const client = connect();
    client.send(CDS);
    expect(await client.silent(150)).toBe(true);
    world.set(cluster('chat'));
    expect(names(await client.next(CDS))).toEqual(['chat']);
  });

  it('tells the inbox who came and went', async () => {
    const client = await start(cluster('chat'));
    client.send(CDS);
    await client.next(CDS);
    client.close();
    for (let tries = 0; tries < 50 && world.presence.length < 2; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(world.presence.map(({ kind, nodeId, envoyVersion }) => `${kind} ${nodeId} ${envoyVersion}`)).toEqual([
      'Connected a 1.40.0',
      'Disconnected a 1.40.0',
    ]);
  });

  it('gives sidecars the assignments of their zone once zones matter, and says where they are', async () => {
    const here = await start(assignment('chat', 1));
    const [inA, inB, inX] = ['a', 'b', 'a zone without servers'].map((zone, i) =>
      connect({ ...node, id: `node-${i}`, locality: { zone } }),
    ) as [DeltaClient, DeltaClient, DeltaClient];
    const all = [here, inA, inB, inX];
    const weights = async () =>
      Promise.all(
        all.map(async (client) => {
          const [resource] = (await client.next(EDS)).resources;
          return resource?.version;
        }),
      );
    for (const client of all) client.send(EDS);
    expect(new Set(await weights()).size).toBe(1);
    const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
    world.zoned = new Map(
      ['', 'a', 'b'].map((zone, i) => [zone, makeSnapshot({ ...key, zone }, [assignment('chat', 10 + i)], undefined)]),
    );
    world.server.publish();
    const [none, a, b, x] = await weights();
    expect(x).toBe(none);
    expect(new Set([none, a, b]).size).toBe(3);
    expect(world.server.keys()).toHaveLength(3);
    expect(world.presence.map(({ nodeId, zone }) => [nodeId, zone])).toEqual([
      ['a', undefined],
      ['node-0', 'a'],
      ['node-1', 'b'],
      ['node-2', 'a zone without servers'],
    ]);
  });

  it('counts a fallback in no group: it has no share in limits', async () => {
    await start(cluster('chat'));
    const fallback = connect({ id: 'a/fallback', cluster: 'lab', metadata: { loadline: { fallback: true } } });
    fallback.send(CDS);
    expect(names(await fallback.next(CDS))).toEqual(['chat']);
    expect(world.presence).toMatchObject([{ nodeId: 'a/fallback', group: '', kind: 'Connected' }]);
  });
});
