import { afterEach, describe, expect, it } from 'vitest';
import { loadPolicy, type PolicyFile } from '../../../../src/core/policy/index.ts';
import { connectPolicies, storedTexts } from '../../../../src/edge/admin/index.ts';
import { group, service, startWorld } from './desk-world.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const CANARY = 'C4NARYxxSECRETxxC4NARY';
const CHAT = { kind: 'ModelService', name: 'chat' };
const LAB = `# the lab\n${service('chat')}---\n${group('lab', ['chat'])}`;

describe('a change of policies', () => {
  it('is checked as the very texts that the store gives after it, so that they need not be read again', async () => {
    let checked: readonly PolicyFile[] = [];
    const load = async (files: readonly PolicyFile[]) => {
      checked = files;
      return loadPolicy(files);
    };
    const { client, store } = await startWorld(ending, { seam: { load } });
    const given = async () => storedTexts((await store.list()).documents);
    await client.apply([{ name: 'lab.yaml', text: LAB }]);
    expect(checked).toEqual(await given());
    await client.apply([
      { name: 'lab.yaml', text: `# moved\n${LAB}` },
      { name: 'embed.yaml', text: service('embed') },
    ]);
    expect(checked).toEqual(await given());
    await client.delete([{ kind: 'ModelService', name: 'embed' }], { reason: 'unused' });
    expect(checked).toEqual(await given());
    await client.rollback(undefined, 2, { reason: 'used' });
    expect(checked).toEqual(await given());
  });

  it('is not made when its caller has not waited for it', async () => {
    let go = (): void => {};
    const asked = new Promise<void>((resolve) => {
      go = resolve;
    });
    let checks = 0;
    const load = async (files: readonly PolicyFile[]) => {
      checks += 1;
      await asked;
      return loadPolicy(files);
    };
    const { server, client, store } = await startWorld(ending, { seam: { load } });
    const hurried = connectPolicies(server.address, { deadlineMs: 200 });
    ending.push(() => hurried.close());
    const files = [{ name: 'lab.yaml', text: LAB }];
    // The second is given up while it waits for the first, and never looked at.
    const given = await Promise.allSettled([hurried.apply(files), hurried.apply(files)]);
    expect(given.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    // On the same connection, so that the server has heard of both before.
    await hurried.list();
    go();
    expect(await client.list()).toMatchObject({ ok: true, value: { revision: 0 } });
    expect(await client.validate(files)).toMatchObject({ ok: true });
    expect((await store.status()).revision).toBe(0);
    expect(checks).toBe(2);
  });

  it('is refused while a document is damaged, unless it brings that one back', async () => {
    const { client, store } = await startWorld(ending);
    await client.apply([{ name: 'lab.yaml', text: LAB }]);
    const { documents, ...list } = await store.list();
    const reason = 'its checksum is wrong';
    const damaged = [{ record: 'document/ModelService/chat', document: CHAT, reason, atMs: 0 }];
    store.list = async () => ({ ...list, documents: documents.filter(({ name }) => name !== 'chat'), damaged });
    const refused = await client.apply([{ name: 'lab.yaml', text: group('lab', ['chat']) }]);
    expect(refused).toMatchObject({
      ok: false,
      code: 'FAILED_PRECONDITION',
      message:
        'document/ModelService/chat is damaged (its checksum is wrong), so what comes of a change cannot be checked; apply that document again, or roll it back',
    });
    expect(await client.get()).toMatchObject({ ok: true, value: { damaged: [{ ...CHAT, reason }] } });
    expect(await client.apply([{ name: 'chat.yaml', text: service('chat', '  # again\n') }])).toMatchObject({
      ok: true,
    });
    expect(await client.rollback(CHAT, 1, { reason: 'whole then', dryRun: true })).toMatchObject({ ok: true });
  });

  it('fails in words when the store does, and says nothing of what else failed', async () => {
    const { client, store, log } = await startWorld(ending);
    store.write = async () => {
      throw new Error(CANARY);
    };
    await expect(client.apply([{ name: 'lab.yaml', text: LAB }])).rejects.toThrow(
      /the server failed to answer; its log says why/,
    );
    expect(log.lines.map(([level, , message]) => [level, message])).toContainEqual(['error', 'admin request failed']);
  });
});

describe('a secret', () => {
  it('in a URL or a reason is in no error, no history, no audit record and no log', async () => {
    const { client, store, log } = await startWorld(ending);
    const url = `http://ann:${CANARY}@prometheus.example:9090`;
    const signals = `  signals:\n    engine: { prometheus: { url: "${url}" }, nonsense: 1 }\n`;
    const refused = await client.apply([{ name: 'lab.yaml', text: service('chat', signals) }], {
      reason: `see ${url}`,
    });
    expect(refused.ok).toBe(false);
    await client.apply([{ name: 'lab.yaml', text: LAB }], { reason: `token=${CANARY}, see ${url}?token=${CANARY}` });
    const told = [refused, await client.history({ texts: true }), await client.get(), await store.audit({}), log.lines];
    expect(JSON.stringify(told)).toContain('[redacted]');
    expect(JSON.stringify(told).replaceAll(`token=${CANARY},`, '')).not.toContain(CANARY);
  });
});
