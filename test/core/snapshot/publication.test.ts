import { describe, expect, it } from 'vitest';
import { type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot, Publication, type Snapshot, viewOf } from '../../../src/core/snapshot/index.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };
const OPTIONS = { quietMs: 100, capMs: 1000 };

function resource(type: keyof typeof TYPE_URL, name: string, version: string): Resource {
  const bytes = Buffer.from(version);
  return { typeUrl: TYPE_URL[type], name, version, bytes, delta: bytes, needs: [] };
}

/** Clusters in a version, with assignments in a version. */
function world(
  before: Snapshot | undefined,
  structure: string,
  weights: string,
  ...names: readonly string[]
): Snapshot {
  const resources = names.flatMap((name) => [
    resource('cluster', name, structure),
    resource('endpoint', name, weights),
  ]);
  return makeSnapshot(KEY, resources, before);
}

function told(snapshot: Snapshot): string {
  const versions = (type: 'cluster' | 'endpoint'): string =>
    [...viewOf(snapshot, TYPE_URL[type]).values()].map(({ name, version }) => `${name}${version}`).join(' ');
  return `${versions('cluster')} / ${versions('endpoint')}`;
}

describe('what is published', () => {
  it('is the first snapshot, and then new weights, at once', () => {
    const publication = new Publication(OPTIONS);
    const first = world(undefined, '1', '1', 'a');
    expect(publication.offer(first, 0)).toBe(first);
    const next = world(first, '1', '2', 'a');
    expect(publication.offer(next, 1)).toBe(next);
    expect(publication.dueAtMs).toBeUndefined();
  });

  it('keeps a change of structure back until it is quiet, while weights go on under the old one', () => {
    const publication = new Publication(OPTIONS);
    const first = world(undefined, '1', '1', 'a');
    publication.offer(first, 0);
    const second = world(first, '2', '1', 'a', 'b');
    expect(told(publication.offer(second, 1000))).toBe('a1 / a1');
    const third = world(second, '2', '2', 'a', 'b');
    // The assignment of b waits for its cluster.
    expect(told(publication.offer(third, 1050))).toBe('a1 / a2');
    expect(publication.dueAtMs).toBe(1100);
    expect(publication.offer(third, 1100)).toBe(third);
  });

  it('does not let a change wait for ever', () => {
    const publication = new Publication(OPTIONS);
    let last = world(undefined, '0', '1', 'a');
    publication.offer(last, 0);
    let atMs = 0;
    for (let round = 1; round <= 40 && publication.published !== last; round += 1) {
      atMs += 50;
      last = world(last, String(round), '1', 'a');
      publication.offer(last, atMs);
    }
    expect(atMs).toBeLessThanOrEqual(OPTIONS.capMs + 100);
    expect(publication.published).toBe(last);
  });

  it('is the newest for who cannot wait, and a change that was taken back was none', () => {
    const publication = new Publication(OPTIONS);
    const first = world(undefined, '1', '1', 'a');
    publication.offer(first, 0);
    const second = world(first, '2', '1', 'a');
    publication.offer(second, 10);
    expect(publication.flush()).toBe(true);
    expect(publication.published).toBe(second);
    expect(publication.flush()).toBe(false);
    publication.offer(world(second, '3', '1', 'a'), 20);
    expect(publication.offer(second, 30)).toBe(second);
    expect(publication.dueAtMs).toBeUndefined();
  });
});
