import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NvidiaSmi } from '../../../../src/edge/signals/nvidia-smi/run-nvidia-smi.ts';
import { NvidiaSmiSource } from '../../../../src/edge/signals/sources/nvidia-smi-source.ts';
import { FakeNvidiaSmi } from '../../../support/fake-nvidia-smi.ts';
import { until } from '../../../support/serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'loadline-smi-'));
const fake = new FakeNvidiaSmi(folder);
const never = new AbortController().signal;
const runs = join(folder, 'runs');

beforeAll(() => Object.assign(process.env, fake.env));
afterEach(() => {
  fake.heal();
  rmSync(runs, { force: true });
});
afterAll(() => {
  delete process.env.FAKE_NVIDIA_SMI;
  rmSync(folder, { recursive: true, force: true });
});

function source(path = fake.path): NvidiaSmiSource {
  const about = { key: 'k', url: 'exec:nvidia-smi', source: 'nvidia-smi', service: '', pool: '', intervalMs: 1000 };
  return new NvidiaSmiSource({ kind: 'NvidiaSmi', path, subject: { address: '10.0.0.1', port: 8000 }, ...about });
}

function pids(): readonly number[] {
  return existsSync(runs) ? readFileSync(runs, 'utf8').trim().split('\n').map(Number) : [];
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('nvidia-smi of this machine', () => {
  it('is asked for what the law reads, and its values are about the endpoint', async () => {
    fake.plan({ gpus: 2, set: { 'utilization.gpu': '40 %' } });
    const { samples, failure } = await source().collect(1000, never);
    expect(failure).toBeUndefined();
    expect(samples.filter(({ metric }) => metric === 'gpuUtilRatio')).toMatchObject([
      { value: 0.4, subject: { address: '10.0.0.1', port: 8000, gpu: 'GPU-00000000-0000-0000-0000-000000000000' } },
      { value: 0.4, subject: { gpu: 'GPU-00000000-0000-0000-0000-000000000001' } },
    ]);
    expect(samples.find(({ metric }) => metric === 'smClockHertz')?.value).toBe(1.98e9);
    expect(samples.every(({ sampledAtMs, device }) => sampledAtMs > 1000 && device === 'Whole')).toBe(true);
  });

  it.each([
    [
      'finds no driver',
      { fail: 'NVIDIA-SMI has failed because it couldn’t talk' },
      'Process',
      /ended with 9: NVIDIA-SMI/,
    ],
    ['is cut in a number', { cut: 4 }, 'Truncated', /middle of a line/],
    ['never stops printing', { flood: true }, 'TooLarge', /more than 1048576 bytes/],
  ] as const)('that %s gives nothing and says why', async (_, plan, reason, message) => {
    fake.plan(plan);
    const { samples, failure } = await source().collect(1000, never);
    expect(samples).toEqual([]);
    expect(failure).toEqual({ reason, message: expect.stringMatching(message) });
  });

  it('that is not there says so, each time', async () => {
    const missing = source('/nowhere/nvidia-smi');
    for (let i = 0; i < 2; i++) {
      expect(await missing.collect(0, never)).toMatchObject({
        failure: { reason: 'Process', message: 'there is no such program' },
      });
    }
  });

  it('that hangs is killed when its time is over, and tried again', async () => {
    fake.plan({ hang: true, runs });
    const one = source();
    const deadline = new AbortController();
    const collected = one.collect(0, deadline.signal);
    await until('it runs', () => pids().length === 1);
    deadline.abort('Timeout');
    expect(await collected).toMatchObject({
      failure: { reason: 'Timeout', message: expect.stringMatching(/^killed after \d+ ms$/) },
    });
    await until('it is dead', () => !alive(pids()[0] as number));
    fake.heal();
    expect((await one.collect(0, never)).samples.length).toBeGreaterThan(0);
  });

  it('is never run twice at once: one that cannot be killed is waited for', async () => {
    fake.plan({ hang: true, runs });
    const program = new NvidiaSmi(fake.path, []);
    const first = new AbortController();
    const running = program.run(first.signal);
    await until('it runs', () => pids().length === 1);
    expect(await program.run(never)).toEqual({
      ok: false,
      failure: { reason: 'Timeout', message: 'its last run hangs in the driver and cannot be killed' },
    });
    expect(pids()).toHaveLength(1);
    first.abort('Stopped');
    expect(await running).toMatchObject({ failure: { reason: 'Stopped' } });
  });
});
