import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EnvoyProcess, startEnvoy } from '../../../src/edge/envoy/index.ts';
import { FakePrograms } from './fake-programs.ts';

let fakes: FakePrograms;
let envoy: EnvoyProcess | undefined;
beforeEach(() => {
  fakes = new FakePrograms();
});
afterEach(async () => {
  if (envoy?.running) await envoy.kill();
  envoy = undefined;
  fakes.remove();
});

describe('an Envoy process', () => {
  it('is up when its admin interface is, and ready when it says so', async () => {
    envoy = await startEnvoy({ binary: fakes.runningEnvoy({ lateness: 2 }), bootstrap: { node: { id: 'n' } } });
    expect(envoy.adminUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await envoy.ready(10_000);
    expect(envoy.log()).toContain('config {"node":{"id":"n"}}');
  });

  it('says in what state it was when it does not get ready in time', async () => {
    envoy = await startEnvoy({ binary: fakes.runningEnvoy({ lateness: 1e6 }), bootstrap: {} });
    await expect(envoy.ready(200)).rejects.toMatchObject({
      code: 'LOADLINE_ENVOY_FAILED',
      message: expect.stringContaining('PRE_INITIALIZING'),
    });
  });

  it('answers questions about itself', async () => {
    envoy = await startEnvoy({ binary: fakes.runningEnvoy(), bootstrap: {} });
    expect(await envoy.stats('.*')).toEqual({ 'cluster.a.rq': 3, 'http.in.rq': 4 });
    expect(await envoy.clusters()).toEqual({ a: [] });
    await expect(envoy.configDump()).rejects.toThrow(/answers 500 to \/config_dump/);
  });

  it('stops when asked to', async () => {
    envoy = await startEnvoy({ binary: fakes.runningEnvoy(), bootstrap: {} });
    expect(await envoy.stop()).toEqual({ code: 0, signal: null });
    expect(envoy.running).toBe(false);
    expect(envoy.log().at(-1)).toBe('caught SIGTERM');
    expect(await envoy.stop()).toEqual({ code: 0, signal: null });
  });

  it('is killed when it does not stop', async () => {
    envoy = await startEnvoy({ binary: fakes.runningEnvoy({ stubborn: true }), bootstrap: {} });
    expect(await envoy.stop({ killAfterMs: 100 })).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('is noticed when it dies, and its last words are quoted', async () => {
    envoy = await startEnvoy({ binary: fakes.runningEnvoy(), bootstrap: {} });
    process.kill(envoy.pid, 'SIGUSR1');
    expect(await envoy.exited).toEqual({ code: 6, signal: null });
    await expect(envoy.stats('')).rejects.toThrow(/ended \(code 6\)[\s\S]*assert failure/);
    await expect(envoy.ready(1000)).rejects.toThrow(/ended \(code 6\) before it was ready/);
  });

  it('that refuses its configuration is an error with its reason', async () => {
    const binary = fakes.program(
      'refusing',
      `console.error('error initializing config: unknown field'); process.exit(1)`,
    );
    await expect(startEnvoy({ binary, bootstrap: {} })).rejects.toMatchObject({
      code: 'LOADLINE_ENVOY_FAILED',
      message: expect.stringMatching(/ended while starting \(code 1\)\n {2}error initializing config: unknown field/),
    });
  });

  it('that does not exist is an error, not an uncaught event', async () => {
    await expect(startEnvoy({ binary: join(fakes.folder, 'nothing'), bootstrap: {} })).rejects.toThrow(
      /cannot be started: .*ENOENT/,
    );
  });
});

describe('the end of the parent', () => {
  it.each([
    ['exit', `process.exit(0)`, { code: 0, signal: null }],
    ['SIGTERM', `process.kill(process.pid, 'SIGTERM')`, { code: null, signal: 'SIGTERM' }],
    ['a thrown error', `throw new Error('boom')`, { code: 1, signal: null }],
  ])('by %s is the end of its Envoys', async (_, ending, exit) => {
    const room = resolve(import.meta.dirname, '../../../src/edge/envoy/index.ts');
    const script = `
      import { startEnvoy } from ${JSON.stringify(room)};
      const envoy = await startEnvoy({ binary: ${JSON.stringify(fakes.runningEnvoy({ stubborn: true }))}, bootstrap: {} });
      process.stdout.write(String(envoy.pid), () => { ${ending} });`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: resolve(import.meta.dirname, '../../..'),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let out = '';
    parent.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const [code, signal] = await once(parent, 'close');
    expect({ code, signal }).toEqual(exit);
    expect(Number(out)).toBeGreaterThan(1);
    expect(await endsWithin(Number(out), 5000)).toBe(true);
  });
});

async function endsWithin(pid: number, timeoutMs: number): Promise<boolean> {
  for (let waited = 0; waited < timeoutMs; waited += 20) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
}
