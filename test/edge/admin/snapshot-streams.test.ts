import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { adminService } from '../../../src/edge/admin/admin-service.ts';
import { connectObserve, createAdminServer, type SnapshotSeam } from '../../../src/edge/admin/index.ts';
import { SnapshotReader, snapshotMessages } from '../../../src/edge/admin/snapshot-message.ts';
import type { Wire } from '../../../src/edge/admin/wire-values.ts';
import type { SnapshotResource, SnapshotTarget, SnapshotView } from '../../../src/edge/observe/index.ts';
import { FakeLog } from '../observe/fake-log.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const HEAD = {
  node: 'a',
  group: 'lab',
  envoyVersion: '1.40.0',
  track: 'Canary',
  policyRevision: 'r1',
  nowMs: 1500,
} as const;

function resource(name: string, content: unknown): SnapshotResource {
  return { type: 'eds', name, version: `v-${name}`, content };
}

/** As the assignment of so many endpoints is: some 200 characters for each. */
function assignment(name: string, endpoints: number): SnapshotResource {
  const address = (at: number) => ({ socket_address: { address: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}` } });
  return resource(name, {
    cluster_name: name,
    endpoints: Array.from({ length: endpoints }, (_, at) => ({
      endpoint: { address: address(at), hostname: `${name}-é-${at}` },
      metadata: { filter_metadata: { 'envoy.lb': { pool: 'gpu', zone: 'eu-west-1a' } } },
      load_balancing_weight: at % 1000,
    })),
  });
}

async function serve(snapshot: SnapshotSeam['snapshot'], log = new FakeLog()): Promise<string> {
  const nothing = () => ({ ok: false as const, issues: [] });
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: { status: () => ({}) as never, explain: nothing, proxyConfig: nothing },
    snapshots: { snapshot },
    log,
  });
  ending.push(() => server.stop());
  return server.address;
}

function client(address: string) {
  const connected = connectObserve(address);
  ending.push(() => connected.close());
  return connected;
}

const method = adminService('Observe').Snapshot!;
const sizeOf = (wire: Wire): number => (method.responseSerialize as (value: Wire) => Buffer)(wire).length;
const view = (resources: Iterable<SnapshotResource>): SnapshotView => ({ ...HEAD, resources });

function throughMessages(resources: readonly SnapshotResource[], chars: number) {
  const reader = new SnapshotReader();
  for (const wire of snapshotMessages(view(resources), chars)) reader.take(wire);
  return reader.view;
}

describe('Observe.Snapshot', () => {
  it('gives every resource as it is, with its place and its lifetime', async () => {
    const resources = [
      { ...resource('chat', { a: [1, 'two', null] }), origin: 'p.yaml:1:2', revision: 'r1', ttlMs: 1500 },
      resource('embed', {}),
    ];
    const asked: SnapshotTarget[] = [];
    const address = await serve((target) => {
      asked.push(target);
      return { ok: true, warnings: [], value: view(resources) };
    });
    const targets: SnapshotTarget[] = [
      { node: 'a', names: [] },
      { group: 'lab', envoyVersion: '1.38', type: 'eds', names: ['chat', 'embed'] },
    ];
    for (const target of targets)
      expect(await client(address).snapshot(target)).toEqual({ ok: true, warnings: [], value: { ...HEAD, resources } });
    expect(asked).toEqual(targets);
  });

  it('of 5,000 endpoints reaches a client that nobody told of large messages', async () => {
    const large = [assignment('chat', 5000), assignment('embed', 5000), resource('small', {})];
    const address = await serve(() => ({ ok: true, warnings: [], value: view(large) }));
    // It takes 4 MiB by default.
    const raw = new grpc.Client(address, grpc.credentials.createInsecure());
    ending.push(() => raw.close());
    const reader = new SnapshotReader();
    const sizes: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const call = raw.makeServerStreamRequest(
        method.path,
        method.requestSerialize as (value: Wire) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => Wire,
        { node: 'a' },
      );
      call.on('data', (wire: Wire) => {
        sizes.push(sizeOf(wire));
        reader.take(wire);
      });
      call.on('end', resolve);
      call.on('error', reject);
    });
    expect(sizes.length).toBeGreaterThan(5);
    expect(Math.max(...sizes)).toBeLessThan(1024 * 1024);
    expect(reader.view?.resources).toEqual(large);
  });

  it('is cut anywhere but within a character, and an answer that ends too early is none', () => {
    const resources = [resource('x', { text: 'aé漢😀😀b' }), resource('y', '😀'), resource('', ''), assignment('z', 3)];
    for (let chars = 1; chars <= 40; chars += 1)
      expect(throughMessages(resources, chars)?.resources).toEqual(resources);
    const wires = [...snapshotMessages(view([resource('x', 'a long text')]), 4)];
    for (const wire of wires)
      for (const piece of wire.resources as readonly Wire[]) expect(piece.content).not.toMatch(/[\ud800-\udbff]$/);
    const reader = new SnapshotReader();
    for (const wire of wires.slice(0, -1)) reader.take(wire);
    expect(reader.view).toBeUndefined();
    expect(throughMessages([], 4)).toEqual({ ...HEAD, resources: [] });
  });

  it('has no message above 1 MiB, also of many small resources and of long characters', () => {
    const many = Array.from({ length: 20_000 }, (_, at) => ({
      ...resource(`service-${at}`, {}),
      origin: `a-folder/with/a/file.yaml:${at}:1`,
      revision: '0123456789abcdef',
    }));
    for (const resources of [many, [resource('wide', '漢'.repeat(1_000_000))]])
      for (const wire of snapshotMessages(view(resources))) expect(sizeOf(wire)).toBeLessThan(1024 * 1024);
  });

  it('takes credentials out of URLs', () => {
    const resources = [resource('x', { uri: 'https://me:hunter2@host/' })];
    expect(throughMessages(resources, 1000)?.resources[0]?.content).toEqual({ uri: 'https://[redacted]@host/' });
  });

  it('makes no more than a slow reader takes', async () => {
    let made = 0;
    const endless = function* (): Iterable<SnapshotResource> {
      for (; made < 400; made += 1) yield resource(`r${made}`, 'x'.repeat(250_000));
    };
    const address = await serve(() => ({ ok: true, warnings: [], value: view(endless()) }));
    const raw = new grpc.Client(address, grpc.credentials.createInsecure());
    ending.push(() => raw.close());
    const call = raw.makeServerStreamRequest(
      method.path,
      method.requestSerialize as (value: Wire) => Buffer,
      method.responseDeserialize as (bytes: Buffer) => Wire,
      { node: 'a' },
    );
    call.on('error', () => {});
    await new Promise<void>((resolve) => {
      call.once('data', () => {
        call.pause();
        resolve();
      });
    });
    // It stands still when a second went by without a new one; 400 of them would take a fraction of that.
    let before = -1;
    for (let turns = 0; turns < 50 && before !== made; turns += 1) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(100);
    call.cancel();
  });

  it('refuses in words, and keeps those of a failure to its log', async () => {
    const log = new FakeLog();
    const address = await serve(({ node }) => {
      if (node === 'broken')
        return {
          ok: true,
          warnings: [],
          value: view(
            (function* (): Iterable<SnapshotResource> {
              yield resource('x', {});
              throw new Error('secret detail');
            })(),
          ),
        };
      const code = node === undefined ? 'Invalid' : 'NotFound';
      return { ok: false, issues: [{ code, path: '', message: 'no such thing' }] };
    }, log);
    for (const [target, code] of [
      [{ names: [] }, 'Invalid'],
      [{ node: 'b', names: [] }, 'NotFound'],
    ] as const)
      expect(await client(address).snapshot(target)).toMatchObject({
        ok: false,
        issues: [{ code, message: 'no such thing' }],
      });
    const failed = client(address).snapshot({ node: 'broken', names: [] });
    await expect(failed).rejects.toMatchObject({ message: expect.stringContaining('its log says why') });
    expect(JSON.stringify(log.lines)).toContain('Snapshot');
  });
});
