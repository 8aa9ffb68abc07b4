import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Resource, TYPE_URL } from '../../../../src/core/resources/index.ts';
import type { TypeView } from '../../../../src/core/snapshot/index.ts';
import {
  ClientStream,
  type DeltaRequest,
  KnownSets,
  type Outgoing,
  type Subscription,
} from '../../../../src/core/subscriptions/index.ts';

const CLA = TYPE_URL.endpoint as string;

function resource(name: string, version: string, ttlMs?: number): Resource {
  const bytes = Buffer.from(`${name}@${version}`);
  return { typeUrl: CLA, name, version, bytes, delta: bytes, needs: [], ...(ttlMs === undefined ? {} : { ttlMs }) };
}

function view(...resources: readonly Resource[]): TypeView {
  return new Map(resources.map((one) => [one.name, one]));
}

function request(part: Partial<DeltaRequest> = {}): DeltaRequest {
  return { subscribe: [], unsubscribe: [], initialVersions: {}, nonce: '', ...part };
}

/** A stream with one subscription and its own nonces, as the server would drive it. */
class Driver {
  readonly stream = new ClientStream({ variant: 'Delta', sets: new KnownSets(), aggregated: true });
  nonce = 0;
  nowMs = 1000;

  get subscription(): Subscription {
    return this.stream.subscriptions[0] as Subscription;
  }

  ask(part: Partial<DeltaRequest>) {
    return this.stream.receiveDelta(CLA, request(part), this.nowMs);
  }

  next(of: TypeView): Outgoing | undefined {
    const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
    this.stream.publish({ key, types: new Map([[CLA, of]]) });
    const out = this.stream.next(this.nowMs, () => true);
    if (out === undefined) return undefined;
    this.nonce += 1;
    this.stream.sent(out, String(this.nonce), this.nowMs);
    return out;
  }

  names(of: TypeView): readonly string[] | undefined {
    return this.next(of)?.resources.map(({ name }) => name);
  }

  refused(): readonly string[] {
    return this.stream.refusals().map(({ name }) => name);
  }

  ack(nonce = this.nonce) {
    return this.ask({ nonce: String(nonce) });
  }

  nack(message: string, nonce = this.nonce) {
    return this.ask({ nonce: String(nonce), errorDetail: { message } });
  }
}

describe('subscribing', () => {
  it('says nothing before the client spoke', () => {
    expect(new Driver().next(view(resource('a', '1')))).toBeUndefined();
  });

  it('an empty first request is a wildcard: everything, sorted, once', () => {
    const driver = new Driver();
    driver.ask({});
    const all = view(resource('b', '1'), resource('a', '1'));
    expect(driver.names(all)).toEqual(['a', 'b']);
    driver.ack();
    expect(driver.next(all)).toBeUndefined();
  });

  it('names get only what they name; a later name is sent alone', () => {
    const driver = new Driver();
    const all = view(resource('a', '1'), resource('b', '1'), resource('c', '1'));
    driver.ask({ subscribe: ['b'] });
    expect(driver.names(all)).toEqual(['b']);
    driver.ask({ subscribe: ['c'], nonce: String(driver.nonce) });
    expect(driver.names(all)).toEqual(['c']);
  });

  it('a name that does not exist is answered as removed, once, and sent when it comes to be', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['ghost'] });
    expect(driver.next(view())).toMatchObject({ resources: [], removed: ['ghost'] });
    driver.ack();
    expect(driver.next(view())).toBeUndefined();
    expect(driver.names(view(resource('ghost', '1')))).toEqual(['ghost']);
  });

  it('a re-subscription is answered with the same version again', () => {
    const driver = new Driver();
    const all = view(resource('a', '1'));
    driver.ask({ subscribe: ['a'] });
    driver.next(all);
    driver.ack();
    driver.ask({ subscribe: ['a'] });
    expect(driver.names(all)).toEqual(['a']);
    driver.ack();
    expect(driver.next(all)).toBeUndefined();
  });

  it('unsubscribing is silent, and what changes afterwards is not sent', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['a', 'b'] });
    driver.next(view(resource('a', '1'), resource('b', '1')));
    driver.ask({ unsubscribe: ['a'] });
    expect(driver.names(view(resource('a', '2'), resource('b', '2')))).toEqual(['b']);
  });

  it('unsubscribing a name under a wildcard is answered, since the client cannot know whether the wildcard covers it', () => {
    const driver = new Driver();
    const all = view(resource('a', '1'));
    driver.ask({});
    driver.next(all);
    driver.ack();
    driver.ask({ subscribe: ['a', 'gone'] });
    expect(driver.next(all)).toMatchObject({ removed: ['gone'] });
    driver.ask({ unsubscribe: ['a'] });
    expect(driver.names(all)).toEqual(['a']);
    driver.ask({ unsubscribe: ['gone'] });
    expect(driver.next(all)?.removed).toEqual(['gone']);
  });

  it('leaving the wildcard keeps the names', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['*', 'a'] });
    driver.next(view(resource('a', '1'), resource('b', '1')));
    driver.ask({ unsubscribe: ['*'] });
    expect(driver.names(view(resource('a', '2'), resource('b', '2')))).toEqual(['a']);
  });
});

describe('reconnecting', () => {
  it('sends nothing for equal versions, the new one for another, and the removal of what went meanwhile', () => {
    const driver = new Driver();
    driver.ask({ initialVersions: { same: '1', old: '1', gone: '1' } });
    const now = view(resource('same', '1'), resource('old', '2'));
    expect(driver.names(now)).toEqual(['old']);
    // It may be an Envoy that asks for its clusters next, and then its assignments go after them.
    expect(driver.next(now)).toBeUndefined();
    driver.nowMs = driver.stream.nextWakeMs() as number;
    expect(driver.next(now)).toMatchObject({ resources: [], removed: ['gone'] });
    expect(driver.next(now)).toBeUndefined();
  });

  it('names that are also listed with their version are not sent again', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['a'], initialVersions: { a: '1' } });
    expect(driver.next(view(resource('a', '1')))).toBeUndefined();
  });
});

describe('refusals (law 5)', () => {
  it('never repeats refused bytes, and sends the next version', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['a'] });
    driver.next(view(resource('a', '1')));
    driver.ack();
    driver.next(view(resource('a', 'bad')));
    expect(driver.nack('weight 0')).toMatchObject({ kind: 'Nacked', culprits: [{ name: 'a' }], message: 'weight 0' });
    expect(driver.next(view(resource('a', 'bad')))).toBeUndefined();
    expect(driver.next(view(resource('a', '1')))).toBeUndefined();
    expect(driver.names(view(resource('a', '3')))).toEqual(['a']);
  });

  it('resends the others without the resource that the text names', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['chat', 'chat-2', 'code'] });
    const all = view(resource('chat', '1'), resource('chat-2', '1'), resource('code', '1'));
    driver.next(all);
    driver.nack('goo.gle/debugstr cluster_name: "chat-2" endpoints { … } value must be greater than or equal to 1');
    expect(driver.names(all)).toEqual(['chat', 'code']);
    driver.ack();
    expect(driver.next(all)).toBeUndefined();
  });

  it('halves what it tries when the text names none, so that the culprit shows itself', () => {
    const driver = new Driver();
    const names = ['a', 'b', 'c', 'd', 'e'];
    driver.ask({ subscribe: names });
    const all = view(...names.map((name) => resource(name, '1')));
    driver.next(all);
    driver.nack('something is wrong');
    const tried: (readonly string[])[] = [];
    for (let guard = 0; guard < 10; guard += 1) {
      const group = driver.names(all);
      if (group === undefined) break;
      tried.push(group);
      // One group at a time: what a second one would be held against is not known yet.
      expect(driver.next(all)).toBeUndefined();
      if (group.includes('b')) driver.nack('something is wrong');
      else driver.ack();
    }
    // That it is b follows from a being good.
    expect(tried).toEqual([['a', 'b', 'c'], ['a', 'b'], ['a'], ['c'], ['d', 'e']]);
    expect(driver.refused()).toEqual(['b']);
    expect([...driver.subscription.acked.keys()].sort()).toEqual(['a', 'c', 'd', 'e']);
  });

  it('ends, however many are refused', () => {
    const driver = new Driver();
    const names = Array.from({ length: 1500 }, (_, index) => `c${index}`);
    driver.ask({ subscribe: names });
    const all = view(...names.map((name) => resource(name, 'bad')));
    let sent = 0;
    for (let out = driver.next(all); out !== undefined && sent < 100_000; out = driver.next(all)) {
      sent += out.resources.length;
      // As Envoy lists clusters, fifty at a time.
      const listed = out.resources.slice(0, 50).map(({ name }) => `${name}: no`);
      driver.nack(`Error adding/updating cluster(s) ${listed.join(', ')}`);
    }
    expect(driver.refused()).toHaveLength(1500);
    expect(driver.next(all)).toBeUndefined();
  });

  it('finds the culprit though every version is new, and the others get theirs', () => {
    const driver = new Driver();
    const names = Array.from({ length: 64 }, (_, index) => `e${index}`);
    driver.ask({ subscribe: names });
    const at = (revision: number): TypeView =>
      view(...names.map((name) => resource(name, name === 'e33' ? `bad${revision}` : `${revision}`)));
    const held = new Map<string, string>();
    // A change after every fourth answer.
    for (let turn = 0; turn < 200; turn += 1) {
      const out = driver.next(at(Math.floor(turn / 4)));
      if (out === undefined) continue;
      if (out.resources.some(({ version }) => version.startsWith('bad'))) driver.nack('something is wrong');
      else {
        for (const { name, version } of out.resources) held.set(name, version);
        driver.ack();
      }
    }
    expect(held.size).toBe(63);
    expect(Math.min(...[...held.values()].map(Number))).toBeGreaterThan(40);
  });

  it('a word of the text is a hint, and no proof', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['chat', 'default'] });
    const all = view(resource('chat', 'bad'), resource('default', '1'));
    driver.next(all);
    driver.nack('The default socket interface cannot bind');
    for (let guard = 0; guard < 5; guard += 1) {
      const out = driver.next(all);
      if (out === undefined) break;
      if (out.resources.some(({ version }) => version === 'bad'))
        driver.nack('The default socket interface cannot bind');
      else driver.ack();
    }
    expect(driver.refused()).toEqual(['chat']);
    expect([...driver.subscription.acked.keys()]).toEqual(['default']);
  });

  it('a refusal of an old response does not touch a newer one', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['a'] });
    driver.next(view(resource('a', '1')));
    const first = driver.nonce;
    driver.next(view(resource('a', '2')));
    driver.nack('no', first);
    driver.ack();
    expect(driver.subscription.acked.get('a')).toMatchObject({ version: '2' });
    expect(driver.next(view(resource('a', '2')))).toBeUndefined();
  });
});

describe('forcing (law 3)', () => {
  it('sends an unchanged resource again', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['a'] });
    const all = view(resource('a', '1'), resource('b', '1'));
    driver.next(all);
    driver.ack();
    driver.subscription.force('a');
    expect(driver.names(all)).toEqual(['a']);
    expect(driver.next(all)).toBeUndefined();
  });

  it('survives the refusal of a neighbour in the same response', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['a', 'b'] });
    driver.next(view(resource('a', '1'), resource('b', '1')));
    driver.ack();
    driver.subscription.force('a');
    const all = view(resource('a', '1'), resource('b', '2'));
    expect(driver.names(all)).toEqual(['a', 'b']);
    driver.nack('bad b here: cluster_name: "b"');
    expect(driver.names(all)).toEqual(['a']);
  });
});

describe('heartbeats (law 11)', () => {
  const ttl = view(resource('lapsing', '1', 15_000));

  it('come every third of the TTL, without a body', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['lapsing'] });
    driver.next(ttl);
    driver.ack();
    expect(driver.stream.nextWakeMs()).toBe(driver.nowMs + 5000);
    driver.nowMs += 4999;
    expect(driver.next(ttl)).toBeUndefined();
    driver.nowMs += 1;
    const beat = driver.next(ttl);
    expect(beat?.heartbeats.map(({ name }) => name)).toEqual(['lapsing']);
    expect(beat?.resources).toEqual([]);
    driver.nowMs += 1;
    expect(driver.next(ttl)).toBeUndefined();
  });

  it('come at once on a reconnect with the version still alive', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['lapsing'], initialVersions: { lapsing: '1' } });
    const beat = driver.next(ttl);
    expect(beat?.heartbeats).toHaveLength(1);
    expect(beat?.resources).toEqual([]);
  });

  it('keep the last good version alive while a newer one is refused', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['lapsing'] });
    driver.next(ttl);
    driver.ack();
    const newer = view(resource('lapsing', '2', 15_000));
    driver.next(newer);
    driver.nack('no');
    driver.nowMs += 5000;
    expect(driver.next(newer)?.heartbeats.map(({ version }) => version)).toEqual(['1']);
  });

  it('are the whole resource again when a client re-subscribes within a stream', () => {
    const driver = new Driver();
    driver.ask({ subscribe: ['lapsing'] });
    driver.next(ttl);
    driver.ack();
    driver.ask({ subscribe: ['lapsing'] });
    expect(driver.names(ttl)).toEqual(['lapsing']);
  });
});

describe('any history', () => {
  const NAMES = ['a', 'b', 'c'];
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('edit' as const),
      name: fc.constantFrom(...NAMES),
      version: fc.constantFrom('1', '2', '3', 'bad', ''),
    }),
    fc.record({ kind: fc.constant('subscribe' as const), name: fc.constantFrom(...NAMES) }),
    fc.record({ kind: fc.constant('unsubscribe' as const), name: fc.constantFrom(...NAMES) }),
    fc.record({ kind: fc.constant('answer' as const) }),
    fc.record({ kind: fc.constant('send' as const) }),
  );

  it('converges: a client that refuses "bad" ends with the newest good version of all it wants, and saw no refusal twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const driver = new Driver();
        driver.ask({ subscribe: ['a'] });
        const wanted = new Set(['a']);
        const held = new Map<string, string>();
        const world = new Map<string, Resource>();
        const refused = new Set<string>();
        let current: TypeView = new Map();
        const queue: { nonce: string; out: Outgoing }[] = [];
        const answer = (): void => {
          const next = queue.shift();
          if (next === undefined) return;
          const bad = next.out.resources.filter(({ version }) => version === 'bad');
          if (bad.length > 0) {
            driver.ask({ nonce: next.nonce, errorDetail: { message: 'refused' } });
            // Only a response of one is proof against its resource; the members of a larger one are tried alone.
            if (next.out.resources.length === 1) refused.add(bad[0]?.name as string);
            return;
          }
          for (const { name, version } of next.out.resources) held.set(name, version);
          for (const name of next.out.removed) held.delete(name);
          driver.ask({ nonce: next.nonce });
        };
        const send = (): boolean => {
          const out = driver.next(current);
          if (out === undefined) return false;
          const names = [...out.resources.map(({ name }) => name), ...out.removed];
          expect(new Set(names).size).toBe(names.length);
          for (const { name, version } of out.resources) expect(version === 'bad' && refused.has(name)).toBe(false);
          queue.push({ nonce: String(driver.nonce), out });
          return true;
        };
        for (const one of steps) {
          if (one.kind === 'edit') {
            if (one.version === '') world.delete(one.name);
            else world.set(one.name, resource(one.name, one.version));
            current = new Map(world);
          } else if (one.kind === 'subscribe') {
            wanted.add(one.name);
            driver.ask({ subscribe: [one.name] });
          } else if (one.kind === 'unsubscribe') {
            wanted.delete(one.name);
            held.delete(one.name);
            refused.delete(one.name);
            driver.ask({ unsubscribe: [one.name] });
          } else if (one.kind === 'answer') answer();
          else send();
        }
        for (let guard = 0; guard < 200 && (send() || queue.length > 0); guard += 1) answer();
        expect(driver.next(current)).toBeUndefined();
        for (const name of wanted) {
          const now = world.get(name)?.version;
          if (now !== 'bad') expect(held.get(name)).toBe(now);
          else expect(held.get(name)).not.toBe('bad');
        }
      }),
      { numRuns: 400 },
    );
  });
});
