import { describe, expect, it } from 'vitest';
import { shrinkOf } from '../../../src/core/dry-run/index.ts';
import { group, loaded, service } from '../policy/load.ts';

const pools = (ports: readonly number[], name = 'gpu') =>
  `pools: [{ name: ${name}, endpoints: { static: [${ports.map((port) => `{ address: 10.0.0.1, port: ${port} }`).join(', ')}] } }]`;
const policy = (ports: readonly number[], name = 'gpu') =>
  loaded(group('[chat]'), service([], 'chat', pools(ports, name)));

describe('what a change takes away', () => {
  it('is nothing of a first policy, of the same one, and of what only moves to another pool', () => {
    expect(shrinkOf(undefined, policy([1, 2])).removedRatio).toBe(0);
    expect(shrinkOf(policy([1, 2]), policy([2, 1])).removedRatio).toBe(0);
    expect(shrinkOf(policy([1, 2]), policy([1, 2], 'other')).removedRatio).toBe(0);
  });

  it('counts endpoints that go, also when as many come', () => {
    expect(shrinkOf(policy([1, 2, 3, 4]), policy([1, 5, 6, 7]))).toEqual({
      endpoints: { before: 4, after: 4, removed: 3 },
      clusters: { before: 1, after: 1, removed: 0 },
      removedRatio: 0.75,
    });
  });

  it('counts services that a group no longer reaches', () => {
    const two = (services: string) =>
      loaded(group(services), service([], 'chat'), service(['match: { pathPrefix: /e/ }'], 'embed'));
    expect(shrinkOf(two('[chat, embed]'), two('[chat]'))).toMatchObject({
      endpoints: { removed: 0 },
      clusters: { before: 2, after: 1, removed: 1 },
      removedRatio: 0.5,
    });
  });
});
