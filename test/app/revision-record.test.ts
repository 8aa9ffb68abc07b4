import { expect, it } from 'vitest';
import { RevisionRecord } from '../../src/app/revision-record.ts';

it('knows each of a hundred revisions when others have come after them, and does not grow without end', () => {
  const record = new RevisionRecord('1.0.0');
  const hundred = Array.from({ length: 100 }, (_, at) => `old-${at}`);
  for (const revision of hundred) record.held(revision);
  // A change of the strategy is a revision too, and so is what somebody tries before he goes back.
  for (const revision of ['strategy', 'a mistake', 'another']) record.held(revision);
  expect(hundred.filter((revision) => !record.isGood(revision))).toEqual([]);
  for (let at = 0; at < 1000; at += 1) record.held(`new-${at}`);
  expect(record.isGood('old-99')).toBe(false);
  expect(record.memory.good?.length).toBeLessThan(500);
});
