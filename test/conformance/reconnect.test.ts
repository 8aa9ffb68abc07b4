import { describe, expect, it } from 'vitest';
import { acceptUntil, BOUNDED_MS, bodiesOf, heldBy, holds, Lab, namesOf, QUIET_MS, removedIn, settle } from './lab.ts';
import { ALL, aggregated, type Line, linesOf, NAMED, VARIANTS, WHOLE } from './protocol.ts';
import { resource, type Spec } from './resources.ts';
import type { WireClient } from './wire-client.ts';

// xds_protocol.rst, "Incremental xDS" (initial_resource_versions), "ACK/NACK and resource type instance version" (what a
// server may leave out after a reconnect); istio#41494, kgateway#14703.

/** A client that has accepted all of these, and is gone. */
async function goneWith(lab: Lab, line: Line, names: readonly string[], specs: readonly Spec[]): Promise<WireClient> {
  const client = lab.open(line);
  client.subscribe(line.type, ...names);
  await acceptUntil(client, () => holds(client, ...specs));
  client.close();
  return client;
}

describe.concurrent('a client that comes back with initial_resource_versions', () => {
  const subscriptions = [
    ...linesOf(WHOLE, ['delta']).map((line) => ({ line, names: [] as string[], toString: () => `${line} wildcard` })),
    ...linesOf(ALL, ['delta']).map((line) => ({
      line,
      names: ['a', 'b', 'c', 'd'],
      toString: () => `${line} by name`,
    })),
  ];

  it.for(subscriptions)('%s: is told nothing that it knows', async ({ line, names }) => {
    const { type } = line;
    const all = ['a', 'b'].map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    const before = await goneWith(lab, line, names.slice(0, 2), all);
    const client = lab.open(line);
    client.resume(type, before);
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 2), resource(type, 'b'));
    expect(namesOf(await client.accept(type))).toEqual(['a']);
  });

  it.for(subscriptions)('%s: is told what changed, joined and went, and no more', async ({ line, names }) => {
    const { type } = line;
    const all = ['a', 'b', 'c'].map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    const before = await goneWith(lab, line, names, all);
    await lab.set(resource(type, 'a'), resource(type, 'b', 2), resource(type, 'd'));
    const client = lab.open(line);
    client.resume(type, before);
    const done = (): boolean =>
      holds(client, resource(type, 'b', 2), resource(type, 'd')) && !client.held(type).has('c');
    // What went may be told late: the client may be about to ask for what still uses it, as an Envoy does.
    if (line.via === 'aggregated' && type === 'eds') client.subscribe('cds');
    const heard = await acceptUntil(client, done, BOUNDED_MS);
    expect(heard.flatMap(namesOf).sort()).toEqual(['b', 'd']);
    expect(removedIn(heard)).toEqual(['c']);
    await client.silent(QUIET_MS, type);
  });

  it.for(linesOf(['cds', 'eds'], ['delta']))('%s: may hold what nobody knows', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const before = await goneWith(lab, line, ['a'], [resource(type, 'a')]);
    const client = lab.open(line);
    client.send(type, { subscribe: ['a'], initialVersions: { ...before.versions(type), ghost: '7' } });
    await settle(client);
    await lab.set(resource(type, 'a', 2));
    const { items } = await client.accept(type);
    expect(items).toMatchObject([{ name: 'a' }]);
  });

  it.for(linesOf(WHOLE, ['delta']))('%s: under a wildcard loses what nobody knows', async (line) => {
    await using lab = await Lab.start(resource(line.type, 'a'));
    const client = lab.open(line);
    client.send(line.type, { initialVersions: { ghost: '7' } });
    const a = resource(line.type, 'a');
    const heard = await acceptUntil(client, (all) => holds(client, a) && removedIn(all).length > 0);
    expect(removedIn(heard)).toEqual(['ghost']);
  });

  it.for(aggregated(ALL, ['delta']))('%s: finds the same versions at another replica', async (line) => {
    const all = ['a', 'b'].map((name) => resource(line.type, name));
    await using one = await Lab.start(...all);
    await using other = await Lab.start(...all.toReversed());
    const before = await goneWith(one, line, ['a', 'b'], all);
    const client = other.open(line);
    client.resume(line.type, before);
    await client.silent(QUIET_MS);
  });
});

describe.concurrent('a client that comes back with version_info', () => {
  it.for(linesOf(WHOLE, ['sotw']))('%s: under an unchanged wildcard hears all or nothing', async (line) => {
    const { type } = line;
    const all = ['a', 'b'].map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    const before = await goneWith(lab, line, [], all);
    const client = lab.open(line);
    client.resume(type, before);
    await settle(client);
    expect(heldBy(client, type)).toEqual(bodiesOf(...all));
    await lab.set(resource(type, 'a', 2), resource(type, 'b'));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a', 2), resource(type, 'b')));
  });

  it.for(linesOf(WHOLE, ['sotw']))('%s: under a wildcard hears of what happened meanwhile', async (line) => {
    const { type } = line;
    const all = ['a', 'b'].map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    const before = await goneWith(lab, line, [], all);
    await lab.set(resource(type, 'b'), resource(type, 'c'));
    const client = lab.open(line);
    client.resume(type, before);
    const c = resource(type, 'c');
    await acceptUntil(client, () => holds(client, c) && !client.held(type).has('a'), BOUNDED_MS);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'b'), c));
  });

  it.for(
    linesOf(NAMED, ['sotw']),
  )('%s: is answered: the server cannot know which names the version covers', async (line) => {
    const { type } = line;
    const all = ['a', 'b'].map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    const before = await goneWith(lab, line, ['a'], all.slice(0, 1));
    const client = lab.open(line);
    client.send(type, { names: ['a', 'b'], versionInfo: before.version(type) });
    const answer = await client.accept(type);
    expect(namesOf(answer).sort()).toEqual(['a', 'b']);
  });
});

describe.concurrent('two streams of one node', () => {
  it.for(VARIANTS)('%s: know nothing of each other', async (variant) => {
    const at = (a: number, b: number): Spec[] => [resource('eds', 'a', a), resource('eds', 'b', b)];
    await using lab = await Lab.start(...at(1, 1));
    const one = lab.open({ variant });
    const two = lab.open({ variant });
    one.subscribe('eds', 'a');
    two.subscribe('eds', 'b');
    await one.accept('eds');
    await two.accept('eds');
    await lab.set(...at(2, 1));
    await one.accept('eds');
    await two.silent(QUIET_MS);
    one.close();
    await lab.set(...at(2, 2));
    await two.accept('eds');
    two.subscribe('eds', 'a');
    await two.accept('eds');
    expect(heldBy(two, 'eds')).toEqual(bodiesOf(...at(2, 2)));
  });

  it.for(VARIANTS)('%s: and of the other variant neither, when that one goes', async (variant) => {
    const all = ['a', 'b'].map((name) => resource('cds', name));
    await using lab = await Lab.start(...all);
    const clients = VARIANTS.map((each) => lab.open({ variant: each }));
    for (const client of clients) client.subscribe('cds');
    for (const client of clients) await client.accept('cds');
    for (const client of clients) if (client.variant !== variant) client.close();
    await lab.set(resource('cds', 'a', 2));
    for (const client of clients) {
      if (client.variant !== variant) continue;
      await acceptUntil(client, () => client.holds('cds').length === 1);
      expect(heldBy(client, 'cds')).toEqual(bodiesOf(resource('cds', 'a', 2)));
    }
  });
});
