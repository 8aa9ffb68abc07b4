import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { redrawn } from '../../src/cli/terminal.ts';
import { topText } from '../../src/cli/top-words.ts';
import { type AdminServer, createAdminServer } from '../../src/edge/admin/index.ts';
import { buildServerView, type EndpointView, type ServerView } from '../../src/edge/observe/index.ts';
import { viewInput } from '../edge/observe/a-view.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { run } from './run.ts';

const BASE = buildServerView(viewInput(10));

/** `chat` with endpoints of these pressures, `embed` with one of 0.5. */
function viewOf(...pressures: readonly (number | null)[]): ServerView {
  const [chat] = BASE.services;
  const [pool] = chat?.pools ?? [];
  const [one] = pool?.endpoints ?? [];
  const endpoint = (service: string, pressure: number | null, at: number): EndpointView => ({
    ...(one as EndpointView),
    id: `${service}/gpu/10.0.0.${at}:8000`,
    weight: 100 + at,
    share: 0.25,
    issuedShare: 0.2,
    ageMs: 900,
    pressure,
    inFlight: pressure === null ? null : 10 * pressure,
    state: pressure === null ? 'Stale' : 'Active',
  });
  const service = (name: string, endpoints: readonly EndpointView[]) => ({
    ...(chat as NonNullable<typeof chat>),
    name,
    pools: [{ ...(pool as NonNullable<typeof pool>), endpoints }],
  });
  return {
    ...BASE,
    services: [
      service(
        'chat',
        pressures.map((pressure, at) => endpoint('chat', pressure, at)),
      ),
      service('embed', [endpoint('embed', 0.5, 0)]),
    ],
  };
}

const ids = (text: string) => [...text.matchAll(/^(\w+\/gpu\/\S+)/gm)].map(([, id]) => id);

describe('the table of top', () => {
  it('has who is under the most pressure first, and who is not known last', () => {
    const text = topText(viewOf(0.2, null, 1.4, 0.7), { colour: false });
    expect(ids(text)).toEqual(
      [2, 3, -1, 0, 1].map((at) => (at === -1 ? 'embed/gpu/10.0.0.0:8000' : `chat/gpu/10.0.0.${at}:8000`)),
    );
    const [head, , titles, first] = text.split('\n');
    expect(head).toMatch(/^all services: 5 endpoints, 1 not active, 28 requests in flight; \d+ sidecars, revision /);
    expect(titles).toMatch(/^ENDPOINT +PRESSURE +IN FLIGHT +WEIGHT +SHARE +ISSUED +AGE +STATE$/);
    expect(first).toMatch(/^chat\/gpu\/10\.0\.0\.2:8000 +1\.40 +14 +102 +25\.0 % +20\.0 % +0\.9 s +Active$/);
  });

  it('has only the service that was asked for', () => {
    expect(ids(topText(viewOf(0.2, 0.9), { service: 'embed', colour: false }))).toEqual(['embed/gpu/10.0.0.0:8000']);
  });

  it.each([1, 5, 8, 24])('fits into %i lines, and says how many are left out', (rows) => {
    const text = topText(viewOf(...Array.from({ length: 12 }, (_, at) => at / 10)), { rows, colour: false });
    const shown = ids(text).length;
    expect(shown).toBe(Math.min(13, Math.max(1, rows - 4)));
    if (rows >= 5) expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(rows);
    if (shown < 13) expect(text).toContain(`and ${13 - shown} more under less pressure\n`);
  });

  it('says that there is nothing', () => {
    expect(topText({ ...BASE, services: [] }, { colour: false })).toMatch(/^all services: 0 endpoints, .*\n$/);
  });

  it('is drawn over the one before, with nothing of it left', () => {
    expect(redrawn('a\nb\n')).toBe('\u001b[Ha\u001b[K\nb\u001b[K\n\u001b[J');
  });
});

describe('loadline top', () => {
  let server: AdminServer;
  let asked: number;
  let view: () => ServerView;

  beforeEach(async () => {
    asked = 0;
    view = () => viewOf(0.1, 0.9);
    const nothing = () => ({ ok: false as const, issues: [] });
    server = await createAdminServer({
      address: '127.0.0.1:0',
      observe: {
        status: () => {
          asked += 1;
          return view();
        },
        explain: nothing,
        proxyConfig: nothing,
      },
      log: new FakeLog(),
    });
  });

  afterEach(() => server.stop());

  it('prints once where there is no terminal', async () => {
    const { code, out, err } = await run('top', 'chat', '--admin', server.address);
    expect({ code, err, asked }).toEqual({ code: 0, err: '', asked: 1 });
    expect(ids(out)).toEqual(['chat/gpu/10.0.0.1:8000', 'chat/gpu/10.0.0.0:8000']);
    expect(out).not.toContain('\u001b');
  });

  it('names the services that there are', async () => {
    expect(await run('top', 'caht', '--admin', server.address)).toEqual({
      code: 1,
      out: '',
      err: 'error: no service "caht"; known: chat, embed\n',
    });
  });

  it.each(['q', 'ctrl-c'])('draws again each second on a terminal until %s, and gives the screen back', async (key) => {
    const drawn: string[] = [];
    let press: (key: string) => void = () => {};
    let open = false;
    const code = await main(['top', '--admin', server.address], {
      out: (text) => {
        drawn.push(text);
        if (drawn.length === 1) view = () => viewOf(0.8, 0.3);
        if (drawn.length === 2)
          view = () => {
            throw new Error('on purpose');
          };
        if (drawn.length === 3) {
          press('x');
          press(key);
        }
      },
      err: () => {},
      colour: false,
      terminal: {
        rows: () => 24,
        open: (onKey) => {
          open = true;
          press = onKey;
          return () => {
            open = false;
          };
        },
      },
    });
    expect({ code, open, times: drawn.length }).toEqual({ code: 0, open: false, times: 3 });
    expect(drawn.map((text) => ids(text.replace('\u001b[H', ''))[0])).toEqual([
      'chat/gpu/10.0.0.1:8000',
      'chat/gpu/10.0.0.0:8000',
      'chat/gpu/10.0.0.0:8000',
    ]);
    expect(drawn[2]?.startsWith('\u001b[Hwhat follows is old: ')).toBe(true);
    expect(drawn[2]).toContain('the server failed to answer');
  });
});
