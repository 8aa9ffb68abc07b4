import { describe, expect, it } from 'vitest';
import { bodiesOf, heldBy, Lab, namesOf, QUIET_MS } from './lab.ts';
import { ALL, aggregated, linesOf, VARIANTS } from './protocol.ts';
import { resource } from './resources.ts';

// xds_protocol.rst, "Basic Protocol Overview" (a nonce lives within its stream), "Resource updates" (stale nonces in state
// of the world), "Incremental xDS" (subscriptions count even if the nonce is stale); cilium#45288, envoy#16659.

/** Time for a later change to arrive while an earlier response has no answer: the wait of 1 s that a server may grant. */
const LATE_MS = 3000;

describe.concurrent('a nonce', () => {
  it.for(linesOf(['cds', 'eds']))('%s: is new in every response, even to the same content', async (line) => {
    const { type } = line;
    const others = [...'bcdefgh'].map((name) => resource(type, name));
    await using lab = await Lab.start(resource(type, 'a'), ...others);
    const client = lab.open(line);
    client.subscribe(type, 'a');
    const first = await client.accept(type);
    const nonces = [first.nonce];
    const versions = [first.version];
    for (const [at, { name }] of others.entries()) {
      await lab.set(resource(type, 'a', at + 2), ...others);
      const changed = await client.accept(type);
      client.subscribe(type, name);
      const joined = await client.accept(type);
      nonces.push(changed.nonce, joined.nonce);
      versions.push(changed.version);
    }
    // Twice the same: a name that is dropped and asked for again.
    for (let times = 0; times < 2; times += 1) {
      client.unsubscribe(type, 'b');
      await client.silent(QUIET_MS);
      client.subscribe(type, 'b');
      nonces.push((await client.accept(type)).nonce);
    }
    // version_info moves with the content. In delta system_version_info is for debugging, if it is there.
    if (line.variant === 'sotw') expect(new Set(versions).size).toBe(versions.length);
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(nonces).not.toContain('');
  });

  it.for(VARIANTS)('%s: of one type does not make that of another stale', async (variant) => {
    await using lab = await Lab.start(resource('cds', 'a'), resource('eds', 'a'), resource('eds', 'b'));
    const client = lab.open({ variant });
    client.subscribe('cds', 'a');
    client.subscribe('eds', 'a');
    await client.accept('eds');
    await client.accept('cds');
    await lab.set(resource('cds', 'a', 2), resource('eds', 'a'), resource('eds', 'b'));
    const unanswered = await client.next('cds');
    client.subscribe('eds', 'b');
    expect(namesOf(await client.accept('eds'))).toEqual(['b']);
    client.ack(unanswered);
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(ALL))('%s: of another stream is harmless in a first request', async (line) => {
    const { type, variant } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    const nonce = 'of-a-stream-long-gone';
    client.send(type, variant === 'delta' ? { subscribe: ['a'], nonce } : { names: ['a'], versionInfo: 'old', nonce });
    expect(namesOf(await client.accept(type))).toEqual(['a']);
    await client.silent(QUIET_MS);
  });

  it.for(
    linesOf(['cds', 'eds'], ['sotw']),
  )('%s: that is stale asks for nothing, before the ACK and after', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'), resource(type, 'c'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    const first = await client.accept(type);
    const stale = { versionInfo: first.version, nonce: first.nonce };
    await lab.set(resource(type, 'a', 2), resource(type, 'b'), resource(type, 'c'));
    const second = await client.next(type);
    client.send(type, { names: ['a', 'b'], ...stale });
    await client.silent(QUIET_MS);
    client.ack(second, { subscribe: ['b'] });
    expect(namesOf(await client.accept(type))).toContain('b');
    client.send(type, { names: ['a', 'b', 'c'], ...stale });
    await client.silent(QUIET_MS);
    client.subscribe(type, 'c');
    expect(namesOf(await client.accept(type))).toContain('c');
  });

  it.for(aggregated(['cds', 'eds'], ['sotw']))('%s: the same request once more asks for nothing', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    await client.accept(type);
    for (let times = 0; times < 3; times += 1) client.subscribe(type, 'a');
    await client.silent(QUIET_MS);
  });

  it.for(
    linesOf(['cds', 'eds'], ['delta']),
  )('%s: that is stale or unknown does not keep a subscription out', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(...['a', 'b', 'c', 'd'].map((name) => resource(type, name)));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    const { nonce } = await client.accept(type);
    client.send(type, { subscribe: ['b'], nonce });
    expect(namesOf(await client.accept(type))).toEqual(['b']);
    client.send(type, { subscribe: ['c'], nonce: 'nobody-gave-it' });
    expect(namesOf(await client.accept(type))).toEqual(['c']);
    client.send(type, { subscribe: ['d'], unsubscribe: ['a'], nonce, errorDetail: { code: 3, message: 'late' } });
    expect(namesOf(await client.accept(type))).toEqual(['d']);
    await lab.set(...['a', 'b', 'c', 'd'].map((name) => resource(type, name, name === 'a' ? 2 : 1)));
    await client.silent(QUIET_MS);
  });
});

describe.concurrent('a late ACK', () => {
  it.for(
    linesOf(['cds', 'eds', 'rds']),
  )('%s: does not hold up the next change, nor bring anything when it comes', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    const first = await client.next(type);
    await lab.set(resource(type, 'a', 2));
    const second = await client.next(type, LATE_MS);
    await lab.set(resource(type, 'a', 3));
    const third = await client.next(type, LATE_MS);
    for (const response of [first, second, third]) client.ack(response);
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 4));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a', 4)));
  });
});
