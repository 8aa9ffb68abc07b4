import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../../src/core/subscriptions/index.ts';
import type { DiscoveryStream } from '../../../src/edge/xds/discovery-stream.ts';
import type { Peer } from '../../../src/edge/xds/node-identity.ts';
import { StreamRegistry } from '../../../src/edge/xds/stream-registry.ts';

function peer(group: string, envoyVersion = '1.40.0', nodeId = 'a', identity?: string, zone = ''): Peer {
  const key = { group, release: '1.40', listenerOverrides: {} };
  return {
    nodeId,
    group,
    identity,
    envoyVersion,
    metadata: {},
    zone,
    uncounted: false,
    key,
    keyText: group,
    canary: { key, keyText: group },
  };
}

/** What the registry needs of a stream. */
function stream(of: Peer, types: readonly string[] = [], refusals: readonly Refusal[] = []): DiscoveryStream {
  return { peer: of, typeUrls: () => types, refusals: () => refusals } as unknown as DiscoveryStream;
}

function refusal(typeUrl: string, name: string): Refusal {
  return { typeUrl, name, version: '2', message: 'no', atMs: 0 };
}

describe('presence', () => {
  it('tells a node once, however many streams it has, and that it is gone with the last', () => {
    const registry = new StreamRegistry();
    const one = peer('lab');
    const [first, second] = [stream(one), stream(one)];
    expect(registry.add(first, one)).toMatchObject({ kind: 'Connected', peer: { group: 'lab' } });
    expect(registry.add(second, one)).toBeUndefined();
    expect(registry.remove(first, one)).toBeUndefined();
    expect(registry.remove(second, one)).toMatchObject({ kind: 'Disconnected', peer: { group: 'lab' } });
    expect(registry.remove(second, one)).toBeUndefined();
  });

  it('tells of another group or version under the same id, and ends with the one that stays', () => {
    const registry = new StreamRegistry();
    const [lab, prod] = [peer('lab'), peer('prod', '1.41.0')];
    const [old, young] = [stream(lab), stream(prod)];
    registry.add(old, lab);
    expect(registry.add(young, prod)).toMatchObject({ kind: 'Connected', peer: { group: 'prod' } });
    expect(registry.remove(old, lab)).toBeUndefined();
    expect(registry.remove(young, prod)).toMatchObject({ kind: 'Disconnected', peer: { group: 'prod' } });
  });

  it('tells of a node that came back in another zone', () => {
    const registry = new StreamRegistry();
    const [here, there] = [
      peer('lab', '1.40.0', 'a', undefined, 'zone-a'),
      peer('lab', '1.40.0', 'a', undefined, 'zone-b'),
    ];
    registry.add(stream(here), here);
    expect(registry.add(stream(there), there)).toMatchObject({ kind: 'Connected', peer: { zone: 'zone-b' } });
  });

  it('goes back to the group of the stream that is left', () => {
    const registry = new StreamRegistry();
    const [lab, prod] = [peer('lab'), peer('prod')];
    const [old, young] = [stream(lab), stream(prod)];
    registry.add(old, lab);
    registry.add(young, prod);
    expect(registry.remove(young, prod)).toMatchObject({ kind: 'Connected', peer: { group: 'lab' } });
  });
});

describe('what a node refused', () => {
  it('is remembered by type: a stream has the last word on those that it carried', () => {
    const registry = new StreamRegistry();
    const one = peer('lab');
    const listeners = stream(one, ['lds'], [refusal('lds', 'l')]);
    const clusters = stream(one, ['cds'], [refusal('cds', 'c')]);
    for (const each of [listeners, clusters]) registry.add(each, one);
    registry.remove(listeners, one);
    registry.remove(clusters, one);
    expect(registry.refusalsOf(one).map(({ name }) => name)).toEqual(['l', 'c']);
    const accepted = stream(one, ['lds'], []);
    registry.add(accepted, one);
    registry.remove(accepted, one);
    expect(registry.refusalsOf(one).map(({ name }) => name)).toEqual(['c']);
    expect(registry.refusalsOf(peer('lab', '1.41.0'))).toEqual([]);
  });

  it('is not inherited by another identity that comes under the same id', () => {
    const registry = new StreamRegistry();
    const [web, chat] = ['web', 'chat'].map((name) => peer('lab', '1.40.0', 'a', `spiffe://t/${name}`)) as [Peer, Peer];
    const own = stream(web, ['lds'], [refusal('lds', 'l')]);
    registry.add(own, web);
    registry.remove(own, web);
    expect(registry.refusalsOf(chat)).toEqual([]);
    expect(registry.refusalsOf(web).map(({ name }) => name)).toEqual(['l']);
  });

  it('is known of a stream that is still there: its connection may be broken', () => {
    const registry = new StreamRegistry();
    const one = peer('lab');
    registry.add(stream(one, ['lds'], [refusal('lds', 'l')]), one);
    expect(registry.refusalsOf(one).map(({ name }) => name)).toEqual(['l']);
  });
});
