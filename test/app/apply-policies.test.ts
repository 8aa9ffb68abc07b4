import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LoadlineServer } from '../../src/app/index.ts';
import { connectPolicies } from '../../src/edge/admin/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { until } from '../support/serve.ts';

const ending: (() => unknown)[] = [];
let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'loadline-apply-'));
});

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  rmSync(data, { recursive: true, force: true });
});

async function serve() {
  const log = new FakeLog();
  const any = '127.0.0.1:0';
  const server = new LoadlineServer({ data, xds: any, admin: any, http: any, log });
  ending.push(() => server.stop());
  const { admin } = await server.start();
  const client = connectPolicies(admin);
  ending.push(() => client.close());
  const ports = () =>
    server.view().services.flatMap(({ pools }) => pools.flatMap((pool) => pool.endpoints.map(({ port }) => port)));
  return { server, client, log, ports };
}

const lab = (ports: readonly number[]) => [{ name: 'lab.yaml', text: labPolicy(ports.map((port) => ({ port }))) }];

describe('a server that owns its policies', () => {
  it('serves what is applied, and what is gone back to, without being started again', async () => {
    const { client, ports, server, log } = await serve();
    expect(ports()).toEqual([]);
    expect(await client.apply(lab([1, 2]))).toMatchObject({ ok: true, value: { revision: 1 } });
    await until('the first policy is in force', () => ports().join() === '1,2');
    expect(await client.apply(lab([1, 2, 3]))).toMatchObject({ ok: true, value: { revision: 2 } });
    await until('the second policy is in force', () => ports().join() === '1,2,3');
    const refused = await client.apply(lab([1, 99_999]));
    expect(refused).toMatchObject({ ok: false, issues: [{ position: { file: 'lab.yaml', line: 21 } }] });
    expect(ports()).toEqual([1, 2, 3]);
    expect(server.view().policy.problems).toEqual([]);
    expect(await client.rollback(undefined, 1, { reason: 'undo' })).toMatchObject({ ok: true, value: { revision: 3 } });
    await until('the first policy is in force again', () => ports().join() === '1,2');
    expect(log.lines.filter(([level]) => level === 'error')).toEqual([]);
  });
});
