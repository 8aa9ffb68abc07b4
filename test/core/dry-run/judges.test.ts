import { describe, expect, it } from 'vitest';
import { judgesFor } from '../../../src/core/dry-run/index.ts';

function words(releases: readonly string[], versions: readonly string[]): readonly string[] {
  return judgesFor(releases, versions).map(
    ({ release, version, judgedAs }) => `${release}: ${version ?? 'nobody'} as ${judgedAs}`,
  );
}

describe('the Envoys that are asked', () => {
  it('are of the oldest and the newest release that is connected', () => {
    const hand = ['1.40.0', '1.38.3', '1.36.2', '1.36.4'];
    expect(words(['1.38', '1.40', '1.36', '1.40'], hand)).toEqual(['1.36: 1.36.4 as 1.36', '1.40: 1.40.0 as 1.40']);
    expect(words(['1.38'], hand)).toEqual(['1.38: 1.38.3 as 1.38']);
  });

  it('are the next newer ones where there are none of that release, else the nearest older', () => {
    expect(words(['1.36', '1.40'], ['1.39.0', '1.38.3'])).toEqual(['1.36: 1.38.3 as 1.38', '1.40: 1.39.0 as 1.39']);
  });

  it('are the oldest and the newest at hand where nobody is connected', () => {
    expect(words([], ['1.40.0', '1.9.0', '1.38.3'])).toEqual(['1.9: 1.9.0 as 1.9', '1.40: 1.40.0 as 1.40']);
    expect(words([], ['1.40.0'])).toEqual(['1.40: 1.40.0 as 1.40']);
  });

  it('are nobody where none is at hand: what this build knows of their rules is all there is', () => {
    expect(words(['1.36', '1.38'], [])).toEqual(['1.36: nobody as 1.36', '1.38: nobody as 1.38']);
    expect(words([], [])).toEqual(['1.40: nobody as 1.40']);
  });
});
