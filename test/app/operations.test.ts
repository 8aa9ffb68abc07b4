import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Operations } from '../../src/app/operations.ts';
import { LoadlineError } from '../../src/base/errors.ts';
import type { BeginRequest } from '../../src/edge/admin/index.ts';
import { EmbeddedStore, storeFolder, verifyStoredTrail } from '../../src/edge/store/index.ts';
import { ADA, world } from './operations-world.ts';

const drain = (over: Partial<BeginRequest> = {}, what: Partial<BeginRequest['what']> = {}): BeginRequest => ({
  what: {
    kind: 'Drain',
    service: 'chat',
    pool: 'cpu',
    reason: 'kernel update',
    force: false,
    ...what,
  } as BeginRequest['what'],
  end: { kind: 'For', ms: 10_000 },
  dryRun: false,
  ...over,
});

async function begun(operations: Operations, request: BeginRequest) {
  const answer = await operations.begin(request, ADA);
  if (!answer.ok) throw new Error(answer.issues[0]?.message);
  return answer.value;
}

describe('an operation', () => {
  it('is in force, saved and in the trail before its beginning is acknowledged, and lapses by itself, told once', async () => {
    const { operations, seconds, drained, events, trail, saves, fleet } = world();
    const { operation, notes } = await begun(operations, drain());
    expect(drained()).toEqual(['chat/cpu/10.0.1.1:8000']);
    expect(saves()).toBe(1);
    expect(operation).toMatchObject({
      kind: 'Drain',
      target: 'chat/cpu',
      author: ADA,
      state: 'Running',
      endsAtMs: fleet.nowMs + 10_000,
      effect: 'chat/cpu/10.0.1.1:8000 takes no new requests; streams that run there go on',
    });
    expect(notes[0]).toContain('3 of 4 endpoints would carry all');
    expect(trail[0]).toMatchObject({
      action: 'Drain',
      author: ADA,
      reason: 'kernel update',
      details: { id: operation.id, target: 'chat/cpu', forced: 'false' },
    });
    seconds(9);
    expect(drained()).toHaveLength(1);
    seconds(5);
    expect(drained()).toEqual([]);
    expect(events).toEqual(['OperationBegan chat/cpu', 'OperationLapsed chat/cpu']);
    expect(trail.map(({ action }) => action)).toEqual(['Drain', 'Lapse']);
    expect(operations.list(false)).toEqual([]);
    expect(operations.list(true)).toMatchObject([{ id: operation.id, state: 'Lapsed' }]);
  });

  it('is cancelled at once, and again without harm', async () => {
    const { operations, drained, events } = world();
    const { operation } = await begun(operations, drain());
    const cancelled = await operations.cancel(operation.id, ' done\n', 'spiffe://lab/bob');
    expect(drained()).toEqual([]);
    expect(cancelled).toMatchObject({
      ok: true,
      value: {
        endedBefore: false,
        operation: { state: 'Cancelled', cancelledBy: 'spiffe://lab/bob', cancelReason: 'done' },
      },
    });
    expect(await operations.cancel(operation.id, 'again', ADA)).toMatchObject({
      ok: true,
      value: { endedBefore: true },
    });
    expect(await operations.cancel('drain-none', '', ADA)).toMatchObject({ ok: false, issues: [{ code: 'NotFound' }] });
    expect(events).toEqual(['OperationBegan chat/cpu', 'OperationCancelled chat/cpu']);
  });

  it('is begun once for one key of one author', async () => {
    const { operations } = world();
    const key = { idempotencyKey: 'k1' };
    const first = await begun(operations, drain({}, key));
    const again = await begun(operations, drain({}, key));
    expect(again).toMatchObject({ replayed: true, operation: { id: first.operation.id } });
    expect(operations.list(false)).toHaveLength(1);
    expect(await operations.begin(drain({}, { ...key, pool: 'gpu' } as never), ADA)).toMatchObject({
      ok: false,
      issues: [{ code: 'Refused', path: 'idempotency_key' }],
    });
    const other = await operations.begin(drain({}, key), 'somebody else');
    expect(other).toMatchObject({ ok: true, value: { replayed: false } });
  });

  it('is only told of in a dry run', async () => {
    const { operations, drained, events, saves } = world();
    expect(await begun(operations, drain({ dryRun: true }))).toMatchObject({ operation: { target: 'chat/cpu' } });
    expect([drained(), events, operations.list(true), saves()]).toEqual([[], [], [], 0]);
  });

  it('needs an end', async () => {
    const { operations } = world();
    expect(await operations.begin(drain({ end: undefined }), ADA)).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', path: 'end' }],
    });
  });

  it('survives a restart in the middle, and lapses at the first tick of one that comes after its end', async () => {
    const before = world();
    await begun(before.operations, drain());
    const stored = JSON.parse(JSON.stringify(before.operations.book));
    const middle = world();
    middle.fleet.nowMs = before.fleet.nowMs + 5000;
    middle.operations.restore(stored);
    middle.tick();
    expect(middle.drained()).toHaveLength(1);
    expect(middle.events).toEqual([]);
    const late = world();
    late.fleet.nowMs = before.fleet.nowMs + 60_000;
    late.operations.restore(stored);
    late.seconds(3);
    expect(late.drained()).toEqual([]);
    expect(late.events).toEqual(['OperationLapsed chat/cpu']);
  });

  it('runs although disk and trail fail, and whoever began it is told', async () => {
    const { operations, drained } = world({
      saves: false,
      record: () => Promise.reject(new LoadlineError('LOADLINE_STORE', 'no space left')),
    });
    const { notes } = await begun(operations, drain());
    expect(drained()).toHaveLength(1);
    expect(notes.slice(-2)).toEqual([
      expect.stringContaining('the checkpoint cannot be written'),
      expect.stringContaining('the audit trail cannot be written'),
    ]);
    await operations.settled();
  });

  it('without a store is no business of a trail', async () => {
    const { operations } = world({ record: () => undefined });
    expect((await begun(operations, drain())).notes).toHaveLength(1);
  });

  it('tells when it loses its effect, since nobody else is left, and when it has it again', async () => {
    const { operations, fleet, events, drained } = world();
    await begun(operations, drain());
    const without = fleet.input().endpointSets.map((set) => (set.pool === 'gpu' ? { ...set, endpoints: [] } : set));
    operations.ticked(fleet.tick({ endpointSets: without }));
    expect(drained()).toEqual([]);
    expect(operations.views()[0]?.note).toContain('suspended');
    operations.ticked(fleet.tick());
    expect(operations.views()[0]?.note).toBeNull();
    expect(events.slice(1)).toEqual(['OperationSuspended chat/cpu', 'OperationResumed chat/cpu']);
  });
});

describe('the audit trail', () => {
  it('tells each beginning, cancel and end, and its chain holds', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-operations-'));
    try {
      const { store } = await EmbeddedStore.open({ folder: storeFolder(folder) });
      const { operations, seconds } = world({ record: (entry) => store.record(entry) });
      await begun(operations, drain());
      const { operation } = await begun(operations, {
        ...drain(),
        what: { kind: 'Shed', service: 'chat', percent: 20, reason: 'see https://ada:hunter2@wiki', force: false },
      });
      await operations.cancel(operation.id, 'enough', 'spiffe://lab/bob');
      seconds(12);
      await operations.settled();
      const trail = await store.audit({ limit: 10 });
      expect(trail.map(({ action, author, reason }) => [action, author, reason])).toEqual([
        ['Lapse', 'loadline', 'its end has come'],
        ['Cancel', 'spiffe://lab/bob', 'enough'],
        ['Shed', ADA, 'see https://[redacted]@wiki'],
        ['Drain', ADA, 'kernel update'],
      ]);
      expect(trail[2]?.details).toMatchObject({ id: operation.id, target: 'chat', percent: '20' });
      await store.close();
      expect(await verifyStoredTrail(storeFolder(folder))).toMatchObject({ ok: true, records: 4 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
