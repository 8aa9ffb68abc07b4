import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/core/control/index.ts';
import { asksFor } from '../../../src/core/operations/index.ts';
import { AUTHOR, aFleet, ask, asked, begin } from './two-pools.ts';

const DAY_MS = 24 * 3_600_000;

describe('an operation is refused', () => {
  const fleet = aFleet();
  const issueOf = (what: Parameters<typeof ask>[1]) => {
    const planned = ask(fleet, what);
    if (planned.ok) throw new Error('it was not refused');
    return planned.issues[0];
  };

  it('without a reason, or with one that is no line of text', () => {
    for (const reason of ['', '   ', 'a\nb', 'x'.repeat(501), '\ud800'])
      expect(issueOf({ kind: 'Freeze', reason })).toMatchObject({ code: 'Invalid', path: 'reason' });
  });

  it('without an end, with one that has passed, or beyond 30 days', () => {
    for (const endsAtMs of [Number.NaN, fleet.nowMs, fleet.nowMs - 1, fleet.nowMs + 30 * DAY_MS + 1])
      expect(issueOf({ kind: 'Freeze', endsAtMs })).toMatchObject({ code: 'Invalid', path: 'end' });
    expect(ask(fleet, { kind: 'Freeze', endsAtMs: fleet.nowMs + 30 * DAY_MS }).ok).toBe(true);
  });

  it('for what is not there, with the names that are', () => {
    expect(issueOf({ kind: 'Freeze', service: 'constructor' })).toMatchObject({
      code: 'NotFound',
      path: 'service',
      message: 'no service "constructor"; known: chat',
    });
    expect(issueOf({ kind: 'Drain', pool: 'tpu' })?.message).toBe('no pool "tpu"; known: gpu, cpu');
    expect(issueOf({ kind: 'Drain', pool: 'cpu', endpoint: '10.0.0.1:8000' })).toMatchObject({
      code: 'NotFound',
      path: 'endpoint',
      message: 'no endpoint "10.0.0.1:8000"; known: 10.0.1.1:8000',
    });
    expect(issueOf({ kind: 'Failover', from: 'gpu', to: 'tpu' })).toMatchObject({ code: 'NotFound', path: 'to' });
    expect(issueOf({ kind: 'Failover', from: 'gpu', to: 'gpu' })).toMatchObject({ code: 'Invalid', path: 'to' });
    expect(issueOf({ kind: 'Drain', endpoint: '10.0.0.1:8000' })).toMatchObject({ code: 'Invalid', path: 'pool' });
  });

  it('for a percentage that is none, and for a class that no group of the service allows', () => {
    for (const percent of [0, 101, 1.5, Number.NaN])
      expect(issueOf({ kind: 'Shed', percent })).toMatchObject({ code: 'Invalid', path: 'percent' });
    const refused = issueOf({ kind: 'Shed', percent: 20, class: 'P3' });
    expect(refused).toMatchObject({ code: 'NotFound', path: 'class' });
    expect(refused?.hint).toContain('leave it out');
    const fleet = aFleet();
    const plan = fleet.state.plan as Plan;
    const groups = plan.policy.groups.map((one) => ({
      ...one,
      trafficClasses: { use: 'standard', allow: ['P2', 'P3'], default: 'P2' },
    }));
    fleet.state = { ...fleet.state, plan: { ...plan, policy: { ...plan.policy, groups } } };
    expect(ask(fleet, { kind: 'Shed', percent: 20, class: 'P1' })).toMatchObject({
      ok: false,
      issues: [{ code: 'NotFound', path: 'class', message: 'no class "P1"; known: P2, P3' }],
    });
    expect(ask(fleet, { kind: 'Shed', percent: 20, class: 'P3' })).toMatchObject({
      ok: true,
      value: { kind: 'Shed', percent: 20, class: 'P3' },
    });
  });
});

describe('a drain', () => {
  it('of one among others may begin, and says how full the others will be', () => {
    const planned = ask(aFleet(), { kind: 'Drain', pool: 'gpu', endpoint: '10.0.0.1:8000' });
    expect(planned).toMatchObject({
      ok: true,
      value: { kind: 'Drain', pool: 'gpu', endpoint: '10.0.0.1:8000', author: AUTHOR, reason: 'a test', forced: false },
    });
    expect(planned.ok && planned.warnings[0]?.message).toMatch(
      /^3 of 4 endpoints would carry all: \d+ % of what they can do by what was learned, where it is \d+ % now/,
    );
  });

  it('that would leave nobody needs force: alone, and together with those that run', () => {
    const fleet = aFleet();
    expect(ask(fleet, { kind: 'Drain' })).toMatchObject({
      ok: false,
      issues: [
        {
          code: 'Refused',
          message: 'no endpoint of chat would be left to take requests',
          hint: expect.stringContaining('--force'),
        },
      ],
    });
    begin(fleet, { kind: 'Drain', pool: 'gpu' });
    const second = ask(fleet, { kind: 'Drain', pool: 'cpu' });
    expect(second.ok ? '' : second.issues[0]?.message).toContain(`(with ${fleet.operations[0]?.id})`);
    expect(ask(fleet, { kind: 'Drain', pool: 'cpu', force: true })).toMatchObject({
      ok: true,
      value: { forced: true },
      warnings: [{ message: expect.stringContaining('forced although no endpoint of chat would be left') }],
    });
  });

  it('is not called forced where force was not needed', () => {
    expect(ask(aFleet(), { kind: 'Drain', pool: 'cpu', force: true })).toMatchObject({
      ok: true,
      value: { forced: false },
    });
  });

  it('says that another one holds the same endpoint', () => {
    const fleet = aFleet();
    begin(fleet, { kind: 'Drain', pool: 'cpu' });
    const again = ask(fleet, { kind: 'Drain', pool: 'cpu', endpoint: '10.0.1.1:8000' });
    expect(again.ok && again.warnings[0]?.message).toContain('takes out some of them already');
  });
});

describe('a failover', () => {
  it('is refused with its numbers when the rest would be above the knee', () => {
    const fleet = aFleet(3, 1);
    const planned = ask(fleet, { kind: 'Failover', from: 'gpu' });
    expect(planned).toMatchObject({ ok: false, issues: [{ code: 'Refused' }] });
    expect(planned.ok ? '' : planned.issues[0]?.message).toBe(
      '1 of 4 endpoints would carry all: 250 % of what they can do by what was learned, where it is 63 % now (40 requests in flight)',
    );
    expect(ask(fleet, { kind: 'Failover', from: 'gpu', force: true })).toMatchObject({
      ok: true,
      value: { forced: true },
    });
    expect(ask(fleet, { kind: 'Failover', from: 'cpu' })).toMatchObject({ ok: true, value: { forced: false } });
  });

  it('does not count what drains already as able to carry anything', () => {
    const fleet = aFleet(4, 4);
    expect(ask(fleet, { kind: 'Failover', from: 'gpu' }).ok).toBe(true);
    begin(fleet, { kind: 'Drain', pool: 'cpu', endpoint: '10.0.1.1:8000' });
    begin(fleet, { kind: 'Drain', pool: 'cpu', endpoint: '10.0.1.2:8000' });
    expect(ask(fleet, { kind: 'Failover', from: 'gpu' })).toMatchObject({ ok: false });
  });

  it('begins where nobody knows the load, and says that', () => {
    const fleet = aFleet();
    fleet.loads = {};
    const planned = ask(fleet, { kind: 'Failover', from: 'gpu' });
    expect(planned.ok && planned.warnings[0]?.message).toContain('is not known');
  });
});

describe('a freeze', () => {
  it('holds what is sent now, and no second one may begin', () => {
    const fleet = aFleet();
    const planned = ask(fleet, { kind: 'Freeze' });
    const sent = fleet.state.plan?.decisions.chat?.endpoints.map(({ id, weight }) => [id, weight]) ?? [];
    expect(planned).toMatchObject({ ok: true, value: { weights: Object.fromEntries(sent) } });
    begin(fleet, { kind: 'Freeze' });
    expect(ask(fleet, { kind: 'Freeze', force: true })).toMatchObject({ ok: false, issues: [{ code: 'Refused' }] });
  });

  it('waits for a probe, whose weights are nobody’s', () => {
    const fleet = aFleet();
    const endpoint = 'chat/gpu/10.0.0.1:8000';
    fleet.perturbations = [
      { kind: 'Probe', service: 'chat', endpoint, stepRatio: 0.1, startAtMs: fleet.nowMs, holdMs: 30_000, reason: '' },
    ];
    expect(ask(fleet, { kind: 'Freeze' })).toMatchObject({ ok: false, issues: [{ code: 'Refused' }] });
  });
});

describe('a repeated request', () => {
  it('is told from another one with the same key', () => {
    const fleet = aFleet();
    const what = { kind: 'Drain', pool: 'cpu', reason: ' a test ' } as const;
    const planned = ask(fleet, what);
    if (!planned.ok) throw new Error('refused');
    expect(asksFor(asked(fleet, what), planned.value)).toBe(true);
    expect(asksFor(asked(fleet, { ...what, pool: 'gpu' }), planned.value)).toBe(false);
    expect(asksFor(asked(fleet, { ...what, endpoint: '10.0.1.1:8000' }), planned.value)).toBe(false);
    expect(asksFor(asked(fleet, { ...what, reason: 'another' }), planned.value)).toBe(false);
    expect(asksFor(asked(fleet, { kind: 'Freeze' }), planned.value)).toBe(false);
  });

  it('keeps no secret that somebody wrote into its reason', () => {
    const planned = ask(aFleet(), { kind: 'Freeze', reason: 'see https://ada:hunter2@wiki/page' });
    expect(planned.ok && planned.value.reason).not.toContain('hunter2');
  });
});
