import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readTextFile } from '../../../src/edge/signals/read-text-file.ts';
import type { Collected } from '../../../src/edge/signals/signal-source.ts';
import { FileSource } from '../../../src/edge/signals/sources/file-source.ts';
import { fixture } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'loadline-file-'));
const path = join(folder, 'gpu');
const never = new AbortController().signal;
const WRITTEN_MS = 1_700_000_000_000;
const NOW_MS = 50_000;
const PAGE = `# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-aa"} 73
`;

beforeEach(() => rmSync(path, { recursive: true, force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, atMs = WRITTEN_MS): void {
  writeFileSync(path, text);
  utimesSync(path, atMs / 1000, atMs / 1000);
}

function source(ageMs = 0): FileSource {
  const about = {
    source: `file ${path}`,
    url: `file://${path}`,
    service: 'chat',
    pool: 'gpu',
    intervalMs: 1000,
    maxAgeMs: 15_000,
  };
  const subject = { address: '10.0.0.1', port: 8000 };
  return new FileSource({ kind: 'File', key: 'k', path, subject, ...about }, () => WRITTEN_MS + ageMs);
}

const collect = (ageMs = 0): Promise<Collected> => source(ageMs).collect(NOW_MS, never);

function values({ samples }: Collected): readonly string[] {
  return samples.map(({ metric, value, subject }) => `${metric} ${value} ${subject.gpu ?? '-'}`);
}

describe('a file of GPU metrics', () => {
  it('is an exposition page, about the endpoint that it belongs to and as old as its last change', async () => {
    write(PAGE);
    expect(await collect(3000)).toEqual({
      samples: [
        {
          subject: { address: '10.0.0.1', port: 8000, gpu: 'GPU-aa' },
          metric: 'gpuUtilRatio',
          value: 0.73,
          sampledAtMs: NOW_MS - 3000,
          changedAtMs: NOW_MS - 3000,
          source: `file ${path}`,
          device: 'Whole',
        },
      ],
      refusals: [],
      badLines: 0,
    });
  });

  it('is told by its content: CSV and XML of nvidia-smi, and pages of exporters, as they were captured', async () => {
    for (const [name, expected] of [
      ['nvidia-smi-h200-load.csv', 'gpuUtilRatio 1 GPU-00000000-0000-0000-0000-000000000000'],
      ['nvidia-smi-h100-mig-load.xml', expect.stringMatching(/^memoryUsedBytes \d+ GPU-\S+\/\d+$/)],
      ['nvidia-gpu-exporter-h200-load.metrics', expect.stringMatching(/^gpuUtilRatio 1 GPU-/)],
      ['dcgm-generation-2.metrics', expect.stringMatching(/^gpuUtilRatio /)],
    ] as const) {
      write(fixture(name));
      const read = await collect();
      expect(read.failure, name).toBeUndefined();
      expect(values(read), name).toContainEqual(expected);
    }
  });

  it('that is older than its limit is unknown, and says since when', async () => {
    write(PAGE);
    expect(await collect(15_000)).not.toHaveProperty('failure');
    expect(await collect(16_000)).toMatchObject({
      samples: [],
      failure: { reason: 'Stale', message: 'was last written 16 s ago' },
    });
    expect((await collect(-9000)).failure).toEqual({
      reason: 'Stale',
      message: 'was last written in the future (9 s ahead)',
    });
  });

  it('that nobody writes any more is no steady load: its samples keep their time', async () => {
    write(PAGE);
    const one = source(0);
    const first = await one.collect(NOW_MS, never);
    const clock = { ageMs: 0 };
    const later = new FileSource(
      {
        kind: 'File',
        key: 'k',
        path,
        subject: {},
        source: 'f',
        url: 'f',
        service: '',
        pool: '',
        intervalMs: 1,
        maxAgeMs: 1e5,
      },
      () => WRITTEN_MS + clock.ageMs,
    );
    for (clock.ageMs = 0; clock.ageMs < 20_000; clock.ageMs += 1000) {
      const { samples } = await later.collect(NOW_MS + clock.ageMs, never);
      expect(samples[0]).toMatchObject({ sampledAtMs: first.samples[0]?.sampledAtMs });
    }
  });

  it.each([
    ['an exposition page cut in a number', PAGE.slice(0, -2), 'Truncated', /middle of a line/],
    [
      'CSV cut in a number',
      fixture('nvidia-smi-h200-load.csv').trimEnd().slice(0, -3),
      'Truncated',
      /middle of a line/,
    ],
    ['CSV cut after a line', 'uuid, utilization.gpu [%]\nGPU-1\n', 'NoMetrics', /line 2: expected 2 columns/],
    ['XML that is not closed', '<?xml version="1.0" ?>\n<nvidia_smi_log>\n', 'NoMetrics', /line \d: expected the XML/],
    ['an empty file', '', 'NoMetrics', /got nothing/],
    ['a page about something else', '# HELP up x\nup 1\n', 'NoMetrics', /no known GPU metric/],
    ['a complaint of nvidia-smi', 'NVIDIA-SMI has failed because …\n', 'NoMetrics', /found no GPU/],
    ['what cannot be', 'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-aa"} -3\n', 'Refused', /every GPU metric was refused/],
  ])('that holds %s gives nothing and says why', async (_, text, reason, message) => {
    write(text);
    expect(await collect()).toMatchObject({
      samples: [],
      failure: { reason, message: expect.stringMatching(message) },
    });
  });
});

describe('reading a file that someone else writes', () => {
  it('refuses what is no plain file, before it is opened', async () => {
    mkdirSync(path);
    expect(await readTextFile(path)).toMatchObject({ failure: { reason: 'File', message: 'is not a plain file' } });
    for (const device of ['/dev/zero', '/dev/null', '/proc/self/mem-is-not-there/..']) {
      expect(await readTextFile(device)).toMatchObject({ ok: false, failure: { reason: 'File' } });
    }
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await readTextFile(pipe)).toMatchObject({ failure: { message: 'is not a plain file' } });
    symlinkSync('/dev/zero', join(folder, 'link'));
    expect(await readTextFile(join(folder, 'link'))).toMatchObject({ failure: { message: 'is not a plain file' } });
  });

  it('refuses what is too large, and names what is missing', async () => {
    write('x'.repeat(1001));
    expect(await readTextFile(path, 1000)).toMatchObject({ failure: { reason: 'TooLarge' } });
    expect(await readTextFile(path, 1001)).toMatchObject({ ok: true });
    expect(await readTextFile(join(folder, 'none'))).toMatchObject({
      failure: { reason: 'File', message: 'does not exist' },
    });
    // A file that says it is empty and is not.
    expect(await readTextFile('/proc/self/status')).toMatchObject({ failure: { reason: 'Truncated' } });
  });

  it('follows a writer that renames', async () => {
    write('one\n');
    writeFileSync(`${path}.new`, 'two\n');
    renameSync(`${path}.new`, path);
    expect(await readTextFile(path)).toMatchObject({ ok: true, text: 'two\n' });
  });
});
