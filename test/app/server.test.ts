import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Addresses, LoadlineServer, type ServerOptions } from '../../src/app/index.ts';
import { Compiler } from '../../src/core/control/index.ts';
import { TYPE_URL } from '../../src/core/resources/index.ts';
import { viewOf } from '../../src/core/snapshot/index.ts';
import { connectObserve } from '../../src/edge/admin/index.ts';
import { CheckpointStore } from '../../src/edge/store/index.ts';
import { Fleet } from '../core/control/fleet.ts';
import { loaded } from '../core/policy/load.ts';
import { FakePrograms } from '../edge/envoy/fake-programs.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { DeltaClient } from '../support/delta-client.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { until } from '../support/serve.ts';

const ending: (() => unknown)[] = [];
let folder: string;
let policies: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-server-'));
  policies = join(folder, 'lab.yaml');
  writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }]));
});

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

type Running = { readonly server: LoadlineServer; readonly log: FakeLog; readonly addresses: Addresses };

type Over = Partial<Record<'data' | 'http' | 'admin' | 'policies', string>> & Pick<ServerOptions, 'validate'>;

async function start(over: Over = {}): Promise<Running> {
  const log = new FakeLog();
  const any = '127.0.0.1:0';
  const data = join(folder, 'data');
  const server = new LoadlineServer({ policies, data, xds: any, admin: any, http: any, log, ...over });
  ending.push(() => server.stop());
  return { server, log, addresses: await server.start() };
}

async function text({ addresses }: Running, path: string): Promise<string> {
  return (await fetch(`http://${addresses.http}${path}`)).text();
}

function sidecar(address: string): DeltaClient {
  const client = new DeltaClient(address, { id: 'a', cluster: 'lab' });
  ending.push(() => client.close());
  return client;
}

/** An engine that serves its metrics, and nothing else. */
async function engine(): Promise<number> {
  const page = 'vllm:num_requests_running{model_name="m"} 3\nvllm:num_requests_waiting{model_name="m"} 0\n';
  const server: Server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ending.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe('the server', () => {
  it('is ready when it has started: HTTP, admin and xDS say the same about the same policy', async () => {
    const running = await start();
    expect((await fetch(`http://${running.addresses.http}/readyz`)).status).toBe(200);
    const state = JSON.parse(await text(running, '/api/state')) as { revision: string; services: { name: string }[] };
    expect(state.services.map(({ name }) => name)).toEqual(['chat']);
    const observe = connectObserve(running.addresses.admin);
    ending.push(() => observe.close());
    const status = await observe.status();
    expect(status).toMatchObject({ revision: state.revision, policy: { files: [policies] } });
    const client = sidecar(running.addresses.xds);
    client.send(TYPE_URL.cluster, { resource_names_subscribe: ['*'] });
    expect((await client.next(TYPE_URL.cluster)).resources.map(({ name }) => name)).toEqual(['chat']);
    await until('the timeline knows the sidecar', async () =>
      (await text(running, '/api/events')).includes('NodeConnected'),
    );
    client.close();
    await until('and that it left', async () => (await text(running, '/api/events')).includes('NodeDisconnected'));
  });

  it('feeds the age of what it scrapes to its metrics, by kind', async () => {
    writeFileSync(policies, labPolicy([{ port: await engine() }]));
    const running = await start();
    await until('an engine age is exposed', async () =>
      /^loadline_sample_age_seconds\{[^}]*kind="engine"\} [\d.e-]+$/m.test(await text(running, '/metrics')),
    );
    const page = await text(running, '/metrics');
    expect(page).toMatch(/^loadline_signal_scrapes_total\{kind="engine"\} [1-9]/m);
    expect(page).toMatch(/^loadline_sample_age_seconds\{[^}]*kind="newest"\} /m);
    expect(page).not.toMatch(/^loadline_sample_age_seconds.*kind="gpu"/m);
  });

  it('after a kill sends the assignment of before it, which it could not know by itself', async () => {
    const policy = labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }]);
    writeFileSync(policies, policy);
    const fleet = new Fleet(loaded(policy), [30, 30, 4]);
    fleet.nowMs = Date.now() - 60_000;
    fleet.run(45);
    const before = new Compiler().snapshot(fleet.state.plan!, { group: 'lab', release: '1.40', listenerOverrides: {} });
    const data = join(folder, 'data');
    const store = new CheckpointStore(data);
    await store.open();
    await store.save({ state: fleet.state, policyFiles: [] });
    await store.close();
    const received = async (running: Running) => {
      const client = sidecar(running.addresses.xds);
      client.send(TYPE_URL.endpoint, { resource_names_subscribe: ['chat'] });
      const { resources } = await client.next(TYPE_URL.endpoint);
      return resources.map(({ name, version, body }) => `${name} ${version} ${body.toString('hex')}`);
    };
    const chat = viewOf(before!, TYPE_URL.endpoint).get('chat')!;
    expect(await received(await start({ data }))).toEqual([
      `chat ${chat.version} ${Buffer.from(chat.bytes).toString('hex')}`,
    ]);
    expect(await received(await start({ data: join(folder, 'empty') }))).not.toEqual([
      expect.stringContaining(chat.version),
    ]);
  });

  it('starts with what is whole of a checkpoint that another build, or a hand, has left, and keeps the rest for who asks', async () => {
    const fleet = new Fleet(loaded(labPolicy([{ port: 1 }, { port: 2 }])), [6, 6]);
    fleet.run(5);
    const state = structuredClone(fleet.state) as unknown as { load: Record<string, { endpoints: object }> };
    const { endpoints } = state.load.chat!;
    state.load.chat!.endpoints = Object.fromEntries(Object.keys(endpoints).map((id) => [id, { gpus: 5 }]));
    const data = join(folder, 'data');
    const store = new CheckpointStore(data);
    await store.open();
    const policyFiles = [{ name: 'lab.yaml', text: labPolicy([{ port: 1 }, { port: 2 }]) }];
    const operations = { running: [{ id: 'shed-1', kind: 'Shed', percent: 1e300 }], finished: [] };
    await store.save({ state, policyFiles, operations, rollout: { returned: [null], good: 'x' } });
    await store.close();
    // The files are bad: it is the policy of the checkpoint that goes on.
    writeFileSync(policies, 'kind: Nonsense');
    const running = await start({ data });
    expect(JSON.parse(await text(running, '/api/state'))).toMatchObject({ services: [{ name: 'chat' }] });
    const told = running.log.lines.find(([, , message]) => message === 'a part of the checkpoint is not usable');
    for (const part of ['operations.running', 'rollout.', 'state: ', 'checkpoint.0.unusable'])
      expect(told?.[1].detail, part).toContain(part);
    expect(existsSync(join(data, 'checkpoint.0.unusable'))).toBe(true);
  });

  it('takes a changed policy in, and keeps the last good one when the next is bad', async () => {
    const running = await start();
    const revision = async () => (JSON.parse(await text(running, '/api/state')) as { revision: string }).revision;
    const first = await revision();
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }]));
    await until('the new revision is in force', async () => (await revision()) !== first);
    const second = await revision();
    writeFileSync(policies, 'kind: Nonsense\n');
    await until('the bad policy is told', async () =>
      /^loadline_policy_problems [1-9]/m.test(await text(running, '/metrics')),
    );
    expect(await revision()).toBe(second);
    expect((await fetch(`http://${running.addresses.http}/readyz`)).status).toBe(200);
    expect(running.log.lines.map(([level, , message]) => `${level} ${message}`)).toContain(
      'error the last good policy stays in force',
    );
    // And a server that starts now goes on with the stored one.
    await running.server.stop();
    const next = await start();
    const state = JSON.parse(await text(next, '/api/state')) as { revision: string; policy: { problems: unknown[] } };
    expect(state.revision).toBe(second);
    expect(state.policy.problems.length).toBeGreaterThan(0);
  });
});

describe('a changed policy that Envoy is asked about', () => {
  /** Refuses whatever names the port 666, and notes that it was asked. */
  function fakeEnvoy(): string {
    const fakes = new FakePrograms();
    ending.push(() => fakes.remove());
    return fakes.program(
      'envoy',
      `if (process.argv[2] === '--version') console.log('envoy  version: 0123abcd/1.40.0/Clean');
      else if (require('node:fs').readFileSync(process.argv[process.argv.indexOf('-c') + 1], 'utf8').includes('666')) {
        process.stderr.write("malformed address '127.0.0.1:666'");
        process.exit(1);
      }`,
    );
  }

  const revisionOf = async (running: Running) =>
    (JSON.parse(await text(running, '/api/state')) as { revision: string }).revision;
  const problems = (running: Running) =>
    running.log.lines.filter(([level, , message]) => level === 'error' && message === 'policy refused');

  it('does not come into force when Envoy refuses it; the place is told, and the next good one does', async () => {
    const running = await start({ validate: { mode: 'Require', envoys: [fakeEnvoy()] } });
    const first = await revisionOf(running);
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 666 }]));
    await until('the refusal is told', () => problems(running).length > 0);
    expect(problems(running)[0]?.[1]).toMatchObject({
      at: expect.stringContaining(`${policies}:`),
      code: 'POLICY_ENVOY_REFUSED',
      detail: "Envoy 1.40.0 refuses eds chat: malformed address '127.0.0.1:666'",
    });
    expect(await revisionOf(running)).toBe(first);
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }]));
    await until('the next one is in force', async () => (await revisionOf(running)) !== first);
  });

  it.each([
    ['Prefer', true],
    ['Require', false],
  ] as const)('comes into force where no Envoy is at hand, with %s: %s', async (mode, inForce) => {
    const running = await start({ validate: { mode, envoys: ['/nowhere/envoy'] } });
    const first = await revisionOf(running);
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 3 }]));
    if (inForce) await until('it is in force', async () => (await revisionOf(running)) !== first);
    else await until('it is refused', () => problems(running).length > 0);
    if (!inForce) expect(problems(running)[0]?.[1]).toMatchObject({ code: 'POLICY_NOT_VALIDATED' });
  });

  it('while no server ran is judged before it is in force; a refused one stays out, and what stood is served', async () => {
    const validate = { mode: 'Require', envoys: [fakeEnvoy()] } as const;
    const before = await start({ validate });
    const first = await revisionOf(before);
    await before.server.stop();
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 666 }]));
    const after = await start({ validate });
    expect(await revisionOf(after)).toBe(first);
    expect((await fetch(`http://${after.addresses.http}/readyz`)).status).toBe(200);
    await until('the refusal is told', () => problems(after).length > 0);
    expect(problems(after)[0]?.[1]).toMatchObject({ code: 'POLICY_ENVOY_REFUSED' });
    expect(await revisionOf(after)).toBe(first);
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }]));
    await until('the next one is in force', async () => (await revisionOf(after)) !== first);
  });

  it('while no server ran is in force once Envoy has taken it, and what stood is served until then', async () => {
    const fakes = new FakePrograms();
    ending.push(() => fakes.remove());
    const answer = join(folder, 'answer');
    const slow = fakes.program(
      'envoy',
      `if (process.argv[2] === '--version') console.log('envoy  version: 0123abcd/1.40.0/Clean');
      else setInterval(() => { if (require('node:fs').existsSync(${JSON.stringify(answer)})) process.exit(0); }, 20);`,
    );
    const before = await start();
    const first = await revisionOf(before);
    await before.server.stop();
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }]));
    const after = await start({ validate: { mode: 'Prefer', envoys: [slow] } });
    expect([await revisionOf(after), (await fetch(`http://${after.addresses.http}/readyz`)).status]).toEqual([
      first,
      200,
    ]);
    writeFileSync(answer, '');
    await until('it is in force', async () => (await revisionOf(after)) !== first);
    expect(problems(after)).toEqual([]);
  });

  it('that canaries try already when the server starts anew is not judged a second time', async () => {
    const group = '  rollout: { hold: 60s }\n';
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }], { group }));
    const before = await start({ validate: { mode: 'Require', envoys: [fakeEnvoy()] } });
    const client = sidecar(before.addresses.xds);
    client.send(TYPE_URL.cluster, { resource_names_subscribe: ['*'] });
    await client.next(TYPE_URL.cluster);
    const tried = ({ log }: Running) => log.lines.some(([, , message]) => / goes to .*canaries/.test(message));
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }], { group }));
    await until('it is tried', () => tried(before));
    await before.server.stop();
    const fakes = new FakePrograms();
    ending.push(() => fakes.remove());
    const silent = fakes.program('envoy', 'setTimeout(() => {}, 60_000);');
    // Whoever has it would get what was before, and then the same again.
    expect(tried(await start({ validate: { mode: 'Require', envoys: [silent] } }))).toBe(true);
  });

  it('while no server ran is in force before anybody is let in, where no Envoy is asked', async () => {
    const before = await start();
    const first = await revisionOf(before);
    await before.server.stop();
    writeFileSync(policies, labPolicy([{ port: 1 }, { port: 2 }, { port: 3 }]));
    const after = await start();
    expect(await revisionOf(after)).not.toBe(first);
  });

  it('does not make the first start wait, nor the end', async () => {
    const fakes = new FakePrograms();
    ending.push(() => fakes.remove());
    const silent = fakes.program('envoy', 'setTimeout(() => {}, 60_000);');
    const running = await start({ validate: { mode: 'Require', envoys: [silent] } });
    expect((await fetch(`http://${running.addresses.http}/readyz`)).status).toBe(200);
    await running.server.stop();
  });
});

describe('a server that cannot start', () => {
  it('says that the data directory is in use, and leaves the other alone', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({ code: 'LOADLINE_STORE', message: expect.stringContaining('--data') });
    expect((await fetch(`http://${first.addresses.http}/readyz`)).status).toBe(200);
  });

  it('gives everything back: the directory and the addresses that it had', async () => {
    const first = await start();
    const data = join(folder, 'other');
    await expect(start({ data, http: first.addresses.http })).rejects.toMatchObject({ code: 'LOADLINE_BIND' });
    const third = await start({ data });
    expect((await fetch(`http://${third.addresses.http}/readyz`)).status).toBe(200);
  });

  it('has no policy to serve, and says why with the place', async () => {
    writeFileSync(policies, labPolicy([{ port: 1 }]).replace('port: 1 }', 'port: 99999 }'));
    await expect(start()).rejects.toMatchObject({
      code: 'LOADLINE_POLICY_UNUSABLE',
      message: expect.stringMatching(/lab\.yaml:\d+:\d+/),
    });
    writeFileSync(policies, labPolicy([{ port: 1 }]));
    expect((await start()).addresses.xds).toMatch(/^127\.0\.0\.1:/);
  });
});
