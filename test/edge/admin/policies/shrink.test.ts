import { afterEach, describe, expect, it } from 'vitest';
import type { AccessSeam } from '../../../../src/edge/admin/index.ts';
import { group, service, startWorld } from './desk-world.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A server whose guard holds every change back, and who calls: with a role for everything, or none above Editor. */
async function start(admin: boolean, beforeTheWrite: () => void = () => {}) {
  const forced: string[] = [];
  const access: AccessSeam = {
    recognise: (peer) => ({ ok: true, peer }),
    may: (_peer, action) => admin || action !== 'Administer',
    services: () => ['chat'],
    servicesOfGroup: () => [],
    groupOfNode: () => undefined,
    refused: () => {},
  };
  const guard = {
    shrinks: () => ({ code: 'POLICY_SHRINKS', path: '', message: 'it takes away 3 of 4 endpoints', hint: 'force it' }),
    force: (revision: string) => {
      forced.push(revision);
      beforeTheWrite();
      return () => forced.splice(forced.indexOf(revision), 1);
    },
  };
  const world = await startWorld(ending, {
    access,
    peerOf: () => ({ kind: 'Certificate', spiffeId: 'spiffe://m/ann' }),
    seam: { guard },
  });
  return { world, forced };
}

const FILES = [{ name: 'lab.yaml', text: `${group('lab', ['chat'])}---\n${service('chat')}` }];

describe('a change that takes too much away', () => {
  it('is refused before it is written, also by a dry run, with how much it is and what to do', async () => {
    const { world, forced } = await start(true);
    for (const dryRun of [true, false]) {
      expect(await world.client.apply(FILES, { dryRun })).toMatchObject({
        ok: false,
        code: 'FAILED_PRECONDITION',
        message: 'it takes away 3 of 4 endpoints',
        issues: [{ code: 'POLICY_SHRINKS', hint: 'force it' }],
      });
    }
    expect([(await world.store.status()).revision, forced]).toEqual([0, []]);
  });

  it('is written when somebody who may override guards forces it, and that very revision is let through', async () => {
    const { world, forced } = await start(true);
    expect(await world.client.apply(FILES, { force: true, dryRun: true })).toMatchObject({ ok: true });
    expect(forced).toEqual([]);
    expect(await world.client.apply(FILES, { force: true })).toMatchObject({ ok: true, value: { revision: 1 } });
    expect(forced).toHaveLength(1);
  });

  it('is not let through later when it was forced and somebody else had written before', async () => {
    let overtake: () => void = () => expect.fail('the world is not there yet');
    const { world, forced } = await start(true, () => overtake());
    overtake = () => {
      const changes = [
        { operation: 'Put' as const, kind: 'ModelService', name: 'other', content: service('other'), line: 1 },
      ];
      void world.store.write({ action: 'Apply', author: 'bob', reason: '', changes });
    };
    expect(await world.client.apply(FILES, { force: true, ifStoreRevision: 0 })).toMatchObject({ ok: false });
    expect([(await world.store.status()).revision, forced]).toEqual([1, []]);
  });

  it('cannot be forced by who may only edit', async () => {
    const { world, forced } = await start(false);
    await expect(world.client.apply(FILES, { force: true })).rejects.toThrow(
      /spiffe:\/\/m\/ann may not force: it lacks the role Admin for all model services/,
    );
    expect([(await world.store.status()).revision, forced]).toEqual([0, []]);
  });
});
