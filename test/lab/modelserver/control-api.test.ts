import { afterEach, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../../src/lab/modelserver/index.ts';
import { call } from './client.ts';

let running: ModelServers | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(): Promise<{ control: number; servers: ModelServers }> {
  running = await startModelServers({
    count: 3,
    firstPort: 0,
    gpuPortOffset: 100,
    control: '127.0.0.1:0',
    profiles: ['standard', 'wide'],
  });
  return { control: Number(running.controlAddress?.split(':')[1]), servers: running };
}

describe('the control API', () => {
  it('lists the servers with their places, profiles and numbers', async () => {
    const { control, servers } = await start();
    const answer = await call(control, '/servers');
    expect(answer.status).toBe(200);
    const rows = JSON.parse(answer.body);
    expect(rows).toEqual(servers.snapshot());
    expect(rows).toHaveLength(3);
    expect(rows.map((row: { profile: string }) => row.profile)).toEqual(['standard', 'wide', 'standard']);
    for (const [index, row] of rows.entries()) {
      expect(row).toMatchObject({ index, address: '127.0.0.1', issued: 0, errors: 0, state: 'Serving', fault: {} });
      expect(row.gpuPort).toBe(row.port + 100);
    }
  });

  it('sets a fault, shows it, and heals it', async () => {
    const { control } = await start();
    const set = await call(control, '/servers/1/fault', { speed: 0.5, gpu: 'Pinned', gpuPeriod: '30s' });
    expect(set.status).toBe(200);
    expect(JSON.parse(set.body)).toMatchObject({ index: 1, speed: 0.5, fault: { speed: 0.5, gpuPeriod: '30s' } });
    expect(JSON.parse((await call(control, '/servers/1')).body)).toMatchObject({ fault: { gpu: 'Pinned' } });
    expect(JSON.parse((await call(control, '/servers/0')).body)).toMatchObject({ fault: {} });
    expect(JSON.parse((await call(control, '/servers/1/fault', {})).body)).toMatchObject({ speed: 1, fault: {} });
  });

  it.each([
    ['{"sped":0.5}', ['"sped"', 'speed (a number from 0 to 10)', 'coldStart']],
    ['{"speed":"fast"}', ['speed', 'a number from 0 to 10', '"fast"']],
    ['{"speed":-1}', ['a number from 0 to 10']],
    ['{"failRatio":1.5}', ['failRatio', 'a number from 0 to 1']],
    ['{"foreignLoad":null}', ['foreignLoad']],
    ['{"crash":1}', ['crash', 'true or false']],
    ['{"coldStart":18}', ['coldStart', 'a duration such as "18s"']],
    ['{"coldStart":"soon"}', ['coldStart', '"soon"']],
    ['{"coldStart":"9999h"}', ['coldStart']],
    ['{"gpuPeriod":"1ms"}', ['gpuPeriod', 'at least 50ms']],
    ['{"gpu":"pinned"}', ['gpu', '"Honest" or "Pinned"']],
    ['{"metrics":"Evil"}', ['metrics', '"Hang"', '"Nan"']],
    ['{"__proto__":1}', ['__proto__']],
    ['{"toString":1}', ['toString']],
    ['[]', ['object', '{} heals']],
    ['7', ['object']],
    ['{', ['not JSON']],
    ['', ['not JSON']],
  ])('refuses %s with 400, says what is allowed, and changes nothing', async (body, words) => {
    const { control, servers } = await start();
    const answer = await call(control, '/servers/0/fault', body);
    expect(answer.status).toBe(400);
    for (const word of words) expect(JSON.parse(answer.body).error).toContain(word);
    expect(servers.snapshot()[0]?.fault).toEqual({});
  });

  it('names everything that is wrong at once', async () => {
    const { control } = await start();
    const { error } = JSON.parse((await call(control, '/servers/0/fault', { speed: 99, freeze: 'yes', x: 1 })).body);
    for (const word of ['speed', 'freeze', '"x"']) expect(error).toContain(word);
  });

  it.each(['3', '-1', '1.5', 'first', '99999999999', '%00'])('knows no server %s', async (index) => {
    const { control } = await start();
    for (const [path, body] of [
      [`/servers/${index}/fault`, {}],
      [`/servers/${index}`, undefined],
    ] as const) {
      const answer = await call(control, path, body);
      expect(answer.status).toBe(404);
      expect(JSON.parse(answer.body).error).toContain('0 to 2');
    }
  });

  it('answers other paths, methods and sizes with what it has', async () => {
    const { control } = await start();
    const lost = await call(control, '/');
    expect([lost.status, JSON.parse(lost.body).error]).toEqual([
      404,
      expect.stringContaining('POST /servers/{i}/fault'),
    ]);
    const wrong = await call(control, '/servers', {});
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET']);
    const get = await call(control, '/servers/0/fault');
    expect([get.status, get.headers.allow]).toEqual([405, 'POST']);
    expect((await call(control, '/servers/0/fault', ' '.repeat(70_000))).status).toBe(413);
  });
});
