import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineFileTarget } from '../../../src/edge/signals/index.ts';
import type { Collected } from '../../../src/edge/signals/signal-source.ts';
import { EngineFileSource } from '../../../src/edge/signals/sources/engine-file-source.ts';
import { fixture } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'loadline-engine-file-'));
const path = join(folder, '10.0.0.1-8000.prom');
const never = new AbortController().signal;
const WRITTEN_MS = 1_700_000_000_000;
const NOW_MS = 50_000;
const PAGE = 'vllm:num_requests_running 7\nvllm:num_requests_waiting 2\n';
const TARGET: EngineFileTarget = {
  kind: 'EngineFile',
  key: 'k',
  source: `engine file ${path}`,
  url: `file://${path}`,
  service: 'chat',
  pool: 'gpu',
  intervalMs: 1000,
  path,
  maxAgeMs: 15_000,
  subject: { address: '10.0.0.1', port: 8000 },
};

beforeEach(() => rmSync(path, { force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, atMs = WRITTEN_MS): void {
  writeFileSync(path, text);
  utimesSync(path, atMs / 1000, atMs / 1000);
}

function collect(ageMs = 0, rest: Partial<EngineFileTarget> = {}): Promise<Collected> {
  return new EngineFileSource({ ...TARGET, ...rest }, () => WRITTEN_MS + ageMs).collect(NOW_MS, never);
}

describe('a file with the page of an engine', () => {
  it('is about its endpoint, and as old as its last change', async () => {
    write(PAGE);
    expect(await collect(3000)).toEqual({
      samples: ['runningRequests', 'waitingRequests'].map((metric) => ({
        subject: { address: '10.0.0.1', port: 8000 },
        metric,
        value: metric === 'runningRequests' ? 7 : 2,
        sampledAtMs: NOW_MS - 3000,
        changedAtMs: NOW_MS - 3000,
        source: `engine file ${path}`,
      })),
      refusals: [],
      badLines: 0,
    });
  });

  it('says a value once, not at each look until it is written again', async () => {
    const clock = { ageMs: 0 };
    const source = new EngineFileSource(TARGET, () => WRITTEN_MS + clock.ageMs);
    write(PAGE);
    expect((await source.collect(NOW_MS, never)).samples).toHaveLength(2);
    clock.ageMs = 1000;
    expect(await source.collect(NOW_MS + 1000, never)).toEqual({ samples: [], refusals: [], badLines: 0 });
    write(PAGE, WRITTEN_MS + 1500);
    clock.ageMs = 2000;
    expect((await source.collect(NOW_MS + 2000, never)).samples[0]).toMatchObject({
      sampledAtMs: NOW_MS + 1500,
      changedAtMs: NOW_MS,
    });
  });

  it('is of the engine that its names tell, or that the policy names', async () => {
    write(fixture('sglang.metrics'));
    expect((await collect()).samples.find(({ metric }) => metric === 'runningRequests')?.value).toBe(17);
    expect((await collect(0, { format: 'Tgi' })).failure).toEqual({
      reason: 'NoMetrics',
      message: 'the page has no metric of TGI',
    });
  });

  it('that nobody writes any more is unknown, and not a steady load', async () => {
    write(PAGE);
    expect(await collect(16_000)).toMatchObject({
      samples: [],
      failure: { reason: 'Stale', message: 'was last written 16 s ago' },
    });
  });

  it.each([
    ['is cut in a number', PAGE.slice(0, -1), 'Truncated', 'it ends in the middle of a line'],
    ['is empty', '', 'NoMetrics', 'the page has no known engine metric'],
    [
      'is of an engine that still loads',
      'sglang:num_running_reqs 0\nsglang:max_total_num_tokens 0\n',
      'NotReady',
      /not ready/,
    ],
    ['says what cannot be', 'vllm:num_requests_running -3\n', 'Refused', 'every engine metric was refused'],
  ])('that %s gives nothing and says why', async (_, text, reason, message) => {
    write(text);
    expect(await collect()).toMatchObject({
      samples: [],
      failure: { reason, message: typeof message === 'string' ? message : expect.stringMatching(message) },
    });
  });

  it('that is not there gives nothing', async () => {
    expect((await collect()).failure).toEqual({ reason: 'File', message: 'does not exist' });
  });
});
