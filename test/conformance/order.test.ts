import { describe, expect, it } from 'vitest';
import { acceptUntil, BOUNDED_MS, holds, Lab, namesOf, QUIET_MS, settle } from './lab.ts';
import { linesOf, VARIANTS } from './protocol.ts';
import { clusterWithHosts, edsCluster, resource, routedListener, routeTo, type Spec } from './resources.ts';
import type { WireClient } from './wire-client.ts';
import { inWords, type Response } from './wire-message.ts';

// xds_protocol.rst, "Eventual consistency considerations" (make before break), "Resource warming"; envoy#13009,
// envoy#13910: routes are not warmed, so what they name has to be in place.

/** Longer than any server needs to send what it does not hold back. */
const HELD_MS = 400;
/** Much less than a server may hold something back. */
const PROMPT_MS = 2000;

/** A client that has all of a world with clusters `a…`, the listener `l` and its routes. */
async function synced(lab: Lab, variant: (typeof VARIANTS)[number], world: readonly Spec[]): Promise<WireClient> {
  await lab.set(...world);
  const client = lab.open({ variant });
  const names = (type: string): string[] => world.filter((spec) => spec.type === type).map(({ name }) => name);
  client.subscribe('cds');
  client.subscribe('eds', ...names('eds'));
  client.subscribe('lds');
  client.subscribe('rds', ...names('rds'));
  await acceptUntil(client, () => holds(client, ...world));
  await client.silent(QUIET_MS);
  return client;
}

/** What came, in words, without responses that bring nothing: in state of the world they mean nothing for routes. */
function told(heard: readonly Response[]): string[] {
  return heard.filter(({ items, removed }) => items.length + removed.length > 0).map(inWords);
}

const CHILDREN = [
  ['cds', 'eds'],
  ['lds', 'rds'],
] as const;

/** What Envoy does: asks for the assignments of its clusters and the routes of its listeners, and gives them up with these. */
function follow(client: WireClient): void {
  for (const [parent, child] of CHILDREN) {
    const needed = client.holds(parent);
    const wanted = client.wants(child);
    const subscribe = needed.filter((name) => !wanted.includes(name));
    const unsubscribe = wanted.filter((name) => !needed.includes(name));
    if (subscribe.length > 0) client.subscribe(child, ...subscribe);
    if (unsubscribe.length > 0) client.unsubscribe(child, ...unsubscribe);
  }
}

/** Accepts and follows until it is `done`; what came, in words. */
async function liveThrough(client: WireClient, done: () => boolean): Promise<string[]> {
  const heard: Response[] = [];
  while (!done()) {
    heard.push(await client.accept());
    follow(client);
  }
  return told(heard);
}

const LISTENER = routedListener('l');

describe.concurrent('make before break', () => {
  it.for(VARIANTS)('%s: a client that asks for all at once gets clusters first and routes last', async (variant) => {
    const world = [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')];
    for (let round = 0; round < 4; round += 1) {
      await using lab = await Lab.start(...world);
      const client = lab.open({ variant });
      client.subscribe('cds');
      client.subscribe('eds', 'a');
      client.subscribe('lds');
      client.subscribe('rds', 'l');
      const heard = told(await acceptUntil(client, () => holds(client, ...world)));
      expect(heard).toEqual(['cds +a', 'eds +a', 'lds +l', 'rds +l']);
    }
  });

  it.for(VARIANTS)('%s: what joins comes as cluster, assignment, listener, route', async (variant) => {
    await using lab = await Lab.start();
    const before = [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')];
    const client = await synced(lab, variant, before);
    client.subscribe('eds', 'b');
    client.subscribe('rds', 'm');
    await settle(client);
    const world = [...before, ...clusterWithHosts('b'), routedListener('m'), routeTo('m', 'b')];
    await lab.set(...world);
    const heard = told(await acceptUntil(client, () => holds(client, ...world)));
    const whole = variant === 'sotw' ? ['cds +a,b', 'lds +l,m'] : ['cds +b', 'lds +m'];
    expect(heard).toEqual([whole[0], 'eds +b', whole[1], 'rds +m']);
  });

  it.for(VARIANTS)('%s: so it does for a client that asks as it learns', async (variant) => {
    await using lab = await Lab.start();
    const before = [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')];
    const client = await synced(lab, variant, before);
    const world = [...before, ...clusterWithHosts('b'), routedListener('m'), routeTo('m', 'b')];
    await lab.set(...world);
    const heard = await liveThrough(client, () => holds(client, ...world));
    // The listener may come before the assignment is asked for: it warms until its routes come, and they come last.
    expect(heard.map((words) => words.slice(0, 3)).filter((type) => type !== 'lds')).toEqual(['cds', 'eds', 'rds']);
    expect(heard).toHaveLength(4);
  });

  it.for(VARIANTS)('%s: a route that moves keeps its old cluster until it has moved', async (variant) => {
    await using lab = await Lab.start();
    const client = await synced(lab, variant, [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')]);
    const world = [...clusterWithHosts('b'), LISTENER, routeTo('l', 'b')];
    await lab.set(...world);
    const heard = await liveThrough(client, () => holds(client, ...world) && client.holds('cds').length === 1);
    expect(heard.slice(0, 3)).toEqual([variant === 'sotw' ? 'cds +a,b' : 'cds +b', 'eds +b', 'rds +l']);
    const last = variant === 'sotw' ? ['cds +b'] : ['cds -a', 'eds -a'];
    expect(last).toEqual(expect.arrayContaining(heard.slice(3)));
  });

  it.for(VARIANTS)('%s: a route to a new cluster waits for the ACK of its assignment', async (variant) => {
    await using lab = await Lab.start();
    const client = await synced(lab, variant, [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')]);
    await lab.set(...clusterWithHosts('a'), ...clusterWithHosts('b'), LISTENER, routeTo('l', 'a', 'b'));
    await client.accept('cds');
    await client.silent(HELD_MS, 'rds');
    client.subscribe('eds', 'b');
    const assignment = await client.next('eds');
    expect(namesOf(assignment)).toContain('b');
    await client.silent(HELD_MS, 'rds');
    client.ack(assignment);
    await client.accept('rds');
    expect(holds(client, routeTo('l', 'a', 'b'))).toBe(true);
  });

  it.for(VARIANTS)('%s: and is let go when the ACK does not come', async (variant) => {
    await using lab = await Lab.start();
    const client = await synced(lab, variant, [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')]);
    await lab.set(...clusterWithHosts('a'), ...clusterWithHosts('b'), LISTENER, routeTo('l', 'a', 'b'));
    await client.accept('cds');
    client.subscribe('eds', 'b');
    await client.next('eds');
    expect(namesOf(await client.accept('rds', BOUNDED_MS))).toEqual(['l']);
  });

  it.for(VARIANTS)('%s: a cluster goes when the route without it is ACKed, not before', async (variant) => {
    await using lab = await Lab.start();
    const [a, b] = [clusterWithHosts('a'), clusterWithHosts('b')];
    const client = await synced(lab, variant, [...a, ...b, LISTENER, routeTo('l', 'a', 'b')]);
    await lab.set(...a, LISTENER, routeTo('l', 'a'));
    const route = await client.next();
    expect(inWords(route)).toBe('rds +l');
    await client.silent(HELD_MS);
    client.ack(route);
    await client.accept('cds');
    expect(client.holds('cds')).toEqual(['a']);
  });

  it.for(linesOf(['rds', 'cds']))('%s: does not wait for types that the client has not asked for', async (line) => {
    const { type } = line;
    const world = (...names: string[]): Spec[] => [
      ...names.flatMap((name) => clusterWithHosts(name)),
      routeTo('l', ...names),
    ];
    await using lab = await Lab.start(...world('a'));
    const client = lab.open(line);
    client.subscribe(type, ...(type === 'rds' ? ['l'] : []));
    await client.accept(type, PROMPT_MS);
    for (const names of [['a', 'b'], ['b']]) {
      await lab.set(...world(...names));
      await acceptUntil(
        client,
        () => holds(client, ...world(...names).filter((spec) => spec.type === type)),
        PROMPT_MS,
      );
      if (type === 'cds') await acceptUntil(client, () => client.holds('cds').join() === names.join(), PROMPT_MS);
    }
  });

  it.for(VARIANTS)('%s: new weights wait for nobody', async (variant) => {
    await using lab = await Lab.start();
    const a = edsCluster('a');
    const client = await synced(lab, variant, [...clusterWithHosts('a'), LISTENER, routeTo('l', 'a')]);
    await lab.set(a, resource('eds', 'a'), ...clusterWithHosts('b'), LISTENER, routeTo('l', 'a', 'b'));
    await client.next('cds');
    await lab.set(a, resource('eds', 'a', 7), ...clusterWithHosts('b'), LISTENER, routeTo('l', 'a', 'b'));
    await acceptUntil(client, () => holds(client, resource('eds', 'a', 7)), 3000);
  });
});

describe.concurrent('warming', () => {
  it.for(
    VARIANTS,
  )('%s: a changed cluster is followed by its assignment, unchanged, and by no other', async (variant) => {
    const hosts = [resource('eds', 'a'), resource('eds', 'b')];
    await using lab = await Lab.start(edsCluster('a'), edsCluster('b'), ...hosts);
    const client = lab.open({ variant });
    client.subscribe('cds');
    await client.accept('cds');
    client.subscribe('eds', 'a', 'b');
    await acceptUntil(client, () => holds(client, ...hosts));
    const before = client.held('eds').get('a');
    for (let rev = 2; rev < 4; rev += 1) {
      await lab.set(edsCluster('a', rev), edsCluster('b'), ...hosts);
      expect((await client.accept()).type).toBe('cds');
      const again = await client.accept();
      expect(inWords(again)).toBe('eds +a');
      expect(again.items[0]).toMatchObject({ hasBody: true, version: before?.version, body: before?.body });
      await client.silent(QUIET_MS);
    }
  });

  it('sotw: an Envoy that asks again after the change gets it once', async () => {
    await using lab = await Lab.start(...clusterWithHosts('a'));
    const client = lab.open({ variant: 'sotw' });
    client.subscribe('cds');
    await client.accept('cds');
    client.subscribe('eds', 'a');
    await client.accept('eds');
    await lab.set(...clusterWithHosts('a', 2));
    await client.accept('cds');
    client.subscribe('eds', 'a');
    await client.accept('eds');
    await client.silent(QUIET_MS);
  });
});
