import { describe, expect, it } from 'vitest';
import { acceptUntil, bodiesOf, heldBy, holds, Lab, namesOf, QUIET_MS, settle } from './lab.ts';
import { ALL, aggregated, linesOf, NAMED, WHOLE } from './protocol.ts';
import { bodyOf, emptyAssignment, resource } from './resources.ts';
import { startTarget } from './target.ts';
import type { Response } from './wire-message.ts';

// xds_protocol.rst, "Knowing When a Requested Resource Does Not Exist" (both), "Deleting Resources".

/** Both ways to say that something is not there let a client go on; an assignment may also be there and be empty. */
function saysAbsent(response: Response, name: string): boolean {
  const empty = bodyOf(emptyAssignment(name));
  return response.removed.includes(name) || response.items.some(({ body }) => body.equals(empty));
}

describe.concurrent('a name that does not exist', () => {
  it.for(linesOf(ALL, ['delta']))('%s: is told, kept, and sent once it exists', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'late');
    for (let told = false; !told || !holds(client, resource(type, 'a')); ) {
      const response = await client.accept(type);
      told ||= saysAbsent(response, 'late');
    }
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a'), resource(type, 'late'));
    expect(namesOf(await client.accept(type))).toEqual(['late']);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a'), resource(type, 'late')));
  });

  it.for(linesOf(ALL, ['sotw']))('%s: is kept, and sent once it exists', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'late');
    await acceptUntil(client, () => client.holds(type).includes('a'));
    await settle(client);
    await lab.set(resource(type, 'a'), resource(type, 'late'));
    await acceptUntil(client, () => holds(client, resource(type, 'late')));
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a'), resource(type, 'late')));
  });

  it.for(linesOf(['eds'], ['sotw']))('%s: has an answer, or a cluster would warm until its time-out', async (line) => {
    await using lab = await Lab.start(resource('eds', 'a'));
    const client = lab.open(line);
    client.subscribe('eds', 'late');
    const answer = await client.accept('eds');
    // There is no removal in state of the world: an assignment without hosts, or nothing, but nothing else.
    expect(answer.items.length === 0 || saysAbsent(answer, 'late')).toBe(true);
    await client.silent(QUIET_MS);
    await lab.set(resource('eds', 'late'));
    await client.accept('eds');
    expect(heldBy(client, 'eds')).toEqual(bodiesOf(resource('eds', 'late')));
  });

  it.for(linesOf(['eds']))('%s: an assignment without hosts is a resource, not an absence', async (line) => {
    await using lab = await Lab.start(resource('eds', 'a'));
    const client = lab.open(line);
    client.subscribe('eds', 'a');
    await client.accept('eds');
    await lab.set(emptyAssignment('a'));
    expect(await client.accept('eds')).toMatchObject({ items: [{ name: 'a', hasBody: true }], removed: [] });
    expect(heldBy(client, 'eds')).toEqual(bodiesOf(emptyAssignment('a')));
  });
});

describe.concurrent('a world that is not known yet', () => {
  it.for(linesOf(['cds', 'eds']))('%s: is not an empty one: the client waits', async (line) => {
    const { type } = line;
    await using lab = new Lab(await startTarget());
    const client = lab.open(line);
    client.subscribe(type, ...(type === 'cds' ? [] : ['a']));
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a'));
    expect(namesOf(await client.accept(type))).toEqual(['a']);
    await client.silent(QUIET_MS);
  });
});

describe.concurrent('a deletion', () => {
  it.for(
    linesOf(ALL, ['delta']),
  )('%s: is named, once, and what comes back is sent though nothing changed', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    await client.accept(type);
    await lab.set(resource(type, 'a'));
    expect(await client.accept(type)).toMatchObject({ items: [], removed: ['b'] });
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a'), resource(type, 'b'));
    expect(namesOf(await client.accept(type))).toEqual(['b']);
    expect(client.holds(type)).toEqual(['a', 'b']);
  });

  it.for(linesOf(WHOLE))('%s: under a wildcard, down to the last', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type);
    await client.accept(type);
    await lab.set(resource(type, 'a'));
    await client.accept(type);
    expect(client.holds(type)).toEqual(['a']);
    await lab.set();
    await client.accept(type);
    expect(client.holds(type)).toEqual([]);
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a'));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a')));
  });

  it.for(linesOf(WHOLE, ['sotw']))('%s: of a named one shows by its absence from the full list', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'), resource(type, 'c'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    expect(namesOf(await client.accept(type)).sort()).toEqual(['a', 'b']);
    await lab.set(resource(type, 'a'), resource(type, 'c'));
    expect(namesOf(await client.accept(type))).toEqual(['a']);
    await lab.set(resource(type, 'a'), resource(type, 'b'), resource(type, 'c'));
    expect(namesOf(await client.accept(type)).sort()).toEqual(['a', 'b']);
  });

  it.for(aggregated(NAMED, ['sotw']))('%s: cannot be told, and takes nothing else along', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    await acceptUntil(client, () => client.holds(type).length === 2);
    await lab.set(resource(type, 'a'));
    await settle(client);
    await lab.set(resource(type, 'a', 2), resource(type, 'b', 2));
    await acceptUntil(client, () => holds(client, resource(type, 'a', 2), resource(type, 'b', 2)));
  });
});
