import { describe, expect, it } from 'vitest';
import { bodiesOf, heldBy, Lab, QUIET_MS } from './lab.ts';
import { aggregated, linesOf } from './protocol.ts';
import { bodyOf, resource, withTtl } from './resources.ts';
import type { Item } from './wire-message.ts';

// xds_protocol.rst, "TTL", "SotW TTL". One thing is known better than the text: Envoy 1.36 and 1.40 do not renew a TTL on a
// state-of-the-world heartbeat without a body, so that one has to carry it.

const TTL_MS = 3000;
/** Within it a heartbeat that is due at once has come. */
const AT_ONCE_MS = 500;
const LAPSING = withTtl(resource('rtds', 'lapsing'), TTL_MS);
const LASTING = resource('rtds', 'lasting');

function isFull(item: Item | undefined): boolean {
  return item?.body.equals(bodyOf(LAPSING)) === true;
}

describe.concurrent('a TTL', () => {
  it.for(linesOf(['rtds']))('%s: is renewed before it ends, and only where there is one', async (line) => {
    await using lab = await Lab.start(LAPSING, LASTING);
    const client = lab.open(line);
    client.subscribe('rtds', 'lapsing', 'lasting');
    while (client.holds('rtds').length < 2) await client.accept('rtds');
    const first = client.held('rtds').get('lapsing');
    expect(first).toMatchObject({ ttlMs: TTL_MS, hasBody: true, wrapped: true });
    expect(client.held('rtds').get('lasting')?.ttlMs).toBeUndefined();
    for (let beat = 0; beat < 2; beat += 1) {
      const { items } = await client.accept('rtds', TTL_MS - 200);
      expect(items).toMatchObject([{ name: 'lapsing', ttlMs: TTL_MS, version: first?.version, wrapped: true }]);
      if (line.variant === 'delta') expect(items[0]?.hasBody).toBe(false);
      else expect(isFull(items[0])).toBe(true);
    }
    expect(heldBy(client, 'rtds')).toEqual(bodiesOf(LAPSING, LASTING));
  });

  it.for(aggregated(['rtds']))('%s: is renewed at once for a client that comes back', async (line) => {
    await using lab = await Lab.start(LAPSING, LASTING);
    const before = lab.open(line);
    before.subscribe('rtds', 'lapsing', 'lasting');
    while (before.holds('rtds').length < 2) await before.accept('rtds');
    before.close();
    const client = lab.open(line);
    client.resume('rtds', before);
    const { items } = await client.accept('rtds', AT_ONCE_MS);
    const lapsing = items.find(({ name }) => name === 'lapsing');
    expect(lapsing).toMatchObject({ ttlMs: TTL_MS, version: before.versions('rtds').lapsing });
    if (line.variant === 'delta') expect(items).toMatchObject([{ name: 'lapsing', hasBody: false }]);
    else expect(isFull(lapsing)).toBe(true);
  });

  it.for(linesOf(['rtds'], ['delta']))('%s: comes with the resource that is asked for again', async (line) => {
    await using lab = await Lab.start(LAPSING);
    const client = lab.open(line);
    client.subscribe('rtds', 'lapsing');
    await client.accept('rtds');
    client.subscribe('rtds', 'lapsing');
    const { items } = await client.accept('rtds', AT_ONCE_MS);
    expect(items).toMatchObject([{ name: 'lapsing', ttlMs: TTL_MS, hasBody: true }]);
  });

  it.for(aggregated(['rtds']))('%s: that is changed or lifted comes with the whole resource', async (line) => {
    await using lab = await Lab.start(LAPSING);
    const client = lab.open(line);
    client.subscribe('rtds', 'lapsing');
    await client.accept('rtds');
    await lab.set(withTtl(resource('rtds', 'lapsing'), 4500));
    const longer = (await client.accept('rtds', AT_ONCE_MS)).items;
    expect(longer).toMatchObject([{ ttlMs: 4500 }]);
    expect(isFull(longer[0])).toBe(true);
    await lab.set(resource('rtds', 'lapsing'));
    const lifted = (await client.accept('rtds', AT_ONCE_MS)).items;
    expect(lifted[0]?.ttlMs).toBeUndefined();
    expect(isFull(lifted[0])).toBe(true);
    await client.silent(TTL_MS);
  });

  it.for(
    linesOf(['rtds']),
  )('%s: of a refused resource is not renewed: that would be the refused bytes again', async (line) => {
    await using lab = await Lab.start(LAPSING);
    const client = lab.open(line);
    client.subscribe('rtds', 'lapsing');
    client.nack(await client.next('rtds'), 'lapsing: no');
    await client.silent(TTL_MS);
  });

  it.for(aggregated(['rtds']))('%s: has nothing to renew after the resource is given up', async (line) => {
    await using lab = await Lab.start(LAPSING, LASTING);
    const client = lab.open(line);
    client.subscribe('rtds', 'lapsing', 'lasting');
    while (client.holds('rtds').length < 2) await client.accept('rtds');
    client.unsubscribe('rtds', 'lapsing');
    await client.silent(TTL_MS - QUIET_MS);
  });
});
