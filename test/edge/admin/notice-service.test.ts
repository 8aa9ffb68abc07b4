import { afterEach, describe, expect, it } from 'vitest';
import type { Machine, Notice } from '../../../src/core/operations/index.ts';
import { type AccessSeam, connectByHand, createAdminServer } from '../../../src/edge/admin/index.ts';
import { buildServerView, type NoticeGiver, type NoticeSeam } from '../../../src/edge/observe/index.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog } from '../observe/fake-log.ts';

const NOW = 1_800_000_000_000;
const AT_MS = NOW + 120_000;
const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** An agent that may give notices of `chat`, and look at nothing. */
const AGENT: AccessSeam = {
  recognise: () => ({ ok: true, peer: { kind: 'Certificate', spiffeId: 'spiffe://lab/agent' } }),
  may: (_peer, action, resource) => action === 'GiveNotice' && resource.kind === 'Service' && resource.name === 'chat',
  services: () => ['chat', 'embed'],
  servicesOfGroup: () => [],
  groupOfNode: () => undefined,
  refused: () => {},
};

const never = (): never => expect.fail('it was asked');

async function serve({ take = never, withdraw = never }: Partial<NoticeSeam>, access: AccessSeam = AGENT) {
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => buildServerView(viewInput(1)),
      explain: () => ({ ok: false, issues: [] }),
      proxyConfig: () => ({ ok: false, issues: [] }),
    },
    operations: { probe: () => ({ ok: false, issues: [] }) },
    notices: { take, withdraw, nowMs: () => NOW },
    access,
    log: new FakeLog(),
  });
  ending.push(() => server.stop());
  const client = connectByHand(server.address);
  ending.push(() => client.close());
  return client;
}

const notice = (machine: Machine, over: Partial<Notice> = {}): Notice => ({
  machine,
  atMs: AT_MS,
  reason: 'r',
  ...over,
});

describe('notices over gRPC', () => {
  it.each<Machine>([
    { kind: 'Address', address: '10.0.0.1' },
    { kind: 'Address', address: '10.0.0.1', port: 8000 },
    { kind: 'Address', address: '2001:db8::1' },
    { kind: 'Address', address: '2001:db8::1', port: 8000 },
    { kind: 'Instance', id: 'i-0123456789abcdef0' },
  ])('carry %j as it was given, with who gave it and what he may speak of', async (machine) => {
    const taken: [Notice, NoticeGiver][] = [];
    const withdrawn: unknown[] = [];
    const value = { operations: [], notes: ['a note'] };
    const client = await serve({
      take: async (one, giver) => {
        taken.push([one, giver]);
        return { ok: true, value, warnings: [] };
      },
      withdraw: async (one, giver) => {
        withdrawn.push([one, giver.author, giver.mayFor('chat'), giver.mayFor('embed')]);
        return { ok: true, value, warnings: [] };
      },
    });
    expect(await client.giveNotice(notice(machine))).toEqual({
      ok: true,
      value: { operations: [], notes: ['a note'] },
      warnings: [],
    });
    const [[one, { author, mayFor }]] = taken as [[Notice, NoticeGiver]];
    expect(one).toEqual(notice(machine));
    expect([author, mayFor('chat'), mayFor('embed')]).toEqual(['spiffe://lab/agent', true, false]);
    expect(await client.withdrawNotice(notice(machine))).toEqual({ ok: true, value, warnings: [] });
    expect(withdrawn).toEqual([[{ machine, reason: 'r' }, 'spiffe://lab/agent', true, false]]);
  });

  it('that make no sense are refused with their field, and words are passed on', async () => {
    const issues = [{ code: 'NotFound', path: '', message: 'no endpoint is known at address 10.9.9.9', hint: 'look' }];
    const client = await serve({ take: async () => ({ ok: false, issues }) });
    const wrong = (one: Notice) => client.giveNotice(one);
    expect(await wrong(notice({ kind: 'Address', address: 'gpu-7' }))).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', path: 'address' }],
    });
    expect(await wrong(notice({ kind: 'Address', address: '10.0.0.1' }, { atMs: NOW - 3_600_000 }))).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', path: 'deadline', message: expect.stringContaining('is gone since') }],
    });
    expect(await client.withdrawNotice(notice({ kind: 'Instance', id: '../x' }))).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', path: 'instance' }],
    });
    expect(await wrong(notice({ kind: 'Address', address: '10.9.9.9' }))).toMatchObject({
      ok: false,
      issues: [{ code: 'NotFound', message: 'no endpoint is known at address 10.9.9.9; look' }],
    });
  });

  it('are taken of nobody who may not give them', async () => {
    const client = await serve({}, { ...AGENT, may: () => false });
    await expect(client.giveNotice(notice({ kind: 'Address', address: '10.0.0.1' }))).rejects.toThrow(
      /may not call Operations\/GiveNotice|lacks the role Agent/,
    );
    await expect(client.withdrawNotice(notice({ kind: 'Address', address: '10.0.0.1' }))).rejects.toThrow(
      /may not call Operations\/WithdrawNotice|lacks the role Agent/,
    );
  });
});
