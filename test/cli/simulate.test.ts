import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARM_NAMES } from '../../src/cli/commands/simulate.ts';
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
