import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Addresses, LoadlineServer } from '../../src/app/index.ts';
import { StorePolicies } from '../../src/app/store-policies.ts';
import { SqliteFile } from '../../src/edge/store/embedded/sqlite-file.ts';
import { type Change, EmbeddedStore, type PolicyRead, storeFolder } from '../../src/edge/store/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { until } from '../support/serve.ts';

const ending: (() => unknown)[] = [];
let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'loadline-store-policies-'));
});

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  rmSync(data, { recursive: true, force: true });
});

/** The lab's policy, a document for each of its parts. */
function labChanges(ports: readonly number[]): readonly Change[] {
  return labPolicy(ports.map((port) => ({ port })))
    .split(/^---\n/m)
    .map((content): Change => {
      const kind = /^kind: (\w+)/m.exec(content)?.[1] ?? '';
      const name = /^ *(?:metadata: \{ )?name: ([\w-]+)/m.exec(content)?.[1] ?? '';
      return { operation: 'Put', kind, name, content };
    });
}

async function inStore(use: (store: EmbeddedStore) => Promise<unknown>): Promise<void> {
  const { store } = await EmbeddedStore.open({ folder: storeFolder(data) });
  await use(store);
  await store.close();
}

function apply(store: Pick<EmbeddedStore, 'write'>, changes: readonly Change[]) {
  return store.write({ action: 'Apply', author: 'ann', reason: '', changes });
}

/** Makes documents unreadable, in the list and in the history. */
function damage(kind: string): void {
  const file = new SqliteFile(join(storeFolder(data), 'store.db'));
  file.transaction(() => {
    for (const prefix of ['document', 'history'])
      for (const { key } of file.range({ from: `${prefix}/${kind}/`, below: `${prefix}/${kind}0` }))
        file.put(key, 'rubbish');
  });
  file.close();
}

type Running = { readonly server: LoadlineServer; readonly log: FakeLog; readonly addresses: Addresses };

async function serve(): Promise<Running> {
  const log = new FakeLog();
  const any = '127.0.0.1:0';
  const server = new LoadlineServer({ data, xds: any, admin: any, http: any, log });
  ending.push(() => server.stop());
  return { server, log, addresses: await server.start() };
}

function servicesOf({ server }: Running): readonly string[] {
  return server.view().services.map(({ name, pools }) => `${name}:${pools.flatMap((one) => one.endpoints).length}`);
}

function messages({ log }: Running): readonly string[] {
  return log.lines.map(([, , message]) => message);
}

describe('a server without --policies', () => {
  it('waits with an empty store, and serves at once what a stored policy says', async () => {
    const first = await serve();
    expect((await fetch(`http://${first.addresses.http}/readyz`)).status).toBe(503);
    expect(messages(first)).toContain('no policy yet: Envoys wait');
    await first.server.stop();
    await inStore((store) => apply(store, labChanges([1, 2])));
    const second = await serve();
    expect((await fetch(`http://${second.addresses.http}/readyz`)).status).toBe(200);
    expect(servicesOf(second)).toEqual(['chat:2']);
    expect(second.server.view().policy.problems).toEqual([]);
  });

  it('serves the newest policy of the store after a restart, not the one of its last checkpoint', async () => {
    await inStore((store) => apply(store, labChanges([1, 2])));
    const first = await serve();
    await first.server.stop();
    await inStore((store) => apply(store, labChanges([1, 2, 3])));
    expect(servicesOf(await serve())).toEqual(['chat:3']);
  });

  it('goes on with the last good policy when a document is damaged, and says which', async () => {
    await inStore((store) => apply(store, labChanges([1, 2])));
    const first = await serve();
    await first.server.stop();
    damage('ModelService');
    const second = await serve();
    expect(servicesOf(second)).toEqual(['chat:2']);
    expect(second.server.view().policy.problems[0]?.message).toContain('ModelService/chat');
    expect(messages(second)).toContain('damaged record moved aside');
  });
});

describe('the policies of a store', () => {
  async function followed(): Promise<{ readonly policies: StorePolicies; readonly reads: PolicyRead[] }> {
    const policies = new StorePolicies(data, new FakeLog());
    ending.push(() => policies.close());
    const reads = [await policies.open()];
    policies.follow((read) => reads.push(read));
    return { policies, reads };
  }

  it('are told as they change, by the name of their document or the file that they came from', async () => {
    const { policies, reads } = await followed();
    expect(reads[0]).toEqual({ ok: false, reason: `the store ${storeFolder(data)} holds no policy yet` });
    const chat = { kind: 'ModelService', name: 'chat' };
    await apply(policies.store, [{ operation: 'Put', ...chat, content: 'a' }]);
    await until('the first is told', () => reads.length === 2);
    await apply(policies.store, [
      { operation: 'Put', kind: 'SidecarGroup', name: 'lab', content: 'b', file: 'lab.yaml' },
      { operation: 'Put', ...chat, content: 'c' },
    ]);
    await until('the second is told', () => reads.length === 3);
    expect(reads.slice(1)).toEqual([
      { ok: true, files: [{ name: 'ModelService/chat', text: 'a', firstLine: 1 }], hash: '1' },
      {
        ok: true,
        files: [
          { name: 'ModelService/chat', text: 'c', firstLine: 1 },
          { name: 'lab.yaml', text: 'b', firstLine: 1 },
        ],
        hash: '2',
      },
    ]);
    await apply(policies.store, [
      { operation: 'Delete', ...chat },
      { operation: 'Delete', kind: 'SidecarGroup', name: 'lab' },
    ]);
    await until('that all are gone is told', () => reads.length === 4);
    expect(reads[3]).toMatchObject({ ok: false });
  });
});
