import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ModelServers,
  type ModelServersConfig,
  runModelServers,
  startModelServers,
} from '../../../src/lab/modelserver/index.ts';
import { call } from './client.ts';

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(config: ModelServersConfig): Promise<ModelServers> {
  const servers = await startModelServers(config);
  cleanUps.push(servers.stop);
  return servers;
}

/** A port that something else listens on. */
async function takenPort(port = 0): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as { port: number }).port;
}

async function fileWith(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'loadline-fleet-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'fleet.yaml');
  await writeFile(file, content);
  return file;
}

describe('starting model servers', () => {
  it('takes free pairs of ports at the offset, and frees them all on stop', async () => {
    const servers = await start({ count: 4, firstPort: 0, gpuPortOffset: 7, control: '127.0.0.1:0' });
    const ports = servers.servers.flatMap(({ port, gpuPort }) => [port, gpuPort]);
    expect(new Set(ports).size).toBe(8);
    for (const { port, gpuPort } of servers.servers) expect(gpuPort).toBe(port + 7);
    await servers.stop();
    await servers.stop();
    for (const port of ports) await expect(call(port, '/metrics')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(servers.fault(0, {})).rejects.toMatchObject({ code: 'LOADLINE_LAB' });
  });

  it('names the taken port and what to do, and leaves nothing open', async () => {
    const probe = await start({ count: 1, firstPort: 0 });
    const first = probe.servers[0]?.port as number;
    await probe.stop();
    await takenPort(first + 1);
    const error = await startModelServers({ count: 2, firstPort: first, gpuPortOffset: 50 }).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'LOADLINE_LAB' });
    expect(error.message).toContain(`port ${first + 1} on 127.0.0.1 for model server 1 is in use`);
    expect(error.message).toContain('--port');
    for (const port of [first, first + 50]) {
      await expect(call(port, '/metrics')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
  });

  it('names the control address when that is taken', async () => {
    const port = await takenPort();
    const starting = startModelServers({ count: 1, firstPort: 0, control: `127.0.0.1:${port}` });
    await expect(starting).rejects.toThrow(new RegExp(`port ${port} .* for the control API is in use.*--control`));
  });

  it.each([
    [{ count: 0, firstPort: 0 }, 'count'],
    [{ count: 1.5, firstPort: 0 }, 'count'],
    [{ count: 2, firstPort: 65_535 }, '65535'],
    [{ count: 2, firstPort: 9000, gpuPortOffset: 1 }, 'used twice'],
    [{ count: 1, firstPort: 9000, gpuPortOffset: 0 }, 'offset'],
    [{ count: 1, firstPort: 0, gpuPortOffset: 60_000 }, 'offset'],
    [{ count: 1, firstPort: 0, control: '9100' }, 'HOST:PORT'],
    [{ count: 1, firstPort: 0, control: '127.0.0.1:99999' }, 'HOST:PORT'],
    [{ count: 1, firstPort: 0, profiles: [] }, 'profiles'],
    [{ count: 1, firstPort: 0, profiles: ['huge'] }, '"standard" or "wide" or "slow"'],
    [{ count: 1, firstPort: 0, profiles: [{ slots: -1 }] }, 'slots: expected an integer from 1 to 4096'],
  ] as const)('refuses %j', async (config, word) => {
    const starting = startModelServers(config as ModelServersConfig);
    await expect(starting).rejects.toMatchObject({ code: 'LOADLINE_LAB', message: expect.stringContaining(word) });
  });

  it('refuses a fault for a server that is not there, or that is none', async () => {
    const servers = await start({ count: 1, firstPort: 0 });
    await expect(servers.fault(1, {})).rejects.toThrow('allowed are 0 to 0');
    await expect(servers.fault(0, { speed: Number.NaN })).rejects.toThrow('a number from 0 to 10');
    await expect(servers.fault(0, { spede: 1 } as never)).rejects.toThrow('spede');
  });

  it('gives the generation of the GPU exporter to profiles that name none', async () => {
    const servers = await start({ count: 2, firstPort: 0, profiles: [{}, { dcgm: 1 }], dcgmGeneration: 2 });
    const pages = await Promise.all(servers.servers.map(({ gpuPort }) => call(gpuPort, '/metrics')));
    expect(pages.map(({ body }) => body.includes('DCGM_FI_DEV_GPU_UTIL_RATIO{'))).toEqual([true, false]);
  });
});

describe('running model servers from a fleet file', () => {
  const options = async (): Promise<{ port: number; gpuPortOffset: number; control: string }> => ({
    port: 0,
    gpuPortOffset: 100,
    control: '127.0.0.1:0',
  });

  it('starts what the file says, tells where, and ends with its signal', async () => {
    const profileFile = await fileWith(
      '- { count: 2, profile: wide }\n- profile: { slots: 8, speed: 0.5, name: small }\n',
    );
    const lines: string[] = [];
    const stop = new AbortController();
    const ended = runModelServers({ ...(await options()), profileFile }, (line) => lines.push(line), stop.signal);
    for (let looks = 0; looks < 200 && !lines.some((line) => line.startsWith('control')); looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(
      /^server 0: http:\/\/127\.0\.0\.1:\d+ \(profile wide, 64 slots, speed 1\), GPU exporter http/,
    );
    expect(lines[2]).toContain('profile small, 8 slots, speed 0.5');
    const control = Number(/:(\d+)\/servers,/.exec(lines[3] as string)?.[1]);
    expect(JSON.parse((await call(control, '/servers')).body)).toHaveLength(3);
    stop.abort();
    await ended;
    expect(lines.at(-1)).toBe('stopped');
    // A connection that is kept alive is reset, a new one refused.
    await expect(call(control, '/servers')).rejects.toMatchObject({
      code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/),
    });
  });

  it('repeats the profiles of the file when more servers are asked for', async () => {
    const profileFile = await fileWith('[{"count":1,"profile":"wide"},{"count":1,"profile":"slow"}]');
    const lines: string[] = [];
    await runModelServers(
      { ...(await options()), count: 3, profileFile },
      (line) => lines.push(line),
      AbortSignal.abort(),
    );
    expect(lines.slice(0, 3).map((line) => /profile (\w+)/.exec(line)?.[1])).toEqual(['wide', 'slow', 'wide']);
  });

  it('starts nothing on a bad file, and says file, line and column', async () => {
    const profileFile = await fileWith('- count: 2\n  profile: { slots: many }\n');
    const starting = runModelServers({ ...(await options()), profileFile }, () => undefined, AbortSignal.abort());
    await expect(starting).rejects.toMatchObject({
      code: 'LOADLINE_LAB',
      message: expect.stringMatching(/fleet\.yaml:2:21: \[0\]\.profile\.slots: slots: expected an integer.*"many"/),
    });
    const missing = { ...(await options()), profileFile: '/does/not/exist.yaml' };
    await expect(runModelServers(missing, () => undefined, AbortSignal.abort())).rejects.toThrow('cannot be read');
  });
});
