import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type Scan, scanExposition } from '../../../src/edge/signals/index.ts';

/** Anything that a label can hold, with the characters that have to be escaped more often than not. */
const labelValue = fc.string({
  unit: fc.constantFrom('a', '{', '}', '"', '\\', '\n', 'n', ',', '=', '#', ' ', 'é', '😀'),
});
const labelName = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/);
const metricName = fc.stringMatching(/^[a-z_:][a-z0-9_:]{0,9}$/).filter((name) => !/_(?:sum|count|bucket)$/.test(name));
const number = fc.oneof(
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1e21, 1e-7),
);

function plain({ series }: Scan): unknown[] {
  return series.map(({ name, labels, value }) => ({ name, labels: Object.fromEntries(labels), value }));
}

/** Zero has one sign on a page. */
function written(value: number): number {
  return value === 0 ? 0 : value;
}

describe('a page that prom-client renders', () => {
  it('comes back as it went in: names, labels with every escape, and all numbers', async () => {
    await fc.assert(
      fc.asyncProperty(
        metricName,
        fc.dictionary(labelName, labelValue, { maxKeys: 4, noNullPrototype: true }),
        number,
        async (name, labels, value) => {
          const registry = new Registry();
          const gauge = new Gauge({
            name,
            help: 'with \\ and\na line',
            labelNames: Object.keys(labels),
            registers: [registry],
          });
          gauge.set(labels, value);
          const scan = scanExposition(await registry.metrics(), { wanted: new Set([name]) });
          expect(scan).toMatchObject({ badLines: 0, truncated: false, capped: false });
          expect(plain(scan)).toEqual([{ name, labels, value: written(value) }]);
        },
      ),
    );
  });

  it('gives a histogram as its buckets, sum and count, in the text format and in OpenMetrics with exemplars', async () => {
    for (const type of [Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE]) {
      const registry = new Registry();
      if (type === Registry.OPENMETRICS_CONTENT_TYPE) registry.setContentType(type as never);
      const openMetrics = type === Registry.OPENMETRICS_CONTENT_TYPE;
      const latency = new Histogram({
        name: 'ttft_seconds',
        help: 'h',
        labelNames: ['model'],
        buckets: [0.1, 1],
        enableExemplars: openMetrics,
        registers: [registry],
      });
      const served = new Counter({
        name: 'served_total',
        help: 'c',
        enableExemplars: openMetrics,
        registers: [registry],
      });
      for (const value of [0.05, 0.5, 5]) {
        const exemplar = { labels: { model: 'a"b' }, value, exemplarLabels: { trace_id: 'x } # 1' } };
        if (openMetrics) latency.observe(exemplar as never);
        else latency.observe({ model: 'a"b' }, value);
      }
      if (openMetrics) served.inc({ value: 3, exemplarLabels: { trace_id: 'y' } } as never);
      else served.inc(3);
      const text = await registry.metrics();
      expect(text.includes('# {trace_id=')).toBe(openMetrics);
      const wanted = new Set(['ttft_seconds_bucket', 'ttft_seconds_sum', 'ttft_seconds_count', 'served_total']);
      const scan = scanExposition(text, { wanted, openMetrics });
      expect(scan.badLines, text).toBe(0);
      const model = 'a"b';
      expect(plain(scan)).toEqual([
        { name: 'ttft_seconds_bucket', labels: { le: '0.1', model }, value: 1 },
        { name: 'ttft_seconds_bucket', labels: { le: '1', model }, value: 2 },
        { name: 'ttft_seconds_bucket', labels: { le: '+Inf', model }, value: 3 },
        { name: 'ttft_seconds_sum', labels: { model }, value: 5.55 },
        { name: 'ttft_seconds_count', labels: { model }, value: 3 },
        { name: 'served_total', labels: {}, value: 3 },
      ]);
    }
  });
});
