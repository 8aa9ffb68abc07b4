import { describe, expect, it } from 'vitest';
import { acceptUntil, bodiesOf, heldBy, holds, Lab, namesOf, QUIET_MS, removedIn } from './lab.ts';
import { aggregated, linesOf, TYPES, type TypeName } from './protocol.ts';
import { bodyOf, resource, type Spec } from './resources.ts';
import type { WireClient } from './wire-client.ts';
import type { Response } from './wire-message.ts';

// xds_protocol.rst, "NACK", "ACK and NACK semantics summary", "When to send an update"; envoy#14841, envoy#5739.

/** A server that answers a NACK with the same bytes does so hundreds of times within it. */
const REPEAT_MS = 1000;
const CORE: readonly TypeName[] = ['cds', 'eds', 'lds', 'rds'];

/** Envoy's words for a bad resource. */
function complaint(name: string): string {
  return `Error adding/updating ${name}: value must be greater than 0`;
}

/** ACKs all but the responses with the bad resource, whose name it keeps to itself, until the client holds all `good`. */
async function refuseUntil(client: WireClient, bad: Spec, good: readonly Spec[]): Promise<Response[]> {
  const heard: Response[] = [];
  while (!holds(client, ...good)) {
    const response = await client.next(bad.type);
    heard.push(response);
    if (heard.length > 40) throw new Error('no end in sight');
    if (response.items.some((item) => item.body.equals(bodyOf(bad)))) client.nack(response, 'no');
    else client.ack(response);
  }
  return heard;
}

describe.concurrent('a refused response', () => {
  it.for(linesOf(CORE))('%s: is not sent again, and the next version of the resource is', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    client.nack(await client.next(type), complaint('a'));
    await client.silent(REPEAT_MS);
    await lab.set(resource(type, 'a', 2));
    await client.accept(type);
    await lab.set(resource(type, 'a', 3));
    client.nack(await client.next(type), complaint('a'));
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 4));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a', 4)));
  });

  it.for(linesOf(CORE))('%s: keeps back the culprit alone, at its last good version', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    await client.accept(type);
    await lab.set(resource(type, 'a', 2), resource(type, 'b', 2));
    client.nack(await client.next(type), complaint('a'));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a'), resource(type, 'b', 2)));
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 3), resource(type, 'b', 2));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a', 3), resource(type, 'b', 2)));
  });

  it.for(linesOf(CORE))('%s: with a culprit that was never good, brings the rest', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    client.nack(await client.next(type), complaint('b'));
    expect(namesOf(await client.accept(type))).toEqual(['a']);
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(['cds', 'eds']))('%s: unexplained, of eight: seven arrive', async (line) => {
    const { type } = line;
    const at = (rev: number): Spec[] => [...'abcdefgh'].map((name) => resource(type, name, rev));
    await using lab = await Lab.start(...at(1));
    const client = lab.open(line);
    client.subscribe(type, ...'abcdefgh');
    await acceptUntil(client, () => client.holds(type).length === 8);
    await lab.set(...at(2));
    const bad = resource(type, 'e', 2);
    const good = at(2).map((spec) => (spec.name === 'e' ? resource(type, 'e') : spec));
    const heard = await refuseUntil(client, bad, good);
    // Whatever is tried on the way: nothing that was good is taken away.
    if (TYPES[type].whole && line.variant === 'sotw') for (const one of heard) expect(one.items).toHaveLength(8);
    expect(removedIn(heard)).toEqual([]);
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(['cds', 'eds']))('%s: unexplained, of eight that are new: seven arrive', async (line) => {
    const { type } = line;
    const all = [...'abcdefgh'].map((name) => resource(type, name));
    await using lab = await Lab.start(...all);
    const client = lab.open(line);
    client.subscribe(type, ...'abcdefgh');
    const good = all.filter(({ name }) => name !== 'e');
    await refuseUntil(client, resource(type, 'e'), good);
    await client.silent(QUIET_MS);
    expect(heldBy(client, type)).toEqual(bodiesOf(...good));
  });

  it.for(linesOf(['cds', 'eds']))('%s: is one by the presence of error_detail, even an empty one', async (line) => {
    const { type, variant } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    const { nonce } = await client.next(type);
    const names = variant === 'sotw' ? { names: ['a', 'b'] } : {};
    client.send(type, { ...names, nonce, errorDetail: {} });
    // An ACK would be met with silence. A NACK without a name sets off the search, which may end without the last suspect.
    const again = await client.accept(type);
    expect(again.items.length).toBeGreaterThan(0);
  });

  it.for(aggregated(CORE))('%s: leaves the other types alone', async (line) => {
    const other: TypeName = line.type === 'eds' ? 'cds' : 'eds';
    await using lab = await Lab.start(resource(line.type, 'a'), resource(other, 'o'));
    const client = lab.open(line);
    client.subscribe(other, 'o');
    await client.accept(other);
    client.subscribe(line.type, 'a');
    client.nack(await client.next(line.type), complaint('a'));
    await lab.set(resource(line.type, 'a'), resource(other, 'o', 2));
    await client.accept(other);
    expect(heldBy(client, other)).toEqual(bodiesOf(resource(other, 'o', 2)));
    await client.silent(QUIET_MS);
  });
});

describe.concurrent('a request that refuses', () => {
  it.for(linesOf(CORE))('%s: may ask for more', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    client.nack(await client.next(type), complaint('a'), { subscribe: ['b'] });
    expect(namesOf(await client.accept(type))).toEqual(['b']);
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(CORE))('%s: may give up what it refuses', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a', 'b');
    client.nack(await client.next(type), complaint('a'), { unsubscribe: ['a'] });
    expect(namesOf(await client.accept(type))).toEqual(['b']);
    await lab.set(resource(type, 'a', 2), resource(type, 'b'));
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(CORE, ['sotw']))('%s: may do so at the version that it refuses', async (line) => {
    const { type } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    await client.accept(type);
    client.subscribe(type, 'b');
    const refused = await client.next(type);
    const errorDetail = { code: 3, message: complaint('b') };
    client.send(type, { names: ['a', 'b'], versionInfo: refused.version, nonce: refused.nonce, errorDetail });
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a'), resource(type, 'b', 2));
    await client.accept(type);
    expect(heldBy(client, type)).toEqual(bodiesOf(resource(type, 'a'), resource(type, 'b', 2)));
  });
});
