import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARM_NAMES } from '../../src/cli/commands/simulate.ts';
import type { RehearsalReport } from '../../src/lab/rehearse/index.ts';
import { ARMS } from '../../src/lab/simulate/index.ts';
import { run } from './run.ts';

describe('simulate', () => {
  it('offers the arms that there are', () => {
    expect(ARM_NAMES).toEqual(ARMS);
  });

  it('refuses to run nothing', async () => {
    const { code, out, err } = await run('simulate', '--seeds', '0');
    expect({ failed: code !== 0, out }).toEqual({ failed: true, out: '' });
    expect(err).toContain('expected 1 or more');
  });

  it('prints the names of its scenarios', async () => {
    const { code, out } = await run('simulate', '--list', '--scenario', 'widths');
    expect(code).toBe(0);
    expect(out.split('\n')).toContain('live widths M4');
    expect(out).not.toContain('homogeneous');
  });

  it('runs one beside least request, and says how much better it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-simulate-'));
    try {
      const json = join(folder, 'figures.json');
      const { code, out, err } = await run('simulate', '--scenario', 'live widths M4', '--seeds', '2', '--json', json);
      expect(code).toBe(0);
      expect(out).toMatch(/^scenario +arm +goodput/);
      expect(out).toMatch(/live widths M4 +LeastRequest +6\d\.\d\d % +\+3\d\.\d\d ±/);
      expect(out).toMatch(/Loadline +(?:99|100)\.\d\d %/);
      expect(err).toMatch(/\d+ requests in \d+\.\d s/);
      const [figures] = JSON.parse(readFileSync(json, 'utf8')) as { scenario: string; seeds: number }[];
      expect(figures).toMatchObject({ scenario: 'live widths M4', seeds: 2 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('says so when no scenario has the name, and what to do', async () => {
    const { code, err } = await run('simulate', '--scenario', 'nothing of the kind');
    expect(code).toBe(1);
    expect(err).toContain("no scenario has 'nothing of the kind' in its name; --list prints all names");
  });
});

describe('simulate -f', () => {
  const policy = 'docs/examples/lab.yaml';
  const quick = ['--seeds', '2', '--duration', '60s', '--warm-up', '10s', '--sidecars', '4'];
  const slowed = ['--fault', 't=20s server=7 speed=0.4'];

  it('rehearses a policy on a trace: figures, shares, time to shift, and a sentence', async () => {
    const trace = ['--trace', 'data/azure-llm-2023-conv-slice.csv', '--load', '0.8'];
    const { code, out, err } = await run('simulate', '-f', policy, ...trace, ...quick, ...slowed);
    expect(code).toBe(0);
    expect(out).toMatch(/^service chat \(LeastRequest, weights Active\): 8 servers behind 4 sidecars$/m);
    expect(out).toMatch(
      /^trace data\/azure.*: \d+\.\d requests\/s, 80 % of what the fleet can do; 60 s, counted from 10 s/m,
    );
    expect(out).toMatch(/^LeastRequest +\d+\.\d\d % +[+-]\d+\.\d\d ±\d+\.\d\d /m);
    expect(out).toMatch(/^gpu\/127\.0\.0\.1:9108 +12\.5 % /m);
    expect(out).toMatch(/^20s +gpu\/127\.0\.0\.1:9108 +12\.5 % -> 5\.4 % +\S+\/\S+ +\S+\/\S+$/m);
    expect(out).toMatch(/\. ?\n$/);
    expect(out.trimEnd().split('\n').at(-1)).toMatch(/Loadline .*least_request/);
    expect(err).toMatch(/\d+ requests in \d+\.\d s/);
  });

  it('writes everything as JSON, and each second as CSV', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-simulate-'));
    try {
      const [json, csv] = ['figures.json', 'seconds.csv'].map((name) => join(folder, name)) as [string, string];
      const files = ['--json', json, '--timeline', csv, '--output', 'json'];
      const { code, out } = await run('simulate', '-f', policy, '--rate', '20', ...quick, ...slowed, ...files);
      expect(code).toBe(0);
      const report = JSON.parse(readFileSync(json, 'utf8')) as RehearsalReport;
      expect(JSON.parse(out)).toEqual(report);
      expect(report).toMatchObject({ service: 'chat', sidecars: 4, durationMs: 60_000, seeds: [1, 2] });
      expect(report.traffic).toMatchObject({ kind: 'Poisson', ratePerSec: 20 });
      for (const { pools, endpoints, runs } of report.arms) {
        expect(endpoints).toHaveLength(8);
        expect(endpoints.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
        expect(pools).toHaveLength(1);
        expect(runs).toHaveLength(2);
      }
      expect(report.steps).toMatchObject([{ endpoint: 'gpu/127.0.0.1:9108', atMs: 20_000 }]);
      expect(report.verdicts.map(({ than }) => than)).toEqual(['LeastRequest']);
      const [head, ...lines] = readFileSync(csv, 'utf8').trimEnd().split('\n');
      expect(head).toBe('arm,second,endpoint,issued,share,in_flight,weight');
      expect(lines).toHaveLength(2 * 60 * 8);
      expect(lines.at(-1)).toMatch(/^Loadline,59,gpu\/127\.0\.0\.1:9108,\d+,0\.\d+,\d+,\d+$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('sends what the policy says: with weights disabled it does what least_request does', async () => {
    const { out } = await run('simulate', '-f', policy, ...quick, ...slowed, '--weights', 'Disabled');
    const [, theirs, ours] = /^LeastRequest +(\S+ %).*\n^Loadline +(\S+ %)/m.exec(out) ?? [];
    expect(ours).toBe(theirs);
    expect(out).toContain('Note: weights: Disabled sends equal weights');
  });

  it.each([
    [['--trace', 'x.csv'], 2, '--trace needs a policy: expected -f as well'],
    [['-f', policy, '--random', '3'], 2, '--random is about scenarios that are there: expected it without -f'],
    [['-f', policy, '--fault', 't=60s server=1 sped=2'], 2, `--fault 't=60s server=1 sped=2': unknown key "sped"`],
    [['-f', policy, '--load', '0'], 2, 'expected a number above 0'],
    [['-f', policy, '--duration', '5'], 2, 'expected a duration such as 90s'],
    [['-f', policy, '--fault', 't=1s server=8 crash'], 1, 'no such server; there are 0 gpu/127.0.0.1:9101'],
    [['-f', 'docs/examples/rate-limits.yaml'], 1, 'choose one with --service (chat, embeddings)'],
    [['-f', policy, '--trace', 'docs/README.md'], 1, 'docs/README.md:1: expected the header'],
    [['-f', policy, '--trace', 'nowhere.csv'], 1, 'the trace nowhere.csv cannot be read'],
    [['-f', 'package.json'], 1, 'package.json:1:'],
  ])('%j: exit code %i, and what is expected', async (flags, code, words) => {
    const ran = await run('simulate', ...flags);
    expect({ code: ran.code, out: ran.out }).toEqual({ code, out: '' });
    expect(ran.err).toContain(words);
  });

  it('draws the scenario of a number again', async () => {
    const { out } = await run('simulate', '--random-seed', '24', '--list');
    const { out: all } = await run('simulate', '--random', '24', '--list');
    expect(out).toMatch(/^random 24: n \d+, M \d+/);
    expect(all.split('\n')).toHaveLength(25);
    expect(all).toContain(out);
  });
});
