import { describe, expect, it } from 'vitest';
import { HELP, parseOptions } from '../../../src/lab/demo/options.ts';

describe('the command line of the demo', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([])).toEqual({
      kind: 'Run',
      options: {
        durationMs: 180_000,
        warmUpMs: 20_000,
        seed: 1,
        load: 0.75,
        sidecars: 4,
        step: 0.5,
        tellWidths: false,
        jsonFile: undefined,
        keep: false,
      },
    });
  });

  it('takes what the issue of the demo names', () => {
    const parsed = parseOptions([
      '--duration',
      '3m',
      '--seed',
      '11',
      '--json',
      'out.json',
      '--load',
      '0.5',
      '--sidecars',
      '2',
      '--keep',
    ]);
    expect(parsed).toMatchObject({
      kind: 'Run',
      options: { durationMs: 180_000, seed: 11, jsonFile: 'out.json', load: 0.5, sidecars: 2, keep: true },
    });
  });

  it.each([
    [['--duration', '180'], /--duration takes a duration of 15s to 1h/],
    [['--duration', '2s'], /got '2s'/],
    [['--seed', '1.5'], /--seed takes a whole number/],
    [['--seed', ''], /--seed takes a whole number/],
    [['--load', '7'], /--load takes a number from 0.05 to 1.2/],
    [['--sidecars', '0'], /--sidecars/],
    [['--step', '-1'], /--step/],
    [['--speed', '2'], /--speed/],
    [['now'], /now/],
  ])('refuses %j', (args, words) => {
    const parsed = parseOptions(args);
    expect(parsed.kind).toBe('Usage');
    expect((parsed as { message: string }).message).toMatch(words);
  });

  it('names every problem at once', () => {
    const parsed = parseOptions(['--load', 'x', '--sidecars', 'y']);
    expect((parsed as { message: string }).message.split('\n')).toHaveLength(2);
  });

  it('explains every flag', () => {
    expect(parseOptions(['--help'])).toEqual({ kind: 'Help' });
    for (const flag of [
      'duration',
      'warm-up',
      'seed',
      'load',
      'sidecars',
      'step',
      'tell-widths',
      'json',
      'keep',
      'help',
    ]) {
      expect(HELP).toContain(`--${flag}`);
    }
  });
});
