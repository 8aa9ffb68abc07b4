import { describe, expect, it } from 'vitest';
import { engineReadings } from '../../../src/edge/signals/engine-readings.ts';
import { VLLM } from '../../../src/edge/signals/formats/vllm.ts';
import { type Scan, scanExposition } from '../../../src/edge/signals/index.ts';
import { fixture } from './fixture.ts';

const QUOTED = { engine: '0', model_name: 'a "quoted" model, {with} # marks' };
const SLASHED = { engine: '1', model_name: 'back\\slash\nand a line' };

function plain({ series }: Scan): unknown[] {
  return series.map(({ name, labels, value }) => ({ name, labels: Object.fromEntries(labels), value }));
}

describe("a page of Python's client, as vLLM and SGLang serve it", () => {
  it('is read with every escape, and means what the engine meant', () => {
    const wanted = new Set(VLLM.rows.map(({ name }) => name));
    const scan = scanExposition(fixture('python-client.metrics'), { wanted });
    expect(scan).toMatchObject({ badLines: 0, truncated: false, capped: false });
    expect(plain(scan)).toEqual(
      expect.arrayContaining([
        { name: 'vllm:num_requests_running', labels: QUOTED, value: 17 },
        { name: 'vllm:num_requests_running', labels: SLASHED, value: 12 },
        { name: 'vllm:generation_tokens_total', labels: SLASHED, value: 1e21 },
      ]),
    );
    const { readings, refusals } = engineReadings(scan.series, VLLM);
    expect(Object.fromEntries(readings.map(({ metric, value }) => [metric, value]))).toEqual({
      runningRequests: 29,
      waitingRequests: 3,
      kvUsageRatio: 0.5,
      timeToFirstTokenSecondsSum: 5.1,
      timeToFirstTokenSecondsCount: 6,
    });
    // Nobody has generated so much: refused, and not a counter of one engine alone.
    expect(refusals).toMatchObject([{ name: 'vllm:generation_tokens_total' }]);
  });

  it('is read as OpenMetrics with exemplars that hold what ends a label block', () => {
    const page = fixture('python-client.openmetrics');
    expect(page).toContain('# {trace_id="} 5 # x"}');
    // It escapes the colon there: one more reason to ask for the text format.
    const name = 'vllm_time_to_first_token_seconds';
    const wanted = new Set([`${name}_bucket`, `${name}_created`, 'vllm_generation_tokens_total']);
    const scan = scanExposition(page, { wanted });
    expect(scan).toMatchObject({ badLines: 0, truncated: false, capped: false });
    const of = (suffix: string) => scan.series.filter(({ name: one }) => one.endsWith(suffix));
    expect(of('_bucket').map(({ labels, value }) => [labels.get('le'), value])).toEqual([
      ...[
        ['0.1', 1],
        ['1.0', 2],
        ['+Inf', 3],
      ],
      ...[
        ['0.1', 1],
        ['1.0', 2],
        ['+Inf', 3],
      ],
    ]);
    expect(of('_total').map(({ value, timestampMs }) => [value, timestampMs])).toEqual([
      [1_234_567, undefined],
      [1e21, undefined],
    ]);
    expect(of('_created')).toHaveLength(2);
    expect(page).not.toContain('vllm:num_requests_running{');
  });
});
