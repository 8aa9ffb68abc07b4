import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { LAPSING_LAYER, LASTING_LAYER, type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { NEWEST_RELEASE } from '../../../src/core/snapshot/index.ts';
import { Fallback } from '../../../src/edge/fallback/fallback.ts';
import { Followed } from '../../../src/edge/fallback/followed.ts';
import { Keeper } from '../../../src/edge/fallback/keeper.ts';
import { KeptSnapshot } from '../../../src/edge/fallback/kept-snapshot.ts';
import { createLog } from '../../../src/edge/observe/index.ts';
import { DeltaClient } from '../../support/delta-client.ts';
import { assignment, cluster, listener, resource, routes } from '../../support/envoy-resources.ts';
import { freePort } from '../../support/free-port.ts';
import { InProcessXds } from '../../support/in-process-xds.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, runtime: RTDS } = TYPE_URL;
const KEY = { group: 'lab', release: NEWEST_RELEASE, listenerOverrides: {} };
const NODE = { id: 'a', cluster: 'lab' };

function world(weight: number): readonly Resource[] {
  return [
    cluster('chat'),
    assignment('chat', [{ port: 9101, weight }]),
    resource('runtime', LASTING_LAYER, { name: LASTING_LAYER, layer: {} }),
    listener('models', 15_001),
    routes('models', ['chat']),
  ];
}

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Beside = { readonly lines: string[]; stop(): Promise<void> };

/** A fallback in this process, of the Envoy `a` of the group `lab`. */
async function beside(folder: string, server: string): Promise<Beside> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) };
  const log = await createLog({ level: 'info', destination, pretty: false });
  const kept = new KeptSnapshot(join(folder, 'kept.json'), KEY);
  const fallback = new Fallback({
    beside: {
      nodeId: 'a',
      group: 'lab',
      listeners: {},
      xds: [server],
      fallback: `unix:${join(folder, 's')}`,
      targets: [{ address: server }],
    },
    key: KEY,
    followed: new Followed(KEY, (await kept.load()).resources),
    keeper: new Keeper(kept, log),
    log,
  });
  await fallback.start();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (!stopped) await fallback.stop();
    stopped = true;
  };
  ends.push(stop);
  return { lines, stop };
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-fallback-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function envoy(folder: string, node: ConstructorParameters<typeof DeltaClient>[1] = NODE): DeltaClient {
  const client = new DeltaClient(`unix:${join(folder, 's')}`, node);
  ends.push(() => client.close());
  return client;
}

async function seen(lines: readonly string[], message: string): Promise<void> {
  for (let turn = 0; turn < 500 && !lines.includes(message); turn += 1) await sleep(10);
  expect(lines).toContain(message);
}

async function ended(client: DeltaClient): Promise<DeltaClient['ended']> {
  for (let turn = 0; turn < 500 && client.ended === undefined; turn += 1) await sleep(10);
  return client.ended;
}

describe('a fallback beside an Envoy', () => {
  it('follows the server, and serves what it had when the server is gone', async () => {
    const folder = temporary();
    const xds = await InProcessXds.start();
    ends.push(() => xds[Symbol.asyncDispose]());
    xds.set('lab', world(1));
    const { lines } = await beside(folder, xds.address);
    await seen(lines, 'snapshot kept');
    const early = envoy(folder);
    early.send(CDS);
    expect(await ended(early), 'the server is here').toMatchObject({ code: 14, details: 'Loadline answers: ask it' });

    xds.set('lab', world(7));
    await until(() => xds.pushesTo('lab', 'eds') >= 2);
    await xds[Symbol.asyncDispose]();
    await seen(lines, 'server is away');
    const late = envoy(folder);
    late.send(RTDS, { resource_names_subscribe: [LAPSING_LAYER] });
    expect((await late.next(RTDS)).resources, 'what lapsed is told at once').toMatchObject([{ name: LAPSING_LAYER }]);
    late.send(CDS);
    const clusters = await late.next(CDS);
    expect(clusters.resources.map(({ name }) => name)).toEqual(['chat']);
    late.ack(clusters);
    late.send(EDS, { resource_names_subscribe: ['chat'] });
    const endpoints = await late.next(EDS);
    expect(endpoints.resources[0]?.version).toBe(assignment('chat', [{ port: 9101, weight: 7 }]).version);
    late.ack(endpoints);
    late.send(LDS);
    expect((await late.next(LDS)).resources.map(({ name }) => name)).toEqual(['models']);
  });

  it('serves from its file after a restart, and gives way when the server is back', async () => {
    const folder = temporary();
    const address = `127.0.0.1:${await freePort()}`;
    const first = await InProcessXds.start({ address });
    ends.push(() => first[Symbol.asyncDispose]());
    first.set('lab', world(3));
    const before = await beside(folder, address);
    await seen(before.lines, 'snapshot kept');
    await before.stop();
    await first[Symbol.asyncDispose]();

    const after = await beside(folder, address);
    const client = envoy(folder);
    client.send(EDS, { resource_names_subscribe: ['chat'] });
    expect((await client.next(EDS)).resources[0]?.version).toBe(
      assignment('chat', [{ port: 9101, weight: 3 }]).version,
    );
    const second = await InProcessXds.start({ address });
    ends.push(() => second[Symbol.asyncDispose]());
    second.set('lab', world(3));
    await seen(after.lines, 'server is here');
    expect(await ended(client)).toMatchObject({ code: 14, details: 'Loadline answers: ask it' });
    expect(second.pushesTo('lab', 'eds'), 'what it has is not sent again').toBe(0);
    expect(second.pushesTo('lab', 'rtds')).toBe(1);
  });

  it('serves nobody of another group or with other listeners, and nobody before it has anything', async () => {
    const folder = temporary();
    const address = `127.0.0.1:${await freePort()}`;
    const { lines } = await beside(folder, address);
    await seen(lines, 'server is away');
    const nothing = envoy(folder);
    nothing.send(CDS);
    expect(await ended(nothing)).toMatchObject({ code: 14, details: 'nothing is kept yet' });
    for (const other of [
      { id: 'a', cluster: 'other' },
      { ...NODE, metadata: { loadline: { listeners: { models: '127.0.0.1:1' } } } },
    ]) {
      const stranger = envoy(folder, other);
      stranger.send(CDS);
      expect(await ended(stranger)).toMatchObject({ code: 7, details: expect.stringContaining('group lab') });
    }
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !condition(); turn += 1) await sleep(10);
  expect(condition()).toBe(true);
}
