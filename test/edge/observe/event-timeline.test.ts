import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventTimeline, type TimelineEvent } from '../../../src/edge/observe/index.ts';

function filled(count: number, capacity?: number): EventTimeline {
  const timeline = new EventTimeline(capacity);
  for (let i = 0; i < count; i++) timeline.add({ atMs: i, kind: 'Nack', subject: 'a', message: `event ${i}` });
  return timeline;
}

const sequences = (events: readonly TimelineEvent[]) => events.map(({ sequence }) => sequence);

describe('the timeline', () => {
  it('keeps the newest thousand, oldest first', () => {
    const kept = sequences(filled(2500).list());
    expect(kept).toHaveLength(1000);
    expect(kept[0]).toBe(1500);
    expect(kept.at(-1)).toBe(2499);
  });

  it('takes secrets out of what it is told', () => {
    const timeline = new EventTimeline();
    timeline.add({ atMs: 0, kind: 'PolicyRefused', subject: 'x', message: 'http://u:hunter2@host/ is unknown' });
    expect(JSON.stringify(timeline.list())).not.toContain('hunter2');
    expect(timeline.list()[0]?.fields).toEqual({});
  });

  it('answers every query as a plain list would', () => {
    const small = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(
        small,
        fc.integer({ min: 1, max: 12 }),
        fc.option(small),
        fc.option(small),
        (count, capacity, after, limit) => {
          const all = Array.from({ length: count }, (_, i) => i).slice(-capacity);
          const wanted = all.filter((sequence) => sequence > (after ?? -1));
          const expected = limit === null ? wanted : wanted.slice(Math.max(0, wanted.length - limit));
          const query = { ...(after === null ? {} : { after }), ...(limit === null ? {} : { limit }) };
          expect(sequences(filled(count, capacity).list(query))).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('lets a reader that comes back often miss nothing', () => {
    const timeline = new EventTimeline(10);
    const seen: number[] = [];
    for (let i = 0; i < 50; i++) {
      timeline.add({ atMs: i, kind: 'WeightsPushed', subject: 'chat', message: '' });
      if (i % 7 !== 0) continue;
      seen.push(...sequences(timeline.list({ after: seen.at(-1) ?? -1 })));
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
