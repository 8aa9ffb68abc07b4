import { describe, expect, it } from 'vitest';
import { parseFleet } from '../../../src/lab/modelserver/index.ts';

function issuesOf(content: string): string[] {
  const fleet = parseFleet(content, 'fleet.yaml');
  return fleet.ok
    ? []
    : fleet.issues.map(({ path, message, position }) => `${position?.line}:${position?.column} ${path}: ${message}`);
}

describe('a fleet file', () => {
  it('lists servers by count and profile, by name or by what differs from a base', () => {
    const fleet = parseFleet(
      [
        '- { count: 2, profile: wide }',
        '- count: 1',
        '  profile: { base: slow, name: hot, slots: 10, gpuMode: Pinned, gpuPeriod: 30s, dcgm: 2 }',
        '- {}',
      ].join('\n'),
      'fleet.yaml',
    );
    if (!fleet.ok) throw new Error('refused');
    expect(fleet.value.map(({ name }) => name)).toEqual(['wide', 'wide', 'hot', 'standard']);
    expect(fleet.value[2]).toMatchObject({
      slots: 10,
      speed: 0.5,
      kvTokens: 19_000,
      gpuMode: 'Pinned',
      gpuPeriodMs: 30_000,
      dcgm: 2,
    });
  });

  it('may be JSON', () => {
    const fleet = parseFleet('[{"count": 3, "profile": {"kvTokens": 5000, "slots": 4}}]', 'fleet.json');
    expect(fleet.ok && fleet.value.map(({ kvTokens }) => kvTokens)).toEqual([5000, 5000, 5000]);
  });

  it.each([
    ['{}', '1:1 : expected a list of { count, profile }'],
    ['', '1:1 : expected a list'],
    ['[]', '1:1 : expected a list'],
    ['- 7', '1:3 [0]: expected a mapping'],
    ['- count: 0', '1:10 [0].count: count: expected an integer from 1 to 1000, got 0'],
    ['- count: "2"', '[0].count'],
    ['- profile: turbo', '[0].profile.base: base: expected "standard" or "wide" or "slow", got "turbo"'],
    ['- profile: 5', '1:12 [0].profile: expected a profile name (standard, wide, slow) or a mapping'],
    ['- profile: { slot: 5 }', '[0].profile.slot: unknown key "slot"; allowed are base, name, model, slots'],
    ['- profile: { speed: 0 }', 'speed: expected a number from 0.01 to 10, got 0'],
    ['- profile: { tokensPerEvent: 33 }', 'tokensPerEvent: expected an integer from 1 to 32'],
    ['- profile: { gpuPeriod: 30 }', 'gpuPeriod: expected a duration'],
    ['- profile: { dcgm: 3 }', 'dcgm: expected 1 or 2'],
    ['- cuont: 5', '[0].cuont: unknown key "cuont"; allowed are count, profile'],
    ['- count: 600\n- count: 600', 'more than 1000 servers'],
    ['- count: [', '1'],
    ['- &a { count: 1 }\n- *b', 'Unresolved alias'],
  ])('refuses %j', (content, expected) => {
    const issues = issuesOf(content);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(expected);
  });

  it('says everything that is wrong at once, where it stands', () => {
    const issues = issuesOf('- count: 1\n  profile:\n    slots: x\n    bend: -1\n- count: no\n');
    expect(issues.map((issue) => issue.split(' ')[0])).toEqual(['3:12', '4:11', '5:10']);
  });
});
