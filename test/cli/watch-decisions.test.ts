import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DecisionFeed } from '../../src/app/decision-feed.ts';
import { main } from '../../src/cli/main.ts';
import { type AdminServer, createAdminServer } from '../../src/edge/admin/index.ts';
import { Fleet, fleetPolicy } from '../core/control/fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import type { Ran } from './run.ts';

let server: AdminServer;
let fleet: Fleet;
let feed: DecisionFeed;

beforeEach(async () => {
  fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
  feed = new DecisionFeed();
  tick();
  const nothing = () => ({ ok: false as const, issues: [] });
  server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: { status: () => ({}) as never, explain: nothing, proxyConfig: nothing },
    decisions: feed,
    log: new FakeLog(),
  });
});

afterEach(() => server.stop());

function tick(): void {
  fleet.run(1);
  feed.ticked({ plan: fleet.state.plan!, loads: fleet.loads, tick: fleet.state.tick, atMs: fleet.nowMs });
}

/** Runs until something was decided after the first, then interrupts it as a person does. */
async function watched(...argv: readonly string[]): Promise<Ran> {
  let [out, err] = ['', ''];
  let isFirst = true;
  const began = feed.newest('chat')?.turn ?? 0;
  const io = {
    out: (text: string) => {
      out += text;
      if (text.startsWith('TIME')) return;
      if (!isFirst) process.emit('SIGINT');
      isFirst = false;
      for (let second = 0; second < 60 && feed.newest('chat')?.turn === began; second += 1) tick();
    },
    err: (text: string) => {
      err += text;
    },
    colour: false,
  };
  const code = await main(['explain', '--watch', ...argv, '--admin', server.address], io);
  return { code, out, err };
}

describe('loadline explain --watch', () => {
  it('prints what stands, then one line for each endpoint that changes, until it is interrupted', async () => {
    const { code, out, err } = await watched('chat');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [head, ...lines] = out.trimEnd().split('\n');
    expect(head).toBe('TIME                      ENDPOINT                  WEIGHT        SHARE               WHY');
    const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';
    for (const line of lines.slice(0, 3))
      expect(line).toMatch(new RegExp(`^${time}  gpu/\\S+ +\\d+ +[\\d.]+ % +\\S.*$`));
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines.slice(3))
      expect(line).toMatch(new RegExp(`^${time}  gpu/\\S+ +\\d+ -> \\d+ +.* % +\\S.*$`));
  });

  it('prints one JSON object a line, and one YAML document a decision', async () => {
    const views = (await watched('chat', '-o', 'json')).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(views).toHaveLength(2);
    expect(views).toMatchObject([
      { service: 'chat', complete: true, skipped: 0 },
      { service: 'chat', complete: false, time: expect.stringMatching(/Z$/), endpoints: [{ health: 'Healthy' }] },
    ]);
    const documents = parseAllDocuments((await watched('chat', '-o', 'yaml')).out);
    expect(documents.map((one) => one.toJS().complete)).toEqual([true, false]);
  });

  it('of a pool or an endpoint leaves the others out', async () => {
    // The slow one, whose weight moves.
    const [, , id = ''] = fleet.state.plan?.decisions.chat?.endpoints.map((one) => one.id) ?? [];
    const { out } = await watched(id, '-o', 'json');
    for (const line of out.trimEnd().split('\n')) expect(JSON.parse(line).endpoints).toMatchObject([{ id }]);
  });

  it('says what there is where there is no such thing', async () => {
    expect(await watched('caht')).toMatchObject({ code: 1, err: 'error: no service "caht"; known: chat\n' });
    const pool = await watched('chat/cpu', '-o', 'json');
    expect(pool).toMatchObject({ code: 1, out: '' });
    expect(pool.err).toMatch(/^error: service chat has no endpoint "chat\/cpu"; there are: chat\/gpu\//);
  });
});
