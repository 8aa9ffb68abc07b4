import { describe, expect, it } from 'vitest';
import { Notices } from '../../src/app/notices.ts';
import type { AccessSeam } from '../../src/edge/admin/index.ts';
import { aFleet } from '../core/operations/two-pools.ts';
import { ADA, world } from './operations-world.ts';

const GIVER = { author: ADA, mayFor: () => true };
const CPU = 'chat/cpu/10.0.1.1:8000';
const MINUTE_MS = 60_000;

function noticed(fleet = aFleet(), access?: AccessSeam) {
  const one = world({}, fleet);
  const notices = new Notices({
    loop: {
      get plan() {
        return fleet.state.plan;
      },
    },
    operations: one.operations,
    access: () => access,
    isOpen: access === undefined,
    now: () => fleet.nowMs,
  });
  const give = (address: string, inMs = 2 * MINUTE_MS, giver = GIVER) =>
    notices.take(
      { machine: { kind: 'Address', address }, atMs: fleet.nowMs + inMs, reason: 'Spot interruption: terminate' },
      giver,
    );
  return { ...one, notices, give };
}

describe('a notice', () => {
  it('drains what is on the machine at once, with its author and reason, as an operation that is saved and in the trail', async () => {
    const { give, drained, operations, trail, saves, fleet } = noticed();
    const goesAtMs = fleet.nowMs + 2 * MINUTE_MS;
    const taken = await give('10.0.1.1');
    expect(drained()).toEqual([CPU]);
    const shown = operations.list(false);
    expect(taken).toMatchObject({ ok: true, value: { operations: shown.map(({ id }) => ({ id })) } });
    expect(shown).toMatchObject([
      {
        kind: 'Drain',
        target: CPU,
        author: ADA,
        reason: 'Spot interruption: terminate',
        state: 'Running',
        phase: 'Everywhere',
        endsAtMs: goesAtMs + 30 * MINUTE_MS,
        note: null,
      },
    ]);
    const goesAt = new Date(goesAtMs).toISOString().replace('.000', '');
    expect(shown[0]?.effect).toBe(
      `${CPU} takes no new requests, the machine goes away at ${goesAt}; streams that run there go on until then`,
    );
    expect(saves()).toBe(1);
    expect(trail).toMatchObject([{ action: 'Drain', author: ADA, details: { target: CPU } }]);
    const decided = fleet.state.plan?.decisions.chat?.endpoints.find(({ id }) => id === CPU);
    expect(decided?.operation).toBe(`its machine goes away at ${goesAt} (Spot interruption: terminate; ${ADA})`);
  });

  it('given again, or by another source a little later, begins nothing twice', async () => {
    const { give, operations, notices, fleet } = noticed();
    const first = await give('10.0.1.1');
    expect(await give('10.0.1.1')).toMatchObject({
      ok: true,
      value: { operations: first.ok ? [{ id: first.value.operations[0]?.id }] : [] },
    });
    await give('10.0.1.1', 2 * MINUTE_MS + 5000, { author: 'spiffe://lab/agent', mayFor: () => true });
    expect(operations.list(false)).toHaveLength(1);
    // One that comes much sooner is another.
    await notices.take(
      { machine: { kind: 'Address', address: '10.0.1.1' }, atMs: fleet.nowMs + 1000, reason: 'r' },
      GIVER,
    );
    expect(operations.list(false)).toHaveLength(2);
  });

  it('that somebody cancelled is not begun again by its source', async () => {
    const { give, operations, drained } = noticed();
    await give('10.0.1.1');
    await operations.cancel(operations.list(false)[0]?.id as string, 'a drill', ADA);
    await give('10.0.1.1');
    expect(drained()).toEqual([]);
  });

  it('for another reason is another, also where both name one time', async () => {
    const { give, notices, operations, drained, fleet } = noticed();
    const machine = { kind: 'Address', address: '10.0.1.1' } as const;
    const taint = { machine, atMs: fleet.nowMs + 2 * MINUTE_MS, reason: 'node gpu-7 has the taint a' };
    await give('10.0.1.1');
    await operations.cancel(operations.list(false)[0]?.id as string, 'a drill', ADA);
    expect(await notices.take(taint, GIVER)).toMatchObject({ ok: true, value: { operations: [{ target: CPU }] } });
    expect(drained()).toEqual([CPU]);
  });

  it('that is withdrawn by its giver ends, in the trail, and no other one does', async () => {
    const { give, notices, drained, trail } = noticed();
    const machine = { kind: 'Address', address: '10.0.1.1', port: 8000 } as const;
    const reason = 'Spot interruption: terminate';
    await give('10.0.1.1');
    const nothing = { ok: true, value: { operations: [] } };
    for (const [withdrawal, giver] of [
      [{ machine, reason: 'another' }, GIVER],
      [
        { machine, reason },
        { ...GIVER, author: 'spiffe://lab/other' },
      ],
      [
        { machine, reason },
        { ...GIVER, mayFor: () => false },
      ],
      [{ machine: { kind: 'Address', address: '10.0.0.1' }, reason }, GIVER],
    ] as const)
      expect(await notices.withdraw(withdrawal, giver)).toMatchObject(nothing);
    expect(drained()).toEqual([CPU]);
    const why = 'its notice was withdrawn: the machine stays';
    expect(await notices.withdraw({ machine, reason }, GIVER)).toMatchObject({
      ok: true,
      value: { operations: [{ target: CPU, state: 'Cancelled', cancelledBy: ADA, cancelReason: why }] },
    });
    expect(drained()).toEqual([]);
    expect(trail.at(-1)).toMatchObject({ action: 'Cancel', author: ADA, reason: why });
    expect(await notices.withdraw({ machine, reason }, GIVER)).toMatchObject(nothing);
  });

  it('takes no drain by hand back with it', async () => {
    const { notices, operations, drained } = noticed();
    const what = { kind: 'Drain', service: 'chat', pool: 'cpu', endpoint: '10.0.1.1:8000', reason: 'r' } as const;
    await operations.begin(
      { what: { ...what, force: false }, end: { kind: 'For', ms: MINUTE_MS }, dryRun: false },
      ADA,
    );
    await notices.withdraw({ machine: { kind: 'Address', address: '10.0.1.1' }, reason: 'r' }, GIVER);
    expect(drained()).toEqual([CPU]);
  });

  it('ends when its endpoint has left, so that the next one there takes requests', async () => {
    const { give, operations, drained, seconds, fleet, events } = noticed();
    await give('10.0.1.1');
    seconds(1);
    expect(operations.list(false)).toHaveLength(1);
    const without = fleet.input().endpointSets.map((set) => (set.pool === 'cpu' ? { ...set, endpoints: [] } : set));
    operations.ticked(fleet.tick({ endpointSets: without }));
    expect(operations.list(true)).toMatchObject([
      { state: 'Cancelled', cancelledBy: 'loadline', cancelReason: 'its endpoint has left the pool' },
    ]);
    expect(events).toEqual([`OperationBegan ${CPU}`, `OperationCancelled ${CPU}`]);
    seconds(1);
    expect(drained()).toEqual([]);
  });

  it('ends half an hour after the deadline where the endpoint is still listed', async () => {
    const { give, operations, seconds, fleet } = noticed();
    await give('10.0.1.1');
    fleet.nowMs += 32 * MINUTE_MS - 2000;
    seconds(1);
    expect(operations.list(false)).toHaveLength(1);
    seconds(1);
    expect(operations.list(true)).toMatchObject([{ state: 'Lapsed' }]);
  });

  it('about the last endpoint lets it take requests until half a minute before the deadline', async () => {
    const { give, drained, operations, seconds, fleet, events } = noticed(aFleet(1, 1));
    await give('10.0.0.1');
    const last = await give('10.0.1.1');
    const until = new Date(fleet.nowMs + 90_000).toISOString().replace('.000', '');
    expect(last).toMatchObject({ ok: true, value: { notes: [expect.stringContaining(`until ${until}`)] } });
    expect(drained()).toEqual(['chat/gpu/10.0.0.1:8000']);
    expect(operations.list(false)[1]?.note).toBe(
      `suspended until ${until}: without its endpoints nobody would take requests of chat`,
    );
    fleet.nowMs += 88_000;
    seconds(1);
    expect(drained()).toHaveLength(1);
    seconds(1);
    expect(drained()).toHaveLength(2);
    expect(operations.list(false).map(({ note }) => note)).toEqual([null, null]);
    expect(events.filter((one) => !one.startsWith('OperationBegan'))).toEqual([
      `OperationSuspended ${CPU}`,
      `OperationResumed ${CPU}`,
    ]);
  });

  it('comes before what is drained by hand: that takes requests again', async () => {
    const { give, drained, operations } = noticed(aFleet(1, 1));
    await operations.begin(
      {
        what: { kind: 'Drain', service: 'chat', pool: 'gpu', reason: 'kernel update', force: false },
        end: { kind: 'For', ms: 10 * MINUTE_MS },
        dryRun: false,
      },
      ADA,
    );
    expect(drained()).toEqual(['chat/gpu/10.0.0.1:8000']);
    await give('10.0.1.1');
    expect(drained()).toEqual([CPU]);
  });

  it('about a machine of nobody, or of services that its giver may not speak of, is refused', async () => {
    const { give, operations } = noticed();
    for (const answer of [
      await give('10.9.9.9'),
      await give('10.0.1.1', MINUTE_MS, { author: ADA, mayFor: () => false }),
    ])
      expect(answer).toMatchObject({
        ok: false,
        issues: [{ code: 'NotFound', message: expect.stringMatching(/^no endpoint is known at address 10\./) }],
      });
    expect(operations.list(true)).toEqual([]);
  });

  it('with a reason of several lines is refused', async () => {
    const { notices, fleet } = noticed();
    const machine = { kind: 'Address', address: '10.0.1.1' } as const;
    expect(await notices.take({ machine, atMs: fleet.nowMs + 1000, reason: 'a\nb' }, GIVER)).toMatchObject({
      ok: false,
      issues: [{ code: 'Invalid', path: 'reason' }],
    });
  });
});

describe('whoever gives a notice over HTTP', () => {
  const access = (over: Partial<AccessSeam> = {}): AccessSeam => ({
    recognise: (_transport, [header]) =>
      header === 'Bearer good'
        ? { ok: true, peer: { kind: 'Bearer', issuer: 'lab', subject: 'bridge', claims: {} } }
        : { ok: false, why: 'the token is refused' },
    may: (_peer, action, resource) =>
      action === 'GiveNotice' && resource.kind === 'Service' && resource.name === 'chat',
    services: () => ['chat', 'other'],
    servicesOfGroup: () => [],
    groupOfNode: () => undefined,
    refused: () => {},
    ...over,
  });

  it('may do so with a token of whoever may, for the services that he may', async () => {
    const { notices } = noticed(aFleet(), access());
    const known = await notices.recognise('Bearer good');
    expect(known).toMatchObject({ ok: true, giver: { author: 'bridge (token of lab)' } });
    if (!known.ok) throw new Error('refused');
    expect([known.giver.mayFor('chat'), known.giver.mayFor('other')]).toEqual([true, false]);
  });

  it('is refused without a token, with a bad one, and without the role', async () => {
    const refusals: string[] = [];
    const refused = (why: string) => void refusals.push(why);
    const { notices } = noticed(aFleet(), access({ refused }));
    expect(await notices.recognise(undefined)).toMatchObject({ ok: false, status: 401 });
    expect(await notices.recognise('Bearer bad')).toMatchObject({ ok: false, status: 401 });
    const powerless = noticed(aFleet(), access({ refused, may: () => false })).notices;
    expect(await powerless.recognise('Bearer good')).toMatchObject({ ok: false, status: 403 });
    expect(refusals).toEqual(['Unauthenticated', 'Unauthenticated', 'Denied']);
  });

  it('is anybody on this machine with --dev', async () => {
    expect(await noticed().notices.recognise(undefined)).toMatchObject({
      ok: true,
      giver: { author: 'development on loopback' },
    });
  });
});
