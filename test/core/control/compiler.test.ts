import { describe, expect, it } from 'vitest';
import { Compiler, type Plan } from '../../../src/core/control/index.ts';
import type { ModelService, Policy } from '../../../src/core/policy/index.ts';
import { SLOT, TYPE_URL } from '../../../src/core/resources/index.ts';
import { danglingRefs, type Snapshot, snapshotKeyText, viewOf } from '../../../src/core/snapshot/index.ts';
import { aGroup, aLimit, anEndpoint, aPlan, aPolicy, aService } from '../resources/build-policy.ts';
import { at, messageOf } from '../resources/read-resource.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };
const OLD = { ...KEY, release: '1.36' };
/** Envoy's rule for connect_timeout is: above 0. A policy that was checked cannot say this; a defect of ours could. */
const BROKEN_TIMEOUTS = { ...aService('chat').timeouts, connectMs: 0 };

const hosts = [anEndpoint('chat', 9101), anEndpoint('chat', 9102)];
const [a, b] = hosts.map(({ id }) => id) as [string, string];

function plan(services: readonly ModelService[], revision: string, weights: Record<string, number> = {}): Plan {
  const policy: Policy = { ...aPolicy(services), revision };
  return aPlan(policy, { chat: hosts }, weights, ['n1']);
}

function snapshotOf(compiler: Compiler, ofPlan: Plan, key: Parameters<Compiler['snapshot']>[1] = KEY): Snapshot {
  const snapshot = compiler.snapshot(ofPlan, key);
  if (snapshot === undefined) expect.fail('there is no snapshot');
  return snapshot;
}

function version(snapshot: Snapshot, type: keyof typeof TYPE_URL, name: string): string | undefined {
  return viewOf(snapshot, TYPE_URL[type]).get(name)?.version;
}

function all(snapshot: Snapshot) {
  return [...snapshot.types.values()].flatMap((view) => [...view.values()]);
}

describe('the compiler', () => {
  it('makes a consistent set of every type, and nothing for a group that the policy does not have', () => {
    const compiler = new Compiler();
    const snapshot = snapshotOf(compiler, plan([aService('chat')], 'r1'));
    // Nothing in the policy asks for a secret yet.
    expect(Object.values(TYPE_URL).filter((url) => viewOf(snapshot, url).size === 0)).toEqual([TYPE_URL.secret]);
    expect(danglingRefs(snapshot)).toEqual([]);
    expect(compiler.refusals()).toEqual([]);
    expect(compiler.snapshot(plan([aService('chat')], 'r1'), { ...KEY, group: 'constructor' })).toBeUndefined();
  });

  it('gives an Envoy with clusters of its own the endpoints of services and pools, and nothing else', () => {
    const compiler = new Compiler();
    const pool = {
      name: 'gpu',
      origin: aService('chat').origin,
      capacityType: 'OnDemand' as const,
      endpoints: { kind: 'Static' as const, endpoints: [] },
      signals: {},
    };
    const services = [aService('chat', { pools: [pool] }), aService('code')];
    const ofNobody = { ...KEY, group: '', endpointsOnly: true };
    const snapshot = snapshotOf(compiler, plan(services, 'r1', { [a]: 700, [b]: 300 }), ofNobody);
    expect([...snapshot.types.keys()]).toEqual([TYPE_URL.endpoint]);
    const names = [...viewOf(snapshot, TYPE_URL.endpoint).keys()];
    expect(names).toEqual(['chat', 'chat/gpu', 'code']);
    for (const name of ['chat', 'chat/gpu']) {
      const message = messageOf([...viewOf(snapshot, TYPE_URL.endpoint).values()], 'endpoint', name);
      expect(at(message, 'cluster_name')).toBe(name);
    }
    // A group that the policy no longer has is as good as none: the clusters are not ours to take away.
    const later = snapshotOf(compiler, plan(services, 'r1'), { ...ofNobody, group: 'nowhere' });
    expect([...viewOf(later, TYPE_URL.endpoint).keys()]).toEqual(names);
    expect(compiler.snapshot(plan(services, 'r1'), { ...KEY, group: '' })).toBeUndefined();
  });

  it('attributes every resource to a place in the policy and to its revision', () => {
    const compiler = new Compiler();
    for (const key of [KEY, { ...KEY, group: '', endpointsOnly: true }]) {
      for (const { name, origin } of all(snapshotOf(compiler, plan([aService('chat')], 'r1'), key))) {
        expect(origin, name).toMatchObject({ line: expect.any(Number), revision: 'r1' });
      }
    }
    // What the next revision changes is its own; that of a type without any change stays.
    const slower = aService('chat', { timeouts: { ...aService('chat').timeouts, connectMs: 9000 } });
    const next = snapshotOf(compiler, plan([slower], 'r2'));
    expect(viewOf(next, TYPE_URL.cluster).get('chat')?.origin?.revision).toBe('r2');
    expect(viewOf(next, TYPE_URL.listener).get('models')?.origin?.revision).toBe('r1');
  });

  it('gives one and the same snapshot for one plan, and for the next that says the same', () => {
    const compiler = new Compiler();
    const first = snapshotOf(compiler, plan([aService('chat')], 'r1', { [a]: 700, [b]: 300 }));
    expect(snapshotOf(compiler, plan([aService('chat')], 'r1', { [a]: 700, [b]: 300 }))).toBe(first);
    expect(snapshotOf(compiler, plan([aService('chat')], 'r2', { [a]: 700, [b]: 300 }))).toBe(first);
  });

  it('compiles structure once per revision: a weight makes one new assignment and no other new object', () => {
    const compiler = new Compiler();
    const first = all(snapshotOf(compiler, plan([aService('chat')], 'r1', { [a]: 700, [b]: 300 })));
    const second = all(snapshotOf(compiler, plan([aService('chat')], 'r1', { [a]: 650, [b]: 350 })));
    const fresh = second.filter((resource) => !first.includes(resource));
    // The other assignment is a new object of the same version: the view that holds it is new anyway.
    expect(
      fresh.filter(({ version: own }) => !first.some((old) => old.version === own)).map(({ name }) => name),
    ).toEqual(['chat']);
    expect(new Set(fresh.map(({ typeUrl }) => typeUrl))).toEqual(new Set([TYPE_URL.endpoint]));
  });

  it('shares the bytes of assignments between all keys of a group', () => {
    const compiler = new Compiler();
    const one = plan([aService('chat')], 'r1', { [a]: 700, [b]: 300 });
    const overridden = { ...KEY, listenerOverrides: { models: '127.0.0.1:15011' } };
    const [newest, oldest, own] = [KEY, OLD, overridden].map((key) => snapshotOf(compiler, one, key));
    for (const name of ['chat', 'loadline_sidecars']) {
      const resource = viewOf(newest as Snapshot, TYPE_URL.endpoint).get(name);
      expect(resource).toBeDefined();
      expect(viewOf(oldest as Snapshot, TYPE_URL.endpoint).get(name)).toBe(resource);
      expect(viewOf(own as Snapshot, TYPE_URL.endpoint).get(name)).toBe(resource);
    }
  });

  it('gives a key what is its own: an override moves its listener and nothing else', () => {
    const compiler = new Compiler();
    const one = plan([aService('chat')], 'r1');
    const own = snapshotOf(compiler, one, { ...KEY, listenerOverrides: { models: '127.0.0.1:15011' } });
    const usual = snapshotOf(compiler, one);
    const differing = all(own).filter(
      ({ typeUrl, name, version: v }) => viewOf(usual, typeUrl).get(name)?.version !== v,
    );
    expect(differing.map(({ typeUrl, name }) => `${typeUrl} ${name}`)).toEqual([`${TYPE_URL.listener} models`]);
    expect(at(messageOf(all(own), 'listener', 'models'), 'address.socket_address.port_value')).toBe(15011);
  });

  it('leaves out for an older Envoy only what it does not know: versions differ where bytes do', () => {
    const compiler = new Compiler();
    const one = plan([aService('chat')], 'r1');
    const [newest, oldest] = [snapshotOf(compiler, one), snapshotOf(compiler, one, OLD)];
    expect(all(oldest).map(({ name }) => name)).toEqual(all(newest).map(({ name }) => name));
    for (const resource of all(newest)) {
      const old = viewOf(oldest, resource.typeUrl).get(resource.name);
      const sameBytes = Buffer.compare(resource.bytes, old?.bytes ?? new Uint8Array()) === 0;
      expect(old?.version === resource.version, `${resource.typeUrl} ${resource.name}`).toBe(sameBytes);
    }
  });

  it('gives two processes the same bytes, whatever they compiled before', () => {
    const used = new Compiler();
    for (const weight of [1, 500, 1000]) used.snapshot(plan([aService('old')], `r${weight}`, { [a]: weight }), KEY);
    const one = plan([aService('chat')], 'r1', { [a]: 700, [b]: 300 });
    const texts = [used, new Compiler()].map((compiler) =>
      all(snapshotOf(compiler, one))
        .map(({ name, delta }) => `${name} ${Buffer.from(delta).toString('hex')}`)
        .sort(),
    );
    expect(texts[0]).toEqual(texts[1]);
  });

  it('forgets keys that nobody has, and makes them again when asked', () => {
    const compiler = new Compiler();
    const one = plan([aService('chat')], 'r1');
    const [newest, oldest] = [snapshotOf(compiler, one), snapshotOf(compiler, one, OLD)];
    compiler.retain([snapshotKeyText(KEY)]);
    expect(snapshotOf(compiler, one)).toBe(newest);
    expect(snapshotOf(compiler, one, OLD)).not.toBe(oldest);
    expect(snapshotOf(compiler, one, OLD)).toEqual(oldest);
  });

  it('begins for canaries of an operation with what all others have, frozen bytes included', () => {
    const CANARY = { ...KEY, track: 'Canary' } as const;
    const old = new Compiler();
    snapshotOf(old, plan([aService('chat', { hostnames: ['old.example'] })], 'r1'));
    const compiler = new Compiler(old.structures());
    const one = plan([aService('chat')], 'r1');
    const stable = snapshotOf(compiler, one);
    const fork = compiler.fork();
    const drained: Plan = { ...one, sheds: { chat: 20 }, sequence: 2 };
    const tried = snapshotOf(fork, drained, CANARY);
    expect(tried.key).toEqual(CANARY);
    for (const url of [TYPE_URL.cluster, TYPE_URL.listener, TYPE_URL.route])
      expect(viewOf(tried, url), url).toEqual(viewOf(stable, url));
    expect(viewOf(tried, TYPE_URL.runtime)).not.toEqual(viewOf(stable, TYPE_URL.runtime));
    // The very views: nobody looks for a difference where there is none.
    expect(viewOf(snapshotOf(fork, { ...one, sequence: 3 }, CANARY), TYPE_URL.cluster)).toBe(
      viewOf(stable, TYPE_URL.cluster),
    );
  });

  it('raises the bucket of a group limit with the number of its sidecars: a request costs as many tokens', () => {
    const limited = aService('chat', { rateLimits: [aLimit('team', { scope: 'Group', burst: 3 })] });
    const policy: Policy = aPolicy([limited]);
    const compiler = new Compiler();
    const tokens = (nodes: number): unknown => {
      const ids = Array.from({ length: nodes }, (_, i) => `n${i}`);
      const snapshot = snapshotOf(compiler, aPlan(policy, { chat: hosts }, {}, ids));
      const filter = messageOf(all(snapshot), 'extension', SLOT.groupRateLimit);
      return at(filter, 'typed_config.descriptors.0.token_bucket.max_tokens');
    };
    expect([1, 2, 3].map(tokens)).toEqual([3, 3, 4]);
    expect(tokens(20)).toBe(32);
    expect(tokens(0)).toBe(3);
  });
});

describe('a resource that breaks a rule of Envoy', () => {
  it('is held back with its place in the policy, and its last good version stays', () => {
    const compiler = new Compiler();
    const first = snapshotOf(compiler, plan([aService('chat')], 'r1'));
    const origin = { file: 'lab.yaml', line: 12, column: 3 };
    const second = snapshotOf(compiler, plan([aService('chat', { timeouts: BROKEN_TIMEOUTS, origin })], 'r2'));
    expect(version(second, 'cluster', 'chat')).toBe(version(first, 'cluster', 'chat'));
    expect(compiler.refusals()).toMatchObject([
      {
        resource: { name: 'chat', typeUrl: TYPE_URL.cluster, origin },
        reason: expect.stringContaining('connect_timeout'),
      },
    ]);
  });

  it('does not hold the others back: weights go on, so does another service', () => {
    const compiler = new Compiler();
    const broken = [aService('chat', { timeouts: BROKEN_TIMEOUTS }), aService('embed')];
    snapshotOf(compiler, plan([aService('chat'), aService('embed')], 'r1', { [a]: 500 }));
    const embed = aService('embed', { timeouts: { ...aService('embed').timeouts, connectMs: 1234 } });
    const before = snapshotOf(compiler, plan(broken, 'r2', { [a]: 500 }));
    const after = snapshotOf(compiler, plan([broken[0] as ModelService, embed], 'r3', { [a]: 400 }));
    expect(version(after, 'endpoint', 'chat')).not.toBe(version(before, 'endpoint', 'chat'));
    expect(version(after, 'cluster', 'embed')).not.toBe(version(before, 'cluster', 'embed'));
  });

  it('that is new leaves the structure as it was, and weights go on under it', () => {
    const compiler = new Compiler();
    const good = aService('chat');
    const before = snapshotOf(compiler, plan([good], 'r1', { [a]: 500 }));
    const added = [good, aService('new', { timeouts: BROKEN_TIMEOUTS })];
    const after = snapshotOf(compiler, plan(added, 'r2', { [a]: 400 }));
    for (const type of ['cluster', 'route', 'listener', 'extension', 'runtime'] as const) {
      expect(viewOf(after, TYPE_URL[type]), type).toBe(viewOf(before, TYPE_URL[type]));
    }
    expect(version(after, 'endpoint', 'chat')).not.toBe(version(before, 'endpoint', 'chat'));
    expect(danglingRefs(after)).toEqual([]);
    const later = snapshotOf(compiler, plan(added, 'r2', { [a]: 300 }));
    expect(version(later, 'endpoint', 'chat')).not.toBe(version(after, 'endpoint', 'chat'));
    expect(compiler.refusals().map(({ resource }) => resource.name)).toEqual(['new']);
  });

  it('is let go as soon as a version passes, or the policy asks for it no more', () => {
    const compiler = new Compiler();
    const good = aService('chat');
    snapshotOf(compiler, plan([good], 'r1'));
    snapshotOf(compiler, plan([aService('chat', { timeouts: BROKEN_TIMEOUTS })], 'r2'));
    expect(compiler.refusals()).toHaveLength(1);
    snapshotOf(compiler, plan([good], 'r3'));
    expect(compiler.refusals()).toEqual([]);
    snapshotOf(compiler, plan([good, aService('new', { timeouts: BROKEN_TIMEOUTS })], 'r4'));
    expect(compiler.refusals()).toHaveLength(1);
    snapshotOf(compiler, plan([good], 'r5'));
    expect(compiler.refusals()).toEqual([]);
  });

  it('is refused for every key that has it: another release that passes does not clear it', () => {
    const compiler = new Compiler();
    const one = plan([aService('chat', { timeouts: BROKEN_TIMEOUTS })], 'r1');
    for (let i = 0; i < 3; i++) {
      snapshotOf(compiler, one);
      snapshotOf(compiler, one, OLD);
      expect(compiler.refusals()).toHaveLength(2);
    }
    const group = aGroup([aService('chat')], { name: 'other' });
    const both: Policy = { ...one.policy, groups: [...one.policy.groups, group] };
    expect(compiler.snapshot({ ...one, policy: both }, { ...KEY, group: 'other' })).toBeDefined();
    expect(compiler.refusals()).toHaveLength(3);
  });
});
