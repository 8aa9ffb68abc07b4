import { afterEach, describe, expect, it } from 'vitest';
import { listText } from '../../src/cli/commands/operations.ts';
import { begunText, endedText, operationLine } from '../../src/cli/operation-words.ts';
import { type BeginRequest, createAdminServer } from '../../src/edge/admin/index.ts';
import { buildProxyConfigView, buildServerView, type OperationView } from '../../src/edge/observe/index.ts';
import { viewInput } from '../edge/observe/a-view.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { run } from './run.ts';

const NOW = Date.UTC(2026, 10, 26, 22, 0, 0);
const DRAIN: OperationView = {
  id: 'drain-k3x9',
  kind: 'Drain',
  service: 'chat',
  target: 'chat/gpu/127.0.0.1:9101',
  effect: 'chat/gpu/127.0.0.1:9101 takes no new requests; streams that run there go on',
  toPool: null,
  percent: null,
  reason: 'kernel update',
  author: 'spiffe://lab/ada',
  startedAtMs: NOW - 60_000,
  endsAtMs: NOW + 1_800_000,
  forced: false,
  state: 'Running',
  phase: 'Everywhere',
  note: null,
  finishedAtMs: null,
  cancelledBy: null,
  cancelReason: null,
};

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

/** A server that takes every request and remembers it. */
async function server(asked: BeginRequest[] = []): Promise<string> {
  const input = viewInput(1);
  const made = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => buildServerView(input),
      explain: () => ({ ok: false, issues: [] }),
      proxyConfig: (target) =>
        buildProxyConfigView({ nowMs: 0, policyRevision: '', node: undefined, connected: () => [] }, target),
    },
    operations: { probe: () => ({ ok: false, issues: [] }) },
    byHand: {
      begin: async (request) => {
        asked.push(request);
        return { ok: true, value: { operation: DRAIN, notes: ['be quick'], replayed: false }, warnings: [] };
      },
      find: (id) => (id === DRAIN.id ? DRAIN : undefined),
      freezeOf: () => undefined,
      cancel: async () => ({
        ok: true,
        value: { operation: { ...DRAIN, state: 'Cancelled', cancelledBy: 'me' }, endedBefore: false, notes: [] },
        warnings: [],
      }),
      list: () => [DRAIN],
    },
    log: new FakeLog(),
  });
  ending.push(() => made.stop());
  return made.address;
}

describe('the commands that do something by hand', () => {
  it('ask for what they say', async () => {
    const asked: BeginRequest[] = [];
    const admin = ['--admin', await server(asked), '--reason', 'why'];
    const lines = [
      ['drain', 'chat', '--for', '30m'],
      ['drain', 'chat/gpu', '--until', '2026-12-01T08:00:00+01:00', '--force'],
      ['drain', 'chat/gpu/[::1]:9101', '--for', '90s', '--dry-run'],
      ['freeze', 'chat', '--for', '1h', '--idempotency-key', 'k'],
      ['failover', 'chat', '--from', 'a', '--to', 'b', '--for', '1h', '--now'],
      ['shed', 'chat', '20%', '--for', '1h', '--class', 'P3'],
    ];
    for (const line of lines) expect(await run(...line, ...admin), line.join(' ')).toMatchObject({ code: 0, err: '' });
    expect(asked.map(({ what: { reason: _, service: __, ...what }, end, dryRun }) => ({ what, end, dryRun }))).toEqual([
      { what: { kind: 'Drain', force: false }, end: { kind: 'For', ms: 1_800_000 }, dryRun: false },
      {
        what: { kind: 'Drain', pool: 'gpu', force: true },
        end: { kind: 'At', atMs: Date.UTC(2026, 11, 1, 7) },
        dryRun: false,
      },
      {
        what: { kind: 'Drain', pool: 'gpu', endpoint: '[::1]:9101', force: false },
        end: { kind: 'For', ms: 90_000 },
        dryRun: true,
      },
      {
        what: { kind: 'Freeze', force: false, idempotencyKey: 'k' },
        end: { kind: 'For', ms: 3_600_000 },
        dryRun: false,
      },
      {
        what: { kind: 'Failover', from: 'a', to: 'b', force: false, now: true },
        end: { kind: 'For', ms: 3_600_000 },
        dryRun: false,
      },
      {
        what: { kind: 'Shed', percent: 20, class: 'P3', force: false },
        end: { kind: 'For', ms: 3_600_000 },
        dryRun: false,
      },
    ]);
  });

  it('refuse a line without an end, with two, without a reason, or with a time that has no zone', async () => {
    const code = async (...line: readonly string[]) => (await run(...line)).code;
    expect(await code('drain', 'chat', '--reason', 'why')).toBe(2);
    expect(await code('drain', 'chat', '--reason', 'why', '--for', '1h', '--until', '2026-12-01T08:00:00Z')).toBe(2);
    expect(await code('drain', 'chat', '--for', '1h')).toBe(2);
    expect(await code('drain', 'chat', '--reason', 'why', '--until', '2026-12-01T08:00:00')).toBe(2);
    for (const target of ['chat/', 'chat/gpu/', 'chat//127.0.0.1:9101', '/gpu'])
      expect(await code('drain', target, '--reason', 'why', '--for', '1h'), target).toBe(2);
    expect(await code('shed', 'chat', '20', '--reason', 'why', '--for', '1h')).toBe(2);
    expect(await code('shed', 'chat', '2.5%', '--reason', 'why', '--for', '1h')).toBe(2);
  });

  it('list and cancel, and print values for programs', async () => {
    const admin = ['--admin', await server()];
    expect((await run('operations', 'list', ...admin)).out).toContain('drain-k3x9');
    expect(await run('operations', 'cancel', 'drain-k3x9', ...admin)).toMatchObject({
      code: 0,
      out: 'drain-k3x9 is cancelled by me\n',
    });
    const none = await run('operations', 'cancel', 'drain-none', ...admin);
    expect(none).toMatchObject({ code: 1, err: 'error: no operation "drain-none"; these run: drain-k3x9\n' });
    const json = await run('operations', 'list', '--output', 'json', ...admin);
    expect(JSON.parse(json.out)).toEqual([DRAIN]);
    expect((await run('unfreeze', 'chat', ...admin)).code).toBe(1);
  });
});

describe('an operation in words', () => {
  const begun = { operation: DRAIN, notes: ['be quick'], replayed: false };

  it('says what happens, until when, why, and how to end it', () => {
    expect(begunText(begun, NOW, false)).toBe(
      [
        'drain-k3x9: chat/gpu/127.0.0.1:9101 takes no new requests; streams that run there go on',
        'until 2026-11-26T22:30:00Z (30 min from now), because: kernel update',
        'note: be quick',
        'to end it before: loadline operations cancel drain-k3x9',
        '',
      ].join('\n'),
    );
    expect(begunText(begun, NOW, true)).toMatch(/^would begin a Drain: .*\n.*\nnote: be quick\n$/);
    expect(begunText({ ...begun, replayed: true }, NOW, false)).toMatch(/^drain-k3x9 was begun before: /);
  });

  it('stands in one line of the status, with what keeps it from having an effect', () => {
    expect(operationLine(DRAIN)).toBe(
      'drain-k3x9: chat/gpu/127.0.0.1:9101 takes no new requests; streams that run there go on; until 2026-11-26T22:30:00Z (kernel update; spiffe://lab/ada)',
    );
    expect(operationLine({ ...DRAIN, forced: true, note: 'suspended: why' })).toMatch(
      /^drain-k3x9: suspended: why \(chat.*; forced\)$/,
    );
  });

  it('is told as over, by whom or by itself', () => {
    const lapsed = { ...DRAIN, state: 'Lapsed', finishedAtMs: NOW } as const;
    expect(endedText({ operation: lapsed, endedBefore: true })).toBe(
      'drain-k3x9 had ended before, at 2026-11-26T22:00:00Z: over: its end came\n',
    );
    expect(listText([], NOW)).toBe('Nothing is done by hand.\n');
    const text = listText(
      [
        { ...DRAIN, note: 'suspended: why' },
        { ...lapsed, id: 'shed-aaaa', kind: 'Shed', percent: 20 },
      ],
      NOW + 60_000,
    );
    expect(text).toMatch(/drain-k3x9 +chat\/gpu\/127\.0\.0\.1:9101 +Drain +Suspended +in 29 min/);
    expect(text).toMatch(/shed-aaaa .* Shed 20 % +Lapsed +60 s ago/);
    expect(text).toContain('drain-k3x9: suspended: why\n');
  });

  it('tells how far it is, and why it was taken back', () => {
    const tried = { ...DRAIN, phase: 'Canary' } as const;
    expect(operationLine(tried)).toContain('streams that run there go on (canaries alone so far); until ');
    const returned = { ...tried, state: 'Cancelled', finishedAtMs: NOW, cancelledBy: 'loadline' } as const;
    const text = listText([tried, { ...returned, id: 'shed-aaaa', cancelReason: 'Nack on a: eds chat: no' }], NOW);
    expect(text).toMatch(/drain-k3x9 .* Canary +in 30 min/);
    expect(text).toMatch(/shed-aaaa .* Cancelled /);
    expect(text).toContain('shed-aaaa: cancelled by loadline: Nack on a: eds chat: no\n');
  });
});
