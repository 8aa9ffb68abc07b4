import { afterEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../src/core/access/index.ts';
import {
  type AccessSeam,
  connectEvents,
  createAdminServer,
  type EventBatch,
  type EventQuery,
} from '../../../src/edge/admin/index.ts';
import { type EventKind, EventTimeline } from '../../../src/edge/observe/index.ts';
import { FakeLog } from '../observe/fake-log.ts';

const NOW_MS = 1_800_000_000_000;
const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A server whose reader has the identity `who`. */
async function serve(timeline: EventTimeline, who?: 'all' | 'chat' | 'nobody'): Promise<string> {
  const access: AccessSeam = {
    recognise: (peer) => ({ ok: true, peer }),
    may: (_peer, _action, resource) =>
      who === 'all' || (who === 'chat' && resource.kind === 'Service' && resource.name === 'chat'),
    services: () => ['chat', 'embed'],
    servicesOfGroup: () => [],
    groupOfNode: () => undefined,
    refused: () => {},
  };
  const refuse = () => ({ ok: false as const, issues: [] });
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => {
        throw new Error('not asked for here');
      },
      explain: refuse,
      proxyConfig: refuse,
    },
    events: { timeline, now: () => NOW_MS },
    access: who === undefined ? undefined : access,
    peerOf: (): Peer => ({ kind: 'Certificate', spiffeId: `spiffe://m/${who}` }),
    log: new FakeLog(),
  });
  ending.push(() => server.stop());
  return server.address;
}

function client(address: string) {
  const connected = connectEvents(address);
  ending.push(() => connected.close());
  return connected;
}

async function read(address: string, query: Partial<EventQuery> = {}): Promise<EventBatch> {
  const batches: EventBatch[] = [];
  const signal = new AbortController().signal;
  await client(address).read({ kinds: [], subjects: [], follow: false, ...query }, (one) => batches.push(one), signal);
  return {
    skipped: batches.reduce((sum, one) => sum + one.skipped, 0),
    events: batches.flatMap(({ events }) => events),
  };
}

function add(timeline: EventTimeline, kind: EventKind, subject: string, ageMs = 0): void {
  timeline.add({ atMs: NOW_MS - ageMs, kind, subject, message: `${kind} of ${subject}` });
}

function aDay(): EventTimeline {
  const timeline = new EventTimeline();
  add(timeline, 'PolicyLoaded', 'lab.yaml', 600_000);
  // A sidecar that is called as a service is.
  add(timeline, 'NodeConnected', 'chat', 300_000);
  add(timeline, 'WeightsPushed', 'chat', 200_000);
  add(timeline, 'Shift', 'chat/gpu/10.0.0.1:8000', 100_000);
  add(timeline, 'WeightsPushed', 'chat-large', 50_000);
  add(timeline, 'OperationBegan', 'embed/gpu', 0);
  return timeline;
}

const subjects = ({ events }: EventBatch) => events.map(({ subject }) => subject);

describe('Observe.Events', () => {
  it('gives what is kept, as it is, oldest first', async () => {
    const timeline = aDay();
    const fields = { share: 0.25, cause: 'Load', beyond: null, last: true, none: 0, empty: '' };
    timeline.add({ atMs: NOW_MS + 0.5, kind: 'Shift', subject: 'chat/a', message: 'moved', fields });
    expect(await read(await serve(timeline))).toEqual({ skipped: 0, events: timeline.list() });
  });

  it('gives only what was asked for', async () => {
    const address = await serve(aDay());
    expect(subjects(await read(address, { subjects: ['chat'] }))).toEqual(['chat', 'chat', 'chat/gpu/10.0.0.1:8000']);
    expect(subjects(await read(address, { kinds: ['WeightsPushed'] }))).toEqual(['chat', 'chat-large']);
    expect(subjects(await read(address, { kinds: ['WeightsPushed'], subjects: ['chat'] }))).toEqual(['chat']);
    expect(subjects(await read(address, { maxAgeMs: 100_000 }))).toEqual([
      'chat/gpu/10.0.0.1:8000',
      'chat-large',
      'embed/gpu',
    ]);
    expect(subjects(await read(address, { after: 4 }))).toEqual(['embed/gpu']);
    expect(subjects(await read(address, { after: 5 }))).toEqual([]);
  });

  it('refuses a kind that there is not, and a sequence of the server before', async () => {
    const address = await serve(aDay());
    await expect(read(address, { kinds: ['Nak'] })).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: expect.stringMatching(/no kind of event is called "Nak"; there are: .*Nack.*INVALID_ARGUMENT/),
    });
    await expect(read(address, { after: 6 })).rejects.toThrow(/there is no event 6: the newest is 5.*OUT_OF_RANGE/);
  });

  it('tells who may not view everything of her services alone, and nothing of a sidecar that is called so', async () => {
    expect((await read(await serve(aDay(), 'chat'))).events.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
      'WeightsPushed chat',
      'Shift chat/gpu/10.0.0.1:8000',
    ]);
    expect(subjects(await read(await serve(aDay(), 'all')))).toHaveLength(6);
    await expect(read(await serve(aDay(), 'nobody'))).rejects.toThrow(/PERMISSION_DENIED/);
  });

  it('goes on with what happens until its reader ends it', async () => {
    const timeline = aDay();
    const address = await serve(timeline);
    const ended = new AbortController();
    const seen: number[] = [];
    await client(address).read(
      { kinds: [], subjects: ['chat'], follow: true },
      ({ events }) => {
        seen.push(...events.map(({ sequence }) => sequence));
        if (seen.length < 8) for (const subject of ['embed', 'chat']) add(timeline, 'Herd', subject);
        else ended.abort();
      },
      ended.signal,
    );
    expect(seen).toEqual([1, 2, 3, 7, 9, 11, 13, 15]);
  });

  it('tells a reader that came too late how many are gone', async () => {
    const timeline = new EventTimeline(10);
    for (let i = 0; i < 25; i += 1) add(timeline, 'Herd', 'chat');
    const late = await read(await serve(timeline), { after: 3 });
    expect(late.skipped).toBe(11);
    expect(late.events.map(({ sequence }) => sequence)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
  });

  it('holds nothing for a reader that does not read: what it missed is a number', async () => {
    const timeline = new EventTimeline(50);
    const address = await serve(timeline);
    const ended = new AbortController();
    let [skipped, got, bursts] = [0, 0, 0];
    // Each burst is larger than what is kept, and nothing is sent while it comes.
    const burst = (): void => {
      bursts += 1;
      for (let i = 0; i < 500; i += 1) add(timeline, 'Herd', 'chat');
    };
    burst();
    await client(address).read(
      { kinds: [], subjects: [], follow: true },
      (batch) => {
        skipped += batch.skipped;
        got += batch.events.length;
        if (bursts < 4) burst();
        else ended.abort();
      },
      ended.signal,
    );
    expect(got).toBe(4 * 50);
    expect(skipped).toBe(3 * 450);
  });

  it('serves 200 readers and refuses the next; who leaves makes room', async () => {
    const timeline = new EventTimeline();
    add(timeline, 'Herd', 'chat');
    const address = await serve(timeline);
    const readers = Array.from({ length: 200 }, () => new AbortController());
    const reader = client(address);
    let began = 0;
    let allBegan: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      allBegan = resolve;
    });
    const running = readers.map(({ signal }) =>
      reader.read(
        { kinds: [], subjects: [], follow: true },
        () => {
          began += 1;
          if (began === 200) allBegan();
        },
        signal,
      ),
    );
    await ready;
    await expect(read(address)).rejects.toThrow(/200 are reading events already.*RESOURCE_EXHAUSTED/);
    for (const one of readers) one.abort();
    await Promise.all(running);
    let room = false;
    for (let tries = 0; tries < 100 && !room; tries += 1) {
      room = await read(address).then(
        () => true,
        () => false,
      );
    }
    expect(room).toBe(true);
  });

  it('ends with the server', async () => {
    const timeline = new EventTimeline();
    const server = await createAdminServer({
      address: '127.0.0.1:0',
      observe: {
        status: () => ({}) as never,
        explain: () => ({ ok: false, issues: [] }),
        proxyConfig: () => ({ ok: false, issues: [] }),
      },
      events: { timeline, now: () => NOW_MS },
      log: new FakeLog(),
    });
    add(timeline, 'Herd', 'chat');
    let stopping: Promise<void> | undefined;
    await client(server.address).read(
      { kinds: [], subjects: [], follow: true },
      () => {
        stopping = server.stop();
      },
      new AbortController().signal,
    );
    await stopping;
    expect(stopping).toBeDefined();
  });
});
