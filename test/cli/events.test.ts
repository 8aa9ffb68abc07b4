import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { main } from '../../src/cli/main.ts';
import { type AdminServer, createAdminServer } from '../../src/edge/admin/index.ts';
import { EventTimeline } from '../../src/edge/observe/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { run } from './run.ts';

const NOW_MS = Date.UTC(2026, 10, 26, 12);
let timeline: EventTimeline;
let server: AdminServer;

beforeEach(async () => {
  timeline = new EventTimeline();
  timeline.add({ atMs: NOW_MS - 60_000, kind: 'PolicyLoaded', subject: 'lab.yaml', message: 'revision r1' });
  timeline.add({
    atMs: NOW_MS - 1500,
    kind: 'Nack',
    subject: 'sidecar-a',
    message: 'weight\n  is wrong',
    fields: { type: 'eds' },
  });
  const nothing = () => ({ ok: false as const, issues: [] });
  server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: { status: () => ({}) as never, explain: nothing, proxyConfig: nothing },
    events: { timeline, now: () => NOW_MS },
    log: new FakeLog(),
  });
});

afterEach(() => server.stop());

const on = (...argv: readonly string[]) => run('events', ...argv, '--admin', server.address);

describe('loadline events', () => {
  it('prints time, kind, subject and message, one line each', async () => {
    expect(await on()).toEqual({
      code: 0,
      err: '',
      out: [
        'TIME                      KIND                SUBJECT                       MESSAGE',
        '2026-11-26T11:59:00.000Z  PolicyLoaded        lab.yaml                      revision r1',
        '2026-11-26T11:59:58.500Z  Nack                sidecar-a                     weight is wrong',
        '',
      ].join('\n'),
    });
  });

  it('prints them for programs', async () => {
    const nack = {
      sequence: 1,
      time: '2026-11-26T11:59:58.500Z',
      kind: 'Nack',
      subject: 'sidecar-a',
      message: 'weight\n  is wrong',
      fields: { type: 'eds' },
    };
    expect(JSON.parse((await on('--output', 'json', '--kind', 'Nack')).out)).toEqual({ events: [nack] });
    expect(parse((await on('--output', 'yaml', '--since', '10s')).out)).toEqual({ events: [nack] });
    expect(JSON.parse((await on('-o', 'json', '--for', 'nobody')).out)).toEqual({ events: [] });
  });

  it('says that there are none, and which kinds there are', async () => {
    expect(await on('--for', 'nobody')).toEqual({ code: 0, out: '', err: 'no events\n' });
    const odd = await on('--kind', 'Nak');
    expect(odd).toMatchObject({ code: 1, out: '' });
    expect(odd.err).toMatch(/no kind of event is called "Nak"; there are: PolicyLoaded, /);
    expect(await on('--since', 'yesterday')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected a duration'),
    });
  });

  it.each([
    ['json', /^\{"sequence":0,.*\}\n\{"sequence":1,.*\}\n\{"sequence":2,"time":".*","kind":"Herd".*\}\n$/],
    ['yaml', /^---\nsequence: 0\n(.+\n)+---\nsequence: 1\n(.+\n)+---\nsequence: 2\n/],
    ['table', /^TIME .*\n.* PolicyLoaded .*\n.* Nack .*\n.* Herd +chat +again\n$/],
  ])('follows until it is interrupted, and prints %s as it comes', async (format, expected) => {
    const began = new Promise<void>((resolve) => {
      const { watch } = timeline;
      timeline.watch = (tell) => {
        setImmediate(resolve);
        return watch.call(timeline, tell);
      };
    });
    let out = '';
    const io = {
      out: (text: string) => {
        out += text;
        if (text.includes('Herd')) process.emit('SIGINT');
      },
      err: (text: string) => expect(text).toBe(''),
      colour: false,
    };
    const running = main(['events', '--follow', '--output', format, '--admin', server.address], io);
    await began;
    timeline.add({ atMs: NOW_MS, kind: 'Herd', subject: 'chat', message: 'again' });
    expect(await running).toBe(0);
    expect(out).toMatch(expected);
  });

  it('ends with an error when the server goes away', async () => {
    timeline.add({ atMs: NOW_MS, kind: 'Herd', subject: 'chat', message: 'again' });
    await server.stop();
    expect(await on('--follow')).toMatchObject({ code: 1, err: expect.stringContaining('nothing listens on') });
  });
});
