import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import { readTokenFile } from '../../../src/edge/admin/index.ts';
import { type Api, ApiClient } from '../../../src/edge/kubernetes/api-client.ts';
import { ObjectWatch } from '../../../src/edge/kubernetes/object-watch.ts';
import { expiredLine, type Failure, FakeKubernetes, status } from '../../support/kubernetes/fake-api.ts';

/** Its pauses are seconds. */
const FASTER = 300;
/** What it gives up on after half a minute and more, which on a busy machine must not come by itself. */
const LEAST_LIMIT_MS = 30_000;
const PATIENT = 10;
const STORY_MS = 10_000;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A watch of the node of a cluster, and what it has seen: the keys of the taints, or that there is none. */
async function watched(api?: (fake: FakeKubernetes) => Api, limits = PATIENT) {
  const fake = await FakeKubernetes.start();
  ends.push(() => fake.stop());
  const states: string[] = [];
  const troubles: (string | undefined)[] = [];
  const watch = new ObjectWatch({
    api: api?.(fake) ?? fake.client(),
    path: '/api/v1/nodes',
    name: 'gpu-7',
    seen: (object) => {
      const { spec } = (object ?? {}) as { readonly spec?: { readonly taints: readonly { readonly key: string }[] } };
      const state = spec === undefined ? 'none' : spec.taints.map(({ key }) => key).join() || 'no taint';
      if (state !== states.at(-1)) states.push(state);
    },
    troubled: (words) => troubles.push(words),
    timers: {
      after(delayMs, callback) {
        const timer = setTimeout(callback, delayMs / (delayMs < LEAST_LIMIT_MS ? FASTER : limits));
        return () => clearTimeout(timer);
      },
    },
    random: seededRandom(7),
  });
  ends.push(() => watch.stop());
  return { fake, states, troubles, watch };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + STORY_MS; !holds(); ) {
    if (performance.now() > endMs) throw new Error(`not within ${STORY_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('a watch of one object', () => {
  it('lists it once, and is told of each change from then on', async () => {
    const { fake, states, watch, troubles } = await watched();
    watch.start();
    await until('it watches', () => fake.watchers === 1);
    fake.taint([{ key: 'a' }]);
    fake.bookmark();
    fake.taint([]);
    fake.removeNode();
    fake.taint([{ key: 'b' }]);
    await until('all is seen', () => states.length === 5);
    expect(states).toEqual(['no taint', 'a', 'no taint', 'none', 'b']);
    expect(fake.asked.map(({ search }) => search)).toEqual([
      '?fieldSelector=metadata.name%3Dgpu-7&limit=2',
      expect.stringMatching(
        /^\?fieldSelector=metadata.name%3Dgpu-7&watch=1&resourceVersion=101&allowWatchBookmarks=true&timeoutSeconds=(2[4-9]\d|300)$/,
      ),
    ]);
    expect(troubles).toEqual([]);
  });

  it('goes on from the newest version that it has heard of, and lists nothing again', async () => {
    const { fake, states, watch } = await watched();
    watch.start();
    for (const key of ['a', 'b', 'c']) {
      await until('it watches', () => fake.watchers === 1);
      fake.endWatches();
      await until('it was ended', () => fake.watchers === 0);
      fake.taint([{ key }]);
      await until('it is seen', () => states.at(-1) === key);
    }
    const versions = fake.asked.map(({ searchParams }) => searchParams.get('resourceVersion'));
    expect(versions.slice(0, 5)).toEqual([null, '101', '101', '102', '103']);
  });

  it('that was away for too long lists again, without a word', async () => {
    const { fake, states, watch, troubles } = await watched();
    watch.start();
    await until('it watches', () => fake.watchers === 1);
    fake.endWatches();
    fake.taint([{ key: 'a' }]);
    fake.compact();
    await until('it is seen', () => states.at(-1) === 'a');
    await until('it watches', () => fake.watchers === 1);
    expect(troubles).toEqual([]);
  });

  it('takes the new token of a file, and says once that the old one is not taken', async () => {
    const { fake, states, watch, troubles } = await watched(
      ({ url, tokenFile, caFile }) =>
        new ApiClient({ url, token: () => readTokenFile(tokenFile), ca: () => readFile(caFile, 'utf8') }),
    );
    watch.start();
    await until('it watches', () => fake.watchers === 1);
    fake.token = 'token-2';
    fake.cut();
    await until('it is told of', () => troubles.length > 0);
    const asked = fake.asked.length;
    await until('it goes on asking', () => fake.asked.length > asked + 2);
    fake.taint([{ key: 'a' }]);
    writeFileSync(fake.tokenFile, 'token-2');
    await until('it is seen', () => states.at(-1) === 'a');
    expect(troubles.at(-1)).toBeUndefined();
    expect(troubles.filter((one) => one?.includes('401'))).toEqual(['answers 401: Unauthorized']);
    expect(JSON.stringify(troubles)).not.toContain('token-');
  });

  it('ends with its connection, and asks nothing more', async () => {
    const { fake, watch } = await watched();
    watch.start();
    await until('it watches', () => fake.watchers === 1);
    watch.stop();
    await until('it is gone', () => fake.watchers === 0);
    const asked = fake.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(fake.asked).toHaveLength(asked);
  });
});

const SILENT = 'says nothing at all';
const FAILURES: Readonly<Record<string, Failure>> = {
  'the connection breaks': (response) => response.destroy(),
  'the answer ends in the middle': (response) => response.end('{"type":"MODIFIED","object":{"meta'),
  'says garbage': (response) => response.end('<html>\n<b>\n'),
  'says a line without an end': (response) => response.end('x'.repeat(5 * 1024 * 1024)),
  [SILENT]: () => {},
  'is unwell': (response, step) =>
    step === 'Request' ? status(response, 500, 'etcd is away') : response.end(errorLine(500, 'etcd is away')),
  'is told to wait': (response, step) =>
    step === 'Request' ? status(response, 429, 'too many') : response.end(errorLine(429, 'too many')),
  'refuses the token': (response) =>
    response.headersSent ? response.destroy() : status(response, 401, 'Unauthorized'),
  'sends elsewhere': (response) =>
    response.headersSent ? response.destroy() : response.writeHead(307, { location: 'https://127.0.0.1:1/' }).end(),
  'does not know the version': (response, step) =>
    step === 'Request' ? status(response, 410, 'too old') : response.end(expiredLine()),
};

function errorLine(code: number, message: string): string {
  return `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, message } })}\n`;
}

describe('a watch whose N-th answer or line fails', () => {
  it.each(Object.entries(FAILURES))('%s: it sees the end of the story for each N', async (name, failure) => {
    let failed = true;
    for (let n = 1; failed; n += 1) {
      expect(n).toBeLessThan(30);
      failed = false;
      let steps = 0;
      const { fake, states, watch } = await watched(undefined, name === SILENT ? FASTER : PATIENT);
      fake.fail = () => {
        steps += 1;
        if (steps !== n) return undefined;
        failed = true;
        return failure;
      };
      watch.start();
      await until('it watches', () => fake.watchers > 0);
      fake.taint([{ key: 'a' }]);
      await until(`the taint is seen with failure ${n}`, () => states.at(-1) === 'a');
      fake.taint([]);
      await until(`its end is seen with failure ${n}`, () => states.at(-1) === 'no taint');
      fake.removeNode();
      await until(`that it is gone is seen with failure ${n}`, () => states.at(-1) === 'none');
      watch.stop();
      await fake.stop();
      ends.length = 0;
    }
  });
});
