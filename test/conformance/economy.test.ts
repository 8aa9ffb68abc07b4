import { describe, expect, it } from 'vitest';
import { acceptUntil, holds, Lab, namesOf, QUIET_MS } from './lab.ts';
import { ALL, linesOf, NAMED, TYPES } from './protocol.ts';
import { resource, type Spec } from './resources.ts';
import { withoutNonce } from './wire-message.ts';

// xds_protocol.rst, "When to send an update", "Grouping Resources into Responses"; GCP#882, istio#48025: needless pushes.

const TEN = [...'abcdefghij'];
const MANY = 10_000;
const CHANGES = 1000;

describe.concurrent('what is sent', () => {
  it.for(linesOf(ALL))('%s: is equal, byte by byte, for two streams and from two servers', async (line) => {
    const { type } = line;
    const all = TEN.map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    await using replica = await Lab.start(...all.toReversed());
    const clients = [lab.open({ ...line, id: 'one' }), lab.open({ ...line, id: 'two' }), replica.open(line)];
    const firsts: string[] = [];
    const changes: string[] = [];
    for (const client of clients) {
      client.subscribe(type, ...TEN);
      firsts.push(withoutNonce(await client.accept(type)));
    }
    const changed = all.map((spec, at) => (at % 3 === 0 ? resource(type, spec.name, 2) : spec));
    await lab.set(...changed);
    await replica.set(...changed);
    for (const client of clients) changes.push(withoutNonce(await client.accept(type)));
    expect(new Set(firsts).size).toBe(1);
    expect(new Set(changes).size).toBe(1);
  });

  it.for(linesOf(ALL))('%s: is nothing when nothing changed', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(...TEN.map((name) => resource(type, name)));
    const client = lab.open(line);
    client.subscribe(type, ...TEN);
    await acceptUntil(client, () => client.holds(type).length === TEN.length);
    for (let times = 0; times < 5; times += 1) {
      await lab.set(...TEN.map((name) => resource(type, name)));
      await lab.set(...TEN.toReversed().map((name) => resource(type, name)));
    }
    await client.silent(QUIET_MS);
  });

  it.for([
    ...linesOf(NAMED),
    ...linesOf(['cds', 'lds'], ['delta']),
  ])('%s: is what changed, not its neighbours', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(...TEN.map((name) => resource(type, name)));
    const client = lab.open(line);
    client.subscribe(type, ...TEN);
    await acceptUntil(client, () => client.holds(type).length === TEN.length);
    for (const changed of ['c', 'h']) {
      await lab.set(...TEN.map((name) => resource(type, name, name === changed || name === 'c' ? 2 : 1)));
      expect(namesOf(await client.accept(type))).toEqual([changed]);
    }
    await client.silent(QUIET_MS);
  });
});

describe.concurrent('a crowd', () => {
  it.for(linesOf(['eds']))('%s: of 10,000 names in one subscription', async (line) => {
    const names = Array.from({ length: MANY }, (_, at) => `e${at}`);
    const at = (rev: number): Spec[] => names.map((name) => resource('eds', name, name === 'e77' ? rev : 1));
    await using lab = await Lab.start(...at(1));
    const client = lab.open(line);
    client.subscribe('eds', ...names);
    const heard = await acceptUntil(client, () => client.held('eds').size === MANY, 15_000);
    expect(heard.flatMap(namesOf)).toHaveLength(MANY);
    await lab.set(...at(2));
    expect(namesOf(await client.accept('eds', 10_000))).toEqual(['e77']);
  });

  it.for(
    linesOf(['cds', 'eds']),
  )('%s: of 1,000 changes becomes few responses, and the last one counts', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    await acceptUntil(client, () => client.holds(type).length === 2);
    const last = resource(type, 'a', CHANGES);
    const change = async (): Promise<void> => {
      for (let rev = 2; rev <= CHANGES; rev += 1) {
        await lab.set(resource(type, 'a', rev), resource(type, 'b'));
        if (rev % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const [heard] = await Promise.all([acceptUntil(client, () => holds(client, last), 15_000), change()]);
    expect(heard.length).toBeLessThan(CHANGES / 4);
    const whole = TYPES[type].whole && line.variant === 'sotw';
    for (const response of heard) expect(namesOf(response).sort()).toEqual(whole ? ['a', 'b'] : ['a']);
    await client.silent(QUIET_MS);
  });
});
