import { describe, expect, it } from 'vitest';
import { acceptUntil, bodiesOf, heldBy, Lab, namesOf, QUIET_MS, removedIn, settle } from './lab.ts';
import { ALL, aggregated, linesOf, TYPES, WHOLE } from './protocol.ts';
import { resource, type Spec } from './resources.ts';
import { OTHER_GROUP } from './target.ts';
import type { Response } from './wire-message.ts';

// xds_protocol.rst, "How the client specifies what resources to return", "Grouping Resources into Responses",
// "Unsubscribing From Resources", "Duplicate Resource Names".

/** Whether a response of this kind lists all that is subscribed to, changed or not. */
function lists(line: { readonly variant: string; readonly type: Spec['type'] }): boolean {
  return line.variant === 'sotw' && TYPES[line.type].whole;
}

function bringsA(response: Response): boolean {
  return namesOf(response).includes('A');
}

describe.concurrent('a wildcard', () => {
  it.for(linesOf(WHOLE))('%s: a first request without names brings all, and what joins', async (line) => {
    const { type } = line;
    const [a, b, c] = ['a', 'b', 'c'].map((name) => resource(type, name)) as [Spec, Spec, Spec];
    await using lab = await Lab.start(a, b);
    const client = lab.open(line);
    client.subscribe(type);
    expect(namesOf(await client.accept(type)).sort()).toEqual(['a', 'b']);
    await client.silent(QUIET_MS);
    await lab.set(a, b, c);
    expect(namesOf(await client.accept(type)).sort()).toEqual(lists(line) ? ['a', 'b', 'c'] : ['c']);
    expect(heldBy(client, type)).toEqual(bodiesOf(a, b, c));
  });

  it.for(linesOf(WHOLE))('%s: the explicit * is the same', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, '*');
    await client.accept(type);
    expect(client.holds(type)).toEqual(['a', 'b']);
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 2), resource(type, 'b'));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a', 2), resource(type, 'b')));
  });

  it.for(linesOf(WHOLE))('%s: an empty one is answered, or the client would wait', async (line) => {
    await using lab = await Lab.start();
    const client = lab.open(line);
    client.subscribe(line.type);
    expect(await client.accept(line.type)).toMatchObject({ items: [], removed: [] });
    await client.silent(QUIET_MS);
    await lab.set(resource(line.type, 'a'));
    expect(namesOf(await client.accept(line.type))).toEqual(['a']);
  });

  it.for(linesOf(WHOLE))('%s: its contents follow from the node', async (line) => {
    await using lab = await Lab.start(resource(line.type, 'ours'));
    await lab.target.set([resource(line.type, 'theirs')], OTHER_GROUP);
    const ours = lab.open(line);
    const theirs = lab.open({ ...line, id: 'b', group: OTHER_GROUP });
    for (const client of [ours, theirs]) client.subscribe(line.type);
    expect(namesOf(await ours.accept(line.type))).toEqual(['ours']);
    expect(namesOf(await theirs.accept(line.type))).toEqual(['theirs']);
  });

  it.for(aggregated(WHOLE))('%s: {} {*,A} {A} {}: the four steps of the protocol text', async ({ variant, type }) => {
    const at = (rev: number): Spec[] => ['A', 'B'].map((name) => resource(type, name, rev));
    await using lab = await Lab.start(...at(1));
    const client = lab.open({ variant });
    client.subscribe(type);
    await client.accept(type);
    // Delta keeps the wildcard that the empty first request made; state of the world must name it.
    client.subscribe(type, ...(variant === 'delta' ? ['A'] : ['*', 'A']));
    if (variant === 'delta') expect(namesOf(await client.accept(type))).toEqual(['A']);
    await settle(client);
    await lab.set(...at(2));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(...at(2)));
    client.unsubscribe(type, '*');
    await settle(client);
    await lab.set(...at(3));
    expect(namesOf(await client.accept(type))).toEqual(['A']);
    client.unsubscribe(type, 'A');
    await client.silent(QUIET_MS);
    await lab.set(...at(4));
    await client.silent(QUIET_MS);
  });

  it.for(aggregated(WHOLE))('%s: the legacy wildcard ends at the first name', async ({ variant, type }) => {
    await using lab = await Lab.start(resource(type, 'A'), resource(type, 'B'));
    const client = lab.open({ variant });
    client.subscribe(type, 'A');
    expect(namesOf(await client.accept(type))).toEqual(['A']);
    client.unsubscribe(type, 'A');
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'A', 2), resource(type, 'B', 2));
    await client.silent(QUIET_MS);
  });

  it.for(aggregated(WHOLE))('%s: {*,A} to {A} leaves A alone', async ({ variant, type }) => {
    await using lab = await Lab.start(resource(type, 'A'), resource(type, 'B'));
    const client = lab.open({ variant });
    client.subscribe(type, '*', 'A');
    const first = await client.accept(type);
    expect(namesOf(first).sort()).toEqual(['A', 'B']);
    client.unsubscribe(type, '*');
    await settle(client);
    expect(client.holds(type)).toContain('A');
    await lab.set(resource(type, 'A'), resource(type, 'B', 2));
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'A', 2), resource(type, 'B', 2));
    expect(namesOf(await client.accept(type))).toEqual(['A']);
  });

  it.for(WHOLE)('delta %s: a name under * is answered when it comes and when it goes', async (type) => {
    await using lab = await Lab.start(resource(type, 'A'), resource(type, 'B'));
    const client = lab.open({ variant: 'delta' });
    client.subscribe(type, '*');
    await client.accept(type);
    const both = (heard: readonly Response[]): boolean => heard.some(bringsA) && removedIn(heard).length > 0;
    client.subscribe(type, 'A', 'nobody');
    expect(removedIn(await acceptUntil(client, both))).toEqual(['nobody']);
    // When a name goes, the client cannot know whether the wildcard covers it.
    client.unsubscribe(type, 'A', 'nobody');
    expect(removedIn(await acceptUntil(client, both))).toEqual(['nobody']);
    await client.silent(QUIET_MS);
    expect(client.holds(type)).toEqual(['A', 'B']);
  });
});

describe.concurrent('a subscription by name', () => {
  it.for(linesOf(ALL))('%s: brings exactly what was named', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(...['a', 'b', 'c'].map((name) => resource(type, name)));
    const client = lab.open(line);
    client.subscribe(type, 'b');
    const response = await client.accept(type);
    expect(response.typeUrl).toBe(TYPES[type].url);
    expect(response.nonce).not.toBe('');
    expect(response.removed).toEqual([]);
    expect(response.items).toMatchObject([{ name: 'b', typeUrl: TYPES[type].url }]);
    expect(line.variant === 'sotw' ? response.version : response.items[0]?.version).not.toBe('');
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'b')));
    await lab.set(resource(type, 'a', 2), resource(type, 'b'), resource(type, 'c', 2));
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 2), resource(type, 'b', 2), resource(type, 'c', 2));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'b', 2)));
  });

  it.for(linesOf(ALL))('%s: grows by a name, and shrinks without a word', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    await client.accept(type);
    client.subscribe(type, 'b');
    expect(namesOf(await client.accept(type)).sort()).toEqual(lists(line) ? ['a', 'b'] : ['b']);
    client.unsubscribe(type, 'b');
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a'), resource(type, 'b', 2));
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 2), resource(type, 'b', 2));
    expect(namesOf(await client.accept(type))).toEqual(['a']);
  });

  it.for(linesOf(ALL))('%s: a name that was dropped is sent again when it returns', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    while (client.holds(type).length < 2) await client.accept(type);
    client.unsubscribe(type, 'b');
    await client.silent(QUIET_MS);
    client.subscribe(type, 'b');
    expect(namesOf(await client.accept(type))).toContain('b');
  });

  it.for(linesOf(ALL, ['sotw']))('%s: the names of a request are the full set', async (line) => {
    const { type } = line;
    const at = (rev: number): Spec[] => ['a', 'b'].map((name) => resource(type, name, rev));
    await using lab = await Lab.start(...at(1));
    const client = lab.open(line);
    client.send(type, { names: ['a'] });
    const first = await client.next(type);
    client.send(type, { names: ['b'], versionInfo: first.version, nonce: first.nonce });
    const second = await client.next(type);
    expect(namesOf(second)).toEqual(['b']);
    client.send(type, { names: [], versionInfo: second.version, nonce: second.nonce });
    await client.silent(QUIET_MS);
    await lab.set(...at(2));
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(ALL, ['delta']))('%s: a name that is known is sent when it is asked for', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    const first = await client.next(type);
    client.ack(first, { subscribe: ['b'] });
    const again = await client.accept(type);
    expect(again.items).toMatchObject([{ name: 'b', hasBody: true, version: first.items[1]?.version }]);
    client.subscribe(type, 'a');
    expect(namesOf(await client.accept(type))).toEqual(['a']);
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(ALL, ['delta']))('%s: names that were never asked for may be dropped', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    await client.accept(type);
    client.unsubscribe(type, 'b', 'nobody', '*');
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 2));
    expect(namesOf(await client.accept(type))).toEqual(['a']);
  });

  it.for(linesOf(ALL))('%s: a name asked for twice comes once', async (line) => {
    const { type, variant } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    const twice = ['a', 'b', 'a', 'b'];
    client.send(type, variant === 'delta' ? { subscribe: twice } : { names: twice });
    expect(namesOf(await client.accept(type)).sort()).toEqual(['a', 'b']);
    await client.silent(QUIET_MS);
  });
});
