import { describe, expect, it } from 'vitest';
import {
  buildExplainView,
  buildProxyConfigView,
  buildServerView,
  type ExplainView,
  type ProxyConfigInput,
  type ViewInput,
} from '../../../src/edge/observe/index.ts';
import { Fleet, fleetPolicy } from '../../core/control/fleet.ts';
import { loaded, service } from '../../core/policy/load.ts';
import { POLICY_VIEW, serverView, viewInput } from './a-view.ts';

function explained(input: ViewInput, target: Parameters<typeof buildExplainView>[1]): ExplainView {
  const result = buildExplainView(input, target);
  if (!result.ok) expect.fail(result.issues[0]?.message);
  return result.value;
}

function refusal(input: ViewInput, target: Parameters<typeof buildExplainView>[1]) {
  const result = buildExplainView(input, target);
  return result.ok ? expect.fail('it was found') : result.issues;
}

describe('the server view', () => {
  it('before the first plan is empty, not wrong', () => {
    const view = serverView(0, { tick: 0 });
    expect(view).toMatchObject({ revision: 'r1', tick: 0, services: [], nodes: [], sources: [], policy: POLICY_VIEW });
  });

  it('shows the weights of the plan, with shares that add up to the split of the pool', () => {
    const input = viewInput(40);
    const [chat] = buildServerView(input).services;
    const [pool] = chat?.pools ?? [];
    const decisions = input.plan?.decisions.chat?.endpoints ?? [];
    expect(pool?.endpoints.map(({ id, weight, share }) => ({ id, weight, share }))).toEqual(
      decisions.map(({ id, weight, share }) => ({ id, weight, share })),
    );
    expect(pool?.endpoints[0]?.reason).toMatch(/^aims at /);
    expect(pool?.split).toBeCloseTo(1, 9);
    expect(chat?.outcome).toBe(input.plan?.decisions.chat?.outcome);
    expect(chat?.decidedAtMs).toBe(input.plan?.decisions.chat?.decidedAtMs);
  });

  it('calls an endpoint stale when neither its engine nor a sidecar says anything, and draining above all', () => {
    const states = (input: ViewInput) =>
      buildServerView(input).services.flatMap(({ pools }) =>
        pools.flatMap(({ endpoints }) => endpoints.map((e) => e.state)),
      );
    const input = viewInput(30);
    expect(states(input)).toEqual(['Active', 'Active', 'Active']);
    expect(states({ ...input, loads: {} })).toEqual(['Stale', 'Stale', 'Stale']);
    const chat = input.loads.chat!;
    expect(states({ ...input, loads: { chat: { ...chat, loadReports: 'Silent' } } })).toEqual([
      'Stale',
      'Stale',
      'Stale',
    ]);
    const [first, second, third] = chat.endpoints as [never, never, never];
    const endpoints = [
      { ...(first as object), bad: true },
      { ...(second as object), waiting1st: true },
      { ...(third as object), rampAgeSec: 29 },
    ] as unknown as typeof chat.endpoints;
    const changed = { ...input, loads: { chat: { ...chat, endpoints } } };
    expect(states(changed)).toEqual(['Bad', 'WarmingUp', 'WarmingUp']);
    const draining = (input.plan?.endpoints.chat ?? []).map((endpoint) => ({
      ...endpoint,
      lifecycle: 'Draining' as const,
    }));
    expect(states({ ...changed, plan: { ...input.plan!, endpoints: { chat: draining } } })).toEqual([
      'Draining',
      'Draining',
      'Draining',
    ]);
  });

  it('shows who left until it is done, also of a pool that the policy has no more', () => {
    const input = viewInput(5);
    const [one, ...others] = input.plan?.endpoints.chat ?? [];
    const since = { lifecycle: 'Draining', leavingSinceMs: 1_800_000_000_000 } as const;
    const plan = {
      ...(input.plan as NonNullable<typeof input.plan>),
      endpoints: { chat: [{ ...(one as NonNullable<typeof one>), pool: 'old', ...since }, ...others] },
    };
    const [chat] = buildServerView({ ...input, plan }).services;
    expect(chat?.pools.map(({ name, note, endpoints }) => [name, note, endpoints.length])).toEqual([
      ['gpu', undefined, 2],
      ['old', 'removed from the policy: its endpoints drain', 1],
    ]);
    expect(chat?.pools[1]?.endpoints[0]).toMatchObject({ state: 'Draining', leavingSinceMs: since.leavingSinceMs });
    expect(chat?.pools[0]?.endpoints[0]?.leavingSinceMs).toBeNull();
  });

  it('says why a pool is empty', () => {
    const policy = loaded(
      service([], 'chat', 'pools: [{ name: gpu, endpoints: { dns: { name: chat.svc, port: 80 } } }]'),
    );
    const fleet = new Fleet(policy, []);
    const plan = fleet.tick();
    const [chat] = serverView(0, { plan, loads: fleet.loads }).services;
    expect(chat?.pools[0]).toMatchObject({ endpoints: [], note: 'empty: endpoints.dns is accepted, not enforced yet' });
  });

  it('says null where nothing is known, never 0 and never NaN', () => {
    const input = viewInput(0, { plan: new Fleet(fleetPolicy(), [1, 1, 1]).tick() });
    const broken = { ...input, issuedShares: { 'chat/gpu/10.0.0.1:8000': Number.NaN } };
    for (const endpoint of buildServerView(broken).services[0]?.pools[0]?.endpoints ?? []) {
      expect(endpoint).toMatchObject({
        issuedShare: null,
        pressure: null,
        inFlight: null,
        ageMs: null,
        signalAgesMs: {},
      });
    }
  });

  it('is not led astray by names that JavaScript knows', () => {
    const fleet = new Fleet(fleetPolicy({ name: 'constructor' }), [9, 9, 9]);
    const input = viewInput(0, { plan: fleet.tick(), loads: {} });
    const view = buildServerView({ ...input, plan: { ...input.plan!, decisions: {} } });
    expect(view.services[0]).toMatchObject({ name: 'constructor', outcome: 'Undecided', decidedAtMs: null });
    expect(explained(input, { service: 'constructor' }).sidecars).toBe(0);
  });
});

describe('an explanation', () => {
  it('has the terms that make the target, the belief they stand on, and the weights before and after', () => {
    const input = viewInput(40);
    const view = explained(input, { service: 'chat' });
    expect(view).toMatchObject({
      service: 'chat',
      sidecars: 2,
      loadReports: 'Fresh',
      equal: false,
      nowMs: input.nowMs,
    });
    expect(view.endpoints).toHaveLength(3);
    const [fast, , slow] = view.endpoints;
    expect(slow?.terms?.capacity).toBeLessThan(fast?.terms?.capacity as number);
    expect(slow?.belief?.inFlight).toBeGreaterThan(0);
    expect(slow?.belief?.capacitySource).toBe('LoadReports');
    expect(slow?.weight).toBeLessThan(fast?.weight as number);
    expect(slow?.reason).not.toBe('');
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });

  it('tells what is to be known of a belief, in words', () => {
    const said = (service: string) => new Map([['chat/gpu/10.0.0.2:8000', [`a note of ${service}`]]]);
    const { endpoints } = explained(viewInput(3, { notes: said }), { service: 'chat' });
    expect(endpoints.map(({ belief }) => belief?.notes)).toEqual([[], ['a note of chat'], []]);
  });

  it('agrees with the server view about every endpoint', () => {
    const input = viewInput(40);
    const rows = buildServerView(input).services[0]?.pools[0]?.endpoints ?? [];
    const pick = ({ id, weight, share, state, reason }: (typeof rows)[number] | ExplainView['endpoints'][number]) => ({
      id,
      weight,
      share,
      state,
      reason,
    });
    expect(explained(input, { service: 'chat' }).endpoints.map(pick)).toEqual(rows.map(pick));
  });

  it('narrows to a pool and to an endpoint', () => {
    const input = viewInput(5);
    expect(explained(input, { service: 'chat', pool: 'gpu' }).endpoints).toHaveLength(3);
    const one = explained(input, { service: 'chat', pool: 'gpu', endpoint: '10.0.0.2:8000' });
    expect(one.endpoints.map(({ id }) => id)).toEqual(['chat/gpu/10.0.0.2:8000']);
  });

  it('of something unknown names what is known', () => {
    const input = viewInput(5);
    expect(refusal(input, { service: 'caht' })).toEqual([
      { code: 'NotFound', path: 'service', message: 'no service "caht"; known: chat' },
    ]);
    expect(refusal(input, { service: 'chat', pool: 'cpu' })[0]?.message).toBe('no pool "cpu"; known: gpu');
    expect(refusal(input, { service: 'chat', pool: 'gpu', endpoint: '10.0.0.9:1' })[0]?.message).toBe(
      'no endpoint "10.0.0.9:1"; known: 10.0.0.1:8000, 10.0.0.2:8000, 10.0.0.3:8000',
    );
    expect(refusal(viewInput(0), { service: 'chat' })[0]?.message).toBe(
      'no service "chat"; there is no service at all',
    );
  });

  it('of something unknown stays short where much is known', () => {
    const servers = 50;
    const fleet = new Fleet(
      fleetPolicy({ servers }),
      Array.from({ length: servers }, () => 9),
    );
    const input = viewInput(0, { plan: fleet.tick(), loads: fleet.loads });
    const message = refusal(input, { service: 'chat', pool: 'gpu', endpoint: 'x' })[0]?.message ?? '';
    expect(message).toMatch(/ and 30 more$/);
  });
});

describe('the configuration of a sidecar', () => {
  const input = (...connected: readonly string[]): ProxyConfigInput => ({
    nowMs: 0,
    policyRevision: 'r1',
    node: undefined,
    connected: () => connected,
  });
  const message = (of: ProxyConfigInput, node: string): string | undefined => {
    const result = buildProxyConfigView(of, { node });
    return result.ok ? expect.fail('it was found') : result.issues[0]?.message;
  };

  it('of one that is not connected names the ids that are most like it, and how many there are', () => {
    const ids = Array.from({ length: 5000 }, (_, at) => `pod-${at}`);
    expect(message(input(...ids), 'pod-4999x')).toBe(
      'no sidecar "pod-4999x" is connected; there are: pod-4999, pod-499, pod-4990, pod-4991, pod-4992 and 4995 more',
    );
    expect(message(input('b', 'a'), 'c')).toBe('no sidecar "c" is connected; there are: a, b');
    expect(message(input(), 'c')).toBe('no sidecar "c" is connected; none is');
  });
});
