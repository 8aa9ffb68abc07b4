import { describe, expect, it } from 'vitest';
import { readEnginePage } from '../../../src/edge/signals/engine-page.ts';
import { recogniseEngine } from '../../../src/edge/signals/engine-recognition.ts';
import { ENGINE_FORMATS, wantedNames } from '../../../src/edge/signals/formats/engine-formats.ts';
import { scanExposition } from '../../../src/edge/signals/index.ts';
import { EngineMetrics } from '../../../src/lab/modelserver/engine-metrics.ts';
import { STANDARD_PROFILE } from '../../../src/lab/modelserver/index.ts';

const NAME = 'vllm:time_to_first_token_seconds';
const RUNNING = 'vllm:num_requests_running{engine="0"} 3\n';

function read(page: string, buckets = true) {
  const { series } = scanExposition(page, { wanted: wantedNames(undefined, buckets) });
  const { readings, refusals } = readEnginePage(series, recogniseEngine(series));
  return { of: readings.find(({ metric }) => metric === 'timeToFirstTokenSecondsCount'), refusals };
}

/** Lines of one engine: its count, and its buckets by bound. */
function histogram(engine: string, count: number, buckets: Readonly<Record<string, number>>, more = ''): string {
  const lines = Object.entries(buckets).map(([le, n]) => `${NAME}_bucket{engine="${engine}",le="${le}"${more}} ${n}`);
  return `${lines.join('\n')}\n${NAME}_count{engine="${engine}"${more}} ${count}\n`;
}

describe('the histogram of an engine', () => {
  it('is read from the page of a model server, where it is asked for', () => {
    const metrics = new EngineMetrics(STANDARD_PROFILE, 1_800_000_000_000);
    for (const ms of [90, 300, 300, 3000, 1e7]) metrics.firstToken(ms);
    const page = metrics.page({
      running: 1,
      waiting: 0,
      kvRatio: 0,
      preemptions: 0,
      promptTokens: 0,
      generationTokens: 0,
    } as never);
    const { of } = read(page);
    expect(of?.value).toBe(5);
    const counts = new Map(of?.buckets);
    expect([0.08, 0.1, 0.25, 0.5, 2.5, 5, 2560].map((bound) => counts.get(bound))).toEqual([0, 1, 1, 3, 3, 4, 4]);
    expect(counts.size).toBe(22);
    expect(read(page, false).of).toEqual({ metric: 'timeToFirstTokenSecondsCount', value: 5 });
  });

  it('is the sum over engines, and copies of one count once', () => {
    const page = `${RUNNING}${histogram('0', 9, { '1.0': 4, '2.5': 8, '+Inf': 9 })}${histogram('1', 2, { '1.0': 1, '2.5': 2, '+Inf': 2 })}`;
    expect(read(page).of).toMatchObject({
      value: 11,
      buckets: [
        [1, 5],
        [2.5, 10],
      ],
    });
    const copies = `${RUNNING}${histogram('0', 9, { 1: 4, 2.5: 8 }, ',pid="1"')}${histogram('0', 9, { 1: 4, 2.5: 8 }, ',pid="2"')}`;
    expect(read(copies).of).toMatchObject({
      value: 9,
      buckets: [
        [1, 4],
        [2.5, 8],
      ],
    });
  });

  it.each([
    ['a bound that is none', { 1: 4, often: 8 }, 'has a bucket without a bound or a count'],
    ['a count that is none', { 1: Number.NaN, 2: 8 }, 'has a bucket without a bound or a count'],
    ['fewer up to a larger bound', { 1: 8, 2: 4 }, 'has falling buckets'],
    ['too many', Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i + 1, i])), 'has more than 64 buckets'],
  ])('with %s is none, and the count stays', (_, buckets, words) => {
    const { of, refusals } = read(`${RUNNING}${histogram('0', 9, buckets)}`);
    expect(of).toEqual({ metric: 'timeToFirstTokenSecondsCount', value: 9 });
    expect(refusals).toEqual([{ name: `${NAME}_bucket`, words }]);
  });

  it('of engines with different bounds is none', () => {
    const { of, refusals } = read(`${RUNNING}${histogram('0', 9, { 1: 4 })}${histogram('1', 9, { 2: 4 })}`);
    expect(of).not.toHaveProperty('buckets');
    expect(refusals).toEqual([{ name: `${NAME}_bucket`, words: 'has buckets of different bounds' }]);
  });

  it('has a name in each format that counts first tokens', () => {
    for (const { rows, title } of ENGINE_FORMATS)
      for (const { metric, name, buckets } of rows)
        if (metric === 'timeToFirstTokenSecondsCount') expect(buckets, title).toBe(name.replace(/_count$/, '_bucket'));
  });
});
