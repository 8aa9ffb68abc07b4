import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/core/topology/index.ts';
import type { EnginePrometheusTarget, EngineTarget, PrometheusTarget } from '../../../src/edge/signals/index.ts';
import { PrometheusFleet } from '../../../src/edge/signals/prometheus-fleet.ts';
import { EnginePrometheusSource } from '../../../src/edge/signals/sources/engine-prometheus-source.ts';
import { EngineSource } from '../../../src/edge/signals/sources/engine-source.ts';
import { PrometheusSource } from '../../../src/edge/signals/sources/prometheus-source.ts';
import type { EngineEndpoint } from '../../../src/edge/signals/target.ts';
import { FakeFetcher } from './fake-fetcher.ts';
import { fixture } from './fixture.ts';
import { answerOf, type Scraped } from './prometheus-answers.ts';

const never = new AbortController().signal;
/** Prometheus's clock is an hour ahead of ours. */
const EVALUATED_SEC = 3700;
const NOW_MS = 100_000;
const QUERY_URL = 'http://p:9090/api/v1/query';
const common = { key: 'k', service: 'chat', pool: 'gpu', intervalMs: 1000, url: QUERY_URL };

function endpoint(port: number, rest: Partial<EngineEndpoint> = {}): EngineEndpoint {
  return { subject: { address: '10.0.0.1', port }, instances: [`10.0.0.1:${port}`], ...rest };
}

function target(
  endpoints: readonly EngineEndpoint[],
  rest: Partial<EnginePrometheusTarget> = {},
): EnginePrometheusTarget {
  return { ...common, kind: 'EnginePrometheus', source: 'engine prometheus p', endpoints, ...rest };
}

function scraped(page: string, labels: Record<string, string> = {}, ageSec = 0): Scraped {
  return { page, labels: { job: 'vllm', instance: '10.0.0.1:8000', ...labels }, ageSec };
}

function vllm(running: number): string {
  return `vllm:num_requests_running{engine="0"} ${running}\nvllm:num_requests_waiting{engine="0"} 0\n`;
}

function knows(...pages: readonly Scraped[]): FakeFetcher {
  const fetcher = new FakeFetcher();
  fetcher.answer = () => answerOf(pages, EVALUATED_SEC);
  return fetcher;
}

function collect(fetcher: FakeFetcher, of: EnginePrometheusTarget = target([endpoint(8000)])) {
  return new EnginePrometheusSource(of, new PrometheusFleet(QUERY_URL, fetcher)).collect(NOW_MS, never);
}

function running(samples: readonly Sample[]): Record<string, number> {
  return Object.fromEntries(
    samples.flatMap(({ subject, metric, value }) =>
      metric === 'runningRequests' ? [[`${subject.address}:${subject.port}`, value]] : [],
    ),
  );
}

describe('an engine that Prometheus scrapes', () => {
  it.each([
    'vllm.metrics',
    'vllm-old-names.metrics',
    'python-client.metrics',
    'sglang.metrics',
    'tgi.metrics',
    'triton.metrics',
    'triton-tensor-rt-llm.metrics',
    'trtllm-serve.metrics',
    'lm-deploy.metrics',
    'llama-cpp.metrics',
    'nim.metrics',
  ])('is read as it would be here: %s, in whatever order the series come', async (name) => {
    const direct: EngineTarget = {
      ...common,
      kind: 'Engine',
      source: 's',
      subject: { address: '10.0.0.1', port: 8000 },
    };
    const here = new FakeFetcher();
    here.answer = ({ url }) => (url.endsWith('/query') ? fixture(name) : '');
    const expected = await new EngineSource(direct, here).collect(NOW_MS, never);
    const lines = fixture(name)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const shuffled = `${lines.toReversed().join('\n')}\n`;
    const found = await collect(knows(scraped(shuffled, { pod: 'p', namespace: 'n', team: 'chat' })));
    const values = (samples: readonly Sample[]) => samples.map(({ metric, value }) => `${metric} ${value}`).sort();
    expect(values(found.samples)).toEqual(values(expected.samples));
    expect(found.samples.length).toBeGreaterThan(0);
    expect(found.refusals).toHaveLength(expected.refusals.length);
    expect(found.failure).toBeUndefined();
  });

  it('is as old as its scrape, on the clock of Prometheus, and says each value once', async () => {
    const fetcher = knows(scraped(vllm(7), {}, 4));
    const source = new EnginePrometheusSource(target([endpoint(8000)]), new PrometheusFleet(QUERY_URL, fetcher));
    const { samples } = await source.collect(NOW_MS, never);
    expect(samples[0]).toEqual({
      subject: { address: '10.0.0.1', port: 8000 },
      metric: 'runningRequests',
      value: 7,
      sampledAtMs: NOW_MS - 4000,
      changedAtMs: NOW_MS - 4000,
      source: 'engine prometheus p',
    });
    expect(await source.collect(NOW_MS, never)).toEqual({ samples: [], refusals: [], badLines: 0 });
    fetcher.answer = () => answerOf([scraped(vllm(7), {}, 1)], EVALUATED_SEC);
    const [again] = (await source.collect(NOW_MS, never)).samples;
    expect(again).toMatchObject({ sampledAtMs: NOW_MS - 1000, changedAtMs: NOW_MS - 4000 });
  });

  it('counts once although two jobs and two copies of Prometheus scraped it: the last scrape does', async () => {
    const pages = [
      scraped(vllm(3), { job: 'pods' }, 9),
      scraped(vllm(5), { job: 'services' }, 2),
      scraped(vllm(4), { job: 'services', prometheus_replica: 'b' }, 6),
    ];
    for (const order of [pages, pages.toReversed()]) {
      expect(running((await collect(knows(...order))).samples)).toEqual({ '10.0.0.1:8000': 5 });
    }
  });

  it('does not add an engine that is on its page no more, although Prometheus still has it', async () => {
    const [before, now] = ['vllm:num_requests_running{engine="1"} 40\n', vllm(5)];
    const { samples } = await collect(knows(scraped(before, {}, 60), scraped(now, {}, 2)));
    expect(running(samples)).toEqual({ '10.0.0.1:8000': 5 });
  });

  it('that the answer does not name gives nothing and is named, while the others are heard', async () => {
    const endpoints = [8000, 8001, 8002].map((port) => endpoint(port));
    const answer = knows(scraped(vllm(1)), scraped(vllm(2), { instance: '10.0.0.1:8002' }));
    const { samples, note, failure } = await collect(answer, target(endpoints));
    expect(running(samples)).toEqual({ '10.0.0.1:8000': 1, '10.0.0.1:8002': 2 });
    expect({ note, failure }).toEqual({ note: 'knows no engine metric of 10.0.0.1:8001', failure: undefined });
  });

  it('is unknown with all others where none is named, and then what is named instead is told', async () => {
    const endpoints = Array.from({ length: 12 }, (_, at) => endpoint(8000 + at));
    const nothing = await collect(knows(), target(endpoints));
    expect(nothing.samples).toEqual([]);
    expect(nothing.failure).toEqual({
      reason: 'NoMetrics',
      message: `knows no engine metric of ${[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `10.0.0.1:800${at}`).join(', ')} and 4 more`,
    });
    const strange = await collect(knows(scraped(vllm(1), { instance: 'gpu\u0007-a:8000' })));
    expect(strange.failure?.message).toBe(
      'knows no engine metric of 10.0.0.1:8000; its engines have the instances gpu -a:8000',
    );
  });

  it('that is not ready, or says what cannot be, is no idle engine', async () => {
    const loading = 'sglang:num_running_reqs 0\nsglang:max_total_num_tokens 0\n';
    const endpoints = [endpoint(8000), endpoint(8001), endpoint(8002)];
    const { samples, note, refusals, failure } = await collect(
      knows(
        scraped(loading),
        scraped('vllm:num_requests_running NaN\nvllm:num_requests_waiting 2\n', { instance: '10.0.0.1:8001' }),
      ),
      target(endpoints),
    );
    expect(samples.map(({ subject, metric }) => [subject.port, metric])).toEqual([[8001, 'waitingRequests']]);
    expect({ note, refusals, failure }).toEqual({
      note: 'knows no engine metric of 10.0.0.1:8002; of 10.0.0.1:8000: the engine is not ready: sglang:max_total_num_tokens is 0',
      refusals: [{ name: 'vllm:num_requests_running', words: 'of 10.0.0.1:8001 is NaN' }],
      failure: undefined,
    });
    expect((await collect(knows(scraped(loading)))).failure).toMatchObject({ reason: 'NotReady' });
  });

  it('is of the format that the policy names, whatever else stands on its page', async () => {
    const page = `${vllm(3)}tgi_batch_current_size 9\n`;
    const read = async (format: NonNullable<EnginePrometheusTarget['format']>) =>
      collect(knows(scraped(page)), target([endpoint(8000)], { format }));
    expect(running((await read('Tgi')).samples)).toEqual({ '10.0.0.1:8000': 9 });
    expect((await read('Sglang')).failure?.message).toMatch(/^knows no metric of SGLang of 10\.0\.0\.1:8000/);
  });
});

describe('the join of an engine', () => {
  const instances = ['10.0.0.1:8000', '10.0.0.1'];

  it('takes the surest name first, and IPv6 in any spelling', async () => {
    const pages = [scraped(vllm(1), { instance: '10.0.0.1' }), scraped(vllm(2), { instance: '10.0.0.1:8000' })];
    const of = target([endpoint(8000, { instances })]);
    expect(running((await collect(knows(...pages), of)).samples)).toEqual({ '10.0.0.1:8000': 2 });
    expect(running((await collect(knows(...pages.slice(0, 1)), of)).samples)).toEqual({ '10.0.0.1:8000': 1 });
    const ipv6 = target([endpoint(8000, { instances: ['[2001:db8::1]:8000', '2001:db8::1'] })]);
    for (const instance of ['[2001:DB8:0::1]:8000', '2001:db8:0:0::1', '[2001:db8::1]']) {
      expect(running((await collect(knows(scraped(vllm(3), { instance })), ipv6)).samples)).toEqual({
        '10.0.0.1:8000': 3,
      });
    }
  });

  it('falls back on the pod, of the right namespace and with one engine', async () => {
    const of = target([endpoint(8000, { pod: 'vllm-0', namespace: 'llm' })]);
    const pod = { pod: 'vllm-0', namespace: 'llm', instance: 'vllm-0.metrics:9' };
    const samplesOf = async (...pages: readonly Scraped[]) => running((await collect(knows(...pages), of)).samples);
    expect(await samplesOf(scraped(vllm(4), pod))).toEqual({ '10.0.0.1:8000': 4 });
    expect(await samplesOf(scraped(vllm(4), { ...pod, namespace: 'other' }))).toEqual({});
    const passedOn = {
      ...pod,
      pod: 'prometheus-0',
      exported_pod: 'vllm-0',
      namespace: 'mon',
      exported_namespace: 'llm',
    };
    expect(await samplesOf(scraped(vllm(5), passedOn))).toEqual({ '10.0.0.1:8000': 5 });
    const twice = [scraped(vllm(4), pod), scraped(vllm(6), { ...pod, instance: 'b:9' })];
    expect(await collect(knows(...twice), of)).toMatchObject({
      samples: [],
      failure: {
        message: expect.stringContaining('its pod has several engines (vllm-0.metrics:9, b:9): engine.port says which'),
      },
    });
    expect(await samplesOf(...twice, scraped(vllm(7), { ...pod, instance: '10.0.0.1:8000' }))).toEqual({
      '10.0.0.1:8000': 7,
    });
  });

  it('goes by the instance that a page has itself, where Prometheus got it from another one', async () => {
    const page = scraped(vllm(4), { instance: 'inner:9090', exported_instance: '10.0.0.1:8000' });
    expect(running((await collect(knows(page))).samples)).toEqual({ '10.0.0.1:8000': 4 });
  });
});

describe('the query of a Prometheus that knows engines and GPUs', () => {
  const gpus: PrometheusTarget = { ...common, kind: 'Prometheus', source: 'prometheus p', joinBy: ['Address'] };

  it('is one for all pools that read either, and each is given its own', async () => {
    const fetcher = knows(
      scraped(vllm(1)),
      scraped(vllm(2), { instance: '10.0.0.1:8001' }),
      scraped('DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} 80\n', { job: 'dcgm', instance: '10.0.0.1:9400' }),
    );
    const fleet = new PrometheusFleet(QUERY_URL, fetcher);
    const [first, second, gpu] = await Promise.all([
      new EnginePrometheusSource(target([endpoint(8000)]), fleet).collect(NOW_MS, never),
      new EnginePrometheusSource(target([endpoint(8001)], { service: 'code' }), fleet).collect(NOW_MS, never),
      new PrometheusSource(gpus, fleet).collect(NOW_MS, never),
    ]);
    expect(fetcher.asked).toHaveLength(1);
    expect(running(first.samples)).toEqual({ '10.0.0.1:8000': 1 });
    expect(running(second.samples)).toEqual({ '10.0.0.1:8001': 2 });
    expect(gpu.samples).toMatchObject([{ subject: { address: '10.0.0.1', gpu: 'GPU-a' }, value: 0.8 }]);
  });

  it('asks for what somebody wants to know, and for the start of a process only beside an engine', async () => {
    const fetcher = knows();
    const fleet = new PrometheusFleet(QUERY_URL, fetcher);
    const engines = new EnginePrometheusSource(target([endpoint(8000)]), fleet);
    await new PrometheusSource(gpus, fleet).collect(NOW_MS, never);
    await engines.collect(NOW_MS, never);
    await Promise.all([new PrometheusSource(gpus, fleet).collect(NOW_MS, never), engines.collect(NOW_MS, never)]);
    const asksFor = fetcher.asked.map(({ form }) => [
      form?.query?.includes('DCGM_FI_DEV_GPU_UTIL'),
      form?.query?.includes('vllm:num_requests_running'),
      form?.query?.includes('process_start_time_seconds'),
    ]);
    expect(asksFor).toEqual([
      [true, false, false],
      [false, true, true],
      [true, true, true],
    ]);
    const plain = /^\{__name__=~"([^"]+)"\}/.exec(fetcher.asked[1]?.form?.query ?? '')?.[1] ?? '';
    expect(plain).not.toContain('process_start_time_seconds');
    expect(fetcher.asked[1]?.form?.query).toContain('"process_start_time_seconds","","") and on (job, instance) {');
  });

  it('tells every pool that it failed', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => '{"status":"error","error":"too many samples"}';
    expect(await collect(fetcher)).toMatchObject({
      samples: [],
      failure: { reason: 'Query', message: 'refused the query: too many samples' },
    });
  });
});
