import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Recorder } from '../../src/app/recorder.ts';
import { fleetText } from '../core/control/fleet.ts';
import { RecordedFleet } from '../core/control/recorded-fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { run } from './run.ts';

let folder: string;
let day: string;
let lines: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-replay-'));
  day = join(folder, 'day.jsonl');
  const fleet = new RecordedFleet([30, 30, 4]);
  fleet.run(45);
  const recorder = Recorder.open({ path: day, maxBytes: 1e9 }, new FakeLog(), 1);
  for (const tick of fleet.ticks) recorder.take(tick);
  await recorder.close();
  lines = readFileSync(day, 'utf8').trimEnd().split('\n');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('replay', () => {
  it('of what today decides as well finds no difference', async () => {
    const { code, out, err } = await run('replay', day);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^46 ticks over 45 s from 2027-01-15T08:00:00\.000Z, under the recorded policy\n/);
    expect(out).toMatch(/^chat +46 +(\d+) +\1 +0 +0\.0 +0$/m);
    expect(out).toContain('chat: the replay comes to the recorded weights in every tick\n');
  });

  it('finds one sample that was changed: in which tick, at which endpoint, from what to what', async () => {
    const from = '["generationTokensTotal",';
    const at = lines.findIndex((line, i) => i > 12 && line.includes(from));
    const changed = lines.map((line, i) =>
      i === at ? line.replace(/(\["generationTokensTotal",)[\d.]+/, '$19000000') : line,
    );
    expect(changed[at]).not.toBe(lines[at]);
    const path = file('changed.jsonl', `${changed.join('\n')}\n`);
    const { code, out } = await run('replay', path);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^chat: differs in \d+ of 46 ticks, first in tick \d+ \(line \d+, 2027-01-15T08:00:\d\d\.000Z\): weight of chat\/gpu\/10\.0\.0\.\d:8000 was \d+, now \d+$/m,
    );
    const { services } = JSON.parse((await run('replay', path, '--output', 'json')).out) as {
      services: { firstDifference: { line: number; recorded: number; replayed: number }; maxDifference: number }[];
    };
    const { firstDifference, maxDifference } = services[0]!;
    expect(firstDifference.line).toBeGreaterThanOrEqual(at + 1);
    expect(maxDifference).toBeGreaterThanOrEqual(Math.abs(firstDifference.recorded - firstDifference.replayed));
  });

  it('under another policy says what that would have done, and calls it no failure', async () => {
    const policy = file('half.yaml', fleetText({ lines: '  loadBalancer: { weights: Active, blendRatio: 0.5 }\n' }));
    const { code, out, err } = await run('replay', day, '--policy', policy);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`under ${policy}`);
    expect(out).toMatch(/^chat: differs in \d+ of 46 ticks/m);
    expect(out).toContain('a difference is an answer and no failure. The load is the recorded one.');
    const same = file('same.yaml', fleetText());
    expect((await run('replay', day, '--policy', same)).out).toContain('comes to the recorded weights in every tick');
    const yaml = parse((await run('replay', day, '--policy', policy, '--output', 'yaml')).out) as object;
    expect(yaml).toMatchObject({ file: day, policy, ticks: 46, services: [{ service: 'chat' }] });
  });

  it('takes a file whose last line was cut off, and says so', async () => {
    const path = file('cut.jsonl', `${lines.join('\n').slice(0, -40)}`);
    const { code, out } = await run('replay', path);
    expect(code).toBe(0);
    expect(out).toMatch(/^45 ticks /);
    expect(out).toContain(`the last line (${lines.length}) was cut off and is left out\n`);
  });

  it.each([
    [
      'half a line in the middle',
      (all: string[]) => all.with(9, all[9]!.slice(0, 30)),
      /^error: .*:10: expected one JSON object, got "\{/,
    ],
    [
      'another value than a number',
      (all: string[]) => all.with(9, all[9]!.replace(/"nowMs":\d+/, '"nowMs":"noon"')),
      /^error: .*:10: nowMs: .*expected number/,
    ],
    [
      'no header',
      (all: string[]) => all.slice(1),
      /^error: .*:1: expected the Header of a recording, got a Policy line/,
    ],
    [
      'no policy',
      (all: string[]) => all.toSpliced(1, 1),
      /^error: .*:3: expected a Policy and an Endpoints line before the first Tick/,
    ],
    ['nothing', () => [], /^error: .*:1: expected one JSON object, got an empty line|^error: .*:1: expected a Tick/],
    [
      'a policy that is none',
      (all: string[]) => all.with(1, all[1]!.replace('kind: ModelService', 'kind: Modelservice')),
      /^error: .*:2: the recorded policy is refused today: fleet\.yaml:\d+:\d+ kind: expected one of /,
    ],
  ])('fails with 2, and the place, on %s', async (_, change, message) => {
    const path = file('bad.jsonl', `${change([...lines]).join('\n')}\n`);
    const { code, out, err } = await run('replay', path);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  it('fails with 2 on a file or a policy that cannot be read', async () => {
    expect(await run('replay', join(folder, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/none cannot be read: ENOENT/),
    });
    expect(await run('replay', day, '--policy', join(folder, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/ENOENT/),
    });
    appendFileSync(file('p.yaml', ''), 'kind: Pod\n');
    expect(await run('replay', day, '--policy', join(folder, 'p.yaml'))).toMatchObject({ code: 2, out: '' });
  });
});
