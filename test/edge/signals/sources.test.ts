import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/core/topology/index.ts';
import type { EngineTarget, ExporterTarget, PrometheusTarget } from '../../../src/edge/signals/index.ts';
import type { PageRequest } from '../../../src/edge/signals/page-fetcher.ts';
import { PrometheusFleet } from '../../../src/edge/signals/prometheus-fleet.ts';
import { EngineSource } from '../../../src/edge/signals/sources/engine-source.ts';
import { GpuSource } from '../../../src/edge/signals/sources/gpu-source.ts';
import { PrometheusSource } from '../../../src/edge/signals/sources/prometheus-source.ts';
import { FakeFetcher } from './fake-fetcher.ts';
import { fixture } from './fixture.ts';

const never = new AbortController().signal;
const common = { key: 'k', service: 'chat', pool: 'gpu', intervalMs: 1000 };

function valuesOf(samples: readonly Sample[]): Record<string, number> {
  return Object.fromEntries(samples.map(({ metric, value }) => [metric, value]));
}

describe('the engine source', () => {
  const target: EngineTarget = {
    ...common,
    kind: 'Engine',
    source: 'engine http://10.0.0.1:8000/metrics',
    url: 'http://10.0.0.1:8000/metrics',
    subject: { address: '10.0.0.1', port: 8000 },
  };

  it('turns a page into samples about the endpoint, dated when the page was there', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => fixture('vllm.metrics');
    const { samples, failure } = await new EngineSource(target, fetcher).collect(5000, never);
    expect(failure).toBeUndefined();
    expect(samples).toHaveLength(8);
    expect(samples[0]).toEqual({
      subject: { address: '10.0.0.1', port: 8000 },
      metric: 'runningRequests',
      value: 29,
      sampledAtMs: 5040,
      changedAtMs: 5040,
      source: 'engine http://10.0.0.1:8000/metrics',
    });
    expect(fetcher.asked).toEqual([{ url: target.url, accept: 'text/plain;version=0.0.4', lent: true }]);
  });

  it('fails, and still tells when the process started, when the engine keeps no statistics', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => 'process_start_time_seconds 1.7e9\npython_info{version="3.12"} 1\n';
    const { samples, failure } = await new EngineSource(target, fetcher).collect(0, never);
    expect(valuesOf(samples)).toEqual({ processStartTimeSeconds: 1.7e9 });
    expect(failure).toEqual({ reason: 'NoMetrics', message: 'the page has no known engine metric' });
  });

  it('refuses pages that are no metrics, are cut, or have too much of the wanted', async () => {
    const fetcher = new FakeFetcher();
    const source = new EngineSource(target, fetcher);
    const reason = async () => {
      const { samples, failure } = await source.collect(0, never);
      expect(samples).toEqual([]);
      return `${failure?.reason}: ${failure?.message}`;
    };
    fetcher.answer = () => 'vllm:num_requests_running 1\nvllm:num_requests_waiting 1';
    expect(await reason()).toBe('Truncated: the page ends in the middle of a line');
    fetcher.answer = () =>
      Array.from({ length: 10_001 }, (_, at) => `vllm:num_requests_running{e="${at}"} 1\n`).join('');
    expect(await reason()).toBe('TooLarge: the page has too many series of the wanted names');
    fetcher.answer = () => '';
    expect(await reason()).toMatch(/^NoMetrics/);
    fetcher.contentType = 'text/html';
    fetcher.answer = () => 'vllm:num_requests_running 1\n';
    expect(await reason()).toBe('ContentType: answered text/html where text/plain is expected');
    for (const contentType of ['', 'text/plain', 'application/openmetrics-text']) {
      fetcher.contentType = contentType;
      expect(await source.collect(0, never), contentType).toMatchObject({ samples: [{ value: 1 }] });
    }
  });

  it('goes on with the rest when a line or a value is bad, and tells of it', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => 'vllm:num_requests_running NaN\nvllm:num_requests_waiting 2\n<broken>\n';
    const { samples, failure, refusals, note, badLines } = await new EngineSource(target, fetcher).collect(0, never);
    expect(valuesOf(samples)).toEqual({ waitingRequests: 2 });
    expect({ failure, refusals, note, badLines }).toEqual({
      failure: undefined,
      refusals: [{ name: 'vllm:num_requests_running', words: 'is NaN' }],
      note: '1 line could not be read (the first is line 3)',
      badLines: 1,
    });
  });

  it('gives no new sample for a refused value: the last good one stays, with its own time', async () => {
    const fetcher = new FakeFetcher();
    const source = new EngineSource(target, fetcher);
    const running: [number, number, number][] = [];
    for (const [turn, value] of ['5', '5', 'NaN', '-3', '5', '6'].entries()) {
      fetcher.answer = () => `vllm:num_requests_running ${value}\nvllm:num_requests_waiting 0\n`;
      const { samples } = await source.collect(turn * 1000, never);
      const sample = samples.find(({ metric }) => metric === 'runningRequests');
      if (sample !== undefined) running.push([sample.value, sample.sampledAtMs, sample.changedAtMs]);
    }
    expect(running).toEqual([
      [5, 40, 40],
      [5, 1040, 40],
      [5, 4040, 40],
      [6, 5040, 5040],
    ]);
  });
});

describe('the engine source of a policy that names the format', () => {
  const target: EngineTarget = {
    ...common,
    kind: 'Engine',
    source: 'engine http://10.0.0.1:30000/v1/loads',
    url: 'http://10.0.0.1:30000/v1/loads',
    subject: { address: '10.0.0.1', port: 30_000 },
    format: 'Sglang',
  };

  it('reads that format and no other, whatever else is on the page', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => `${fixture('vllm.metrics')}sglang:num_running_reqs 3\n`;
    const collect = (format: EngineTarget['format']) =>
      new EngineSource(format === undefined ? omitted(target) : { ...target, format }, fetcher).collect(0, never);
    expect(valuesOf((await collect(undefined)).samples)).toMatchObject({ runningRequests: 29 });
    expect(valuesOf((await collect('Sglang')).samples)).toEqual({
      runningRequests: 3,
      processStartTimeSeconds: 1_763_892_110,
    });
    expect(await collect('Tgi')).toMatchObject({
      samples: [{ metric: 'processStartTimeSeconds' }],
      failure: { reason: 'NoMetrics', message: 'the page has no metric of TGI' },
    });
  });

  it('reads the JSON of that engine, and says when an engine has none', async () => {
    const fetcher = new FakeFetcher();
    fetcher.contentType = 'application/json';
    fetcher.answer = () => fixture('sglang-loads.json');
    const { samples, failure } = await new EngineSource(target, fetcher).collect(5000, never);
    expect(failure).toBeUndefined();
    expect(valuesOf(samples)).toMatchObject({ runningRequests: 21, maxRunningRequests: 512 });
    expect(samples[0]).toMatchObject({ subject: target.subject, sampledAtMs: 5040 });
    expect(await new EngineSource({ ...target, format: 'Tgi' }, fetcher).collect(0, never)).toMatchObject({
      failure: { reason: 'ContentType', message: 'answered JSON where TGI has text' },
    });
  });

  it('fails as not ready where the engine says so, with no sample that could look idle', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => 'sglang:num_running_reqs 0\nsglang:max_total_num_tokens 0\n';
    expect(await new EngineSource(target, fetcher).collect(0, never)).toMatchObject({
      samples: [],
      failure: { reason: 'NotReady', message: 'the engine is not ready: sglang:max_total_num_tokens is 0' },
    });
  });
});

function omitted({ format: _, ...rest }: EngineTarget): EngineTarget {
  return rest;
}

describe('the GPU source', () => {
  const target: ExporterTarget = {
    ...common,
    kind: 'Exporter',
    source: 'gpu http://10.0.0.1:9400/metrics',
    url: 'http://10.0.0.1:9400/metrics',
    subject: { address: '10.0.0.1', port: 8000 },
  };

  it("makes samples about the endpoint's own port, the GPU, and what the labels tell", async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => fixture('dcgm-generation-1.metrics');
    const { samples } = await new GpuSource(target, fetcher).collect(0, never);
    expect(samples.find(({ metric }) => metric === 'gpuUtilRatio')).toEqual({
      subject: {
        address: '10.0.0.1',
        port: 8000,
        gpu: 'GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52',
        pod: 'vllm-0',
        node: 'node-17',
      },
      metric: 'gpuUtilRatio',
      value: 0.87,
      sampledAtMs: 40,
      changedAtMs: 40,
      source: 'gpu http://10.0.0.1:9400/metrics',
      device: 'Whole',
    });
  });

  it('fails on a page without GPU metrics, and when nothing on it can be believed', async () => {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => 'up 1\n';
    expect(await new GpuSource(target, fetcher).collect(0, never)).toMatchObject({ failure: { reason: 'NoMetrics' } });
    fetcher.answer = () => 'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} 400\n';
    expect(await new GpuSource(target, fetcher).collect(0, never)).toMatchObject({
      // The core says of the endpoint what is wrong with it.
      samples: [{ metric: 'gpuUtilRatio', value: 4 }],
      failure: { reason: 'Refused' },
      refusals: [{ name: 'DCGM_FI_DEV_GPU_UTIL', words: 'of GPU-a is 400, outside 0..105' }],
    });
  });

  it('sees an exporter that samples seldom: fresh pages, old values', async () => {
    const fetcher = new FakeFetcher();
    const source = new GpuSource(target, fetcher);
    fetcher.answer = () => fixture('dcgm-generation-1.metrics');
    for (let turn = 0; turn < 30; turn++) await source.collect(turn * 1000, never);
    const { samples } = await source.collect(30_000, never);
    expect(new Set(samples.map(({ sampledAtMs }) => sampledAtMs))).toEqual(new Set([30_040]));
    expect(new Set(samples.map(({ changedAtMs }) => changedAtMs))).toEqual(new Set([40]));
  });
});

describe('the Prometheus source', () => {
  const target: PrometheusTarget = {
    ...common,
    kind: 'Prometheus',
    source: 'prometheus http://p:9090/api/v1/query',
    url: 'http://p:9090/api/v1/query?tenant=a',
    joinBy: ['Pod', 'Node'],
    namespace: 'llm',
  };
  type Element = { readonly metric: Record<string, string>; readonly value: readonly [number, string] };
  /** Prometheus's clock is an hour ahead of ours. */
  const evaluatedAtSec = 3600 + 100;

  function util(labels: Record<string, string>, value: string, ageSec = 5): Element[] {
    const stamp = { ...labels, loadline_role: 'DCGM_FI_DEV_GPU_UTIL' };
    return [
      { metric: { __name__: 'DCGM_FI_DEV_GPU_UTIL', ...labels }, value: [evaluatedAtSec, value] },
      { metric: stamp, value: [evaluatedAtSec, String(evaluatedAtSec - ageSec)] },
    ];
  }

  function vector(result: readonly unknown[], more: object = {}): string {
    return JSON.stringify({ status: 'success', data: { resultType: 'vector', result }, ...more });
  }

  function prometheus(elements: readonly unknown[], more: object = {}): FakeFetcher {
    const fetcher = new FakeFetcher();
    fetcher.answer = () => vector(elements, more);
    return fetcher;
  }

  function collect(fetcher: FakeFetcher, rest: Partial<PrometheusTarget> = {}, nowMs = 100_000) {
    return new PrometheusSource({ ...target, ...rest }, new PrometheusFleet(target.url, fetcher)).collect(nowMs, never);
  }

  function subjects(samples: readonly Sample[]): unknown[] {
    return samples.map(({ subject: { gpu: _, ...subject } }) => subject);
  }

  it('asks one query for all metrics of all formats, by POST, for values and their times', async () => {
    const fetcher = prometheus([]);
    await collect(fetcher);
    expect(fetcher.asked).toHaveLength(1);
    const [{ url, form }] = fetcher.asked as [PageRequest];
    expect(new URL(url).searchParams.get('tenant')).toBe('a');
    const query = form?.query ?? '';
    const names = /^\{__name__=~"([A-Za-z_|]+)"\} or /.exec(query)?.[1]?.split('|') ?? [];
    expect(names.slice(0, 3)).toEqual([
      'DCGM_FI_DEV_GPU_UTIL',
      'DCGM_FI_PROF_GR_ENGINE_ACTIVE',
      'DCGM_FI_PROF_SM_ACTIVE',
    ]);
    expect(names).toContain('npu_chip_info_utilization');
    const times = [...query.matchAll(/label_replace\(timestamp\((\w+)\),"loadline_role","(\w+)","",""\)/g)];
    expect(times.map(([, name]) => name)).toEqual(names);
    expect(times.map(([, , role]) => role)).toEqual(names);
  });

  it('is asked once for all pools that read it at once, and each of them gets its own by its own rules', async () => {
    const fetcher = prometheus([
      ...util({ UUID: 'GPU-a', pod: 'vllm-0', namespace: 'llm', Hostname: 'n1' }, '80'),
      ...util({ UUID: 'GPU-b', pod: 'vllm-1', namespace: 'other', Hostname: 'n2' }, '90'),
      ...util({ UUID: 'GPU-c', pod: 'vllm-2', namespace: 'other', Hostname: 'n3' }, 'NaN'),
    ]);
    const fleet = new PrometheusFleet(target.url, fetcher);
    const { namespace: _, ...anywhere } = target;
    const pools = [target, { ...target, namespace: 'other' }, { ...anywhere, joinBy: ['Node'] as const }, anywhere];
    const results = await Promise.all(pools.map((pool) => new PrometheusSource(pool, fleet).collect(0, never)));
    expect(fetcher.asked).toHaveLength(1);
    expect(results.map(({ samples }) => subjects(samples))).toEqual([
      [{ pod: 'vllm-0' }],
      [{ pod: 'vllm-1' }],
      [{ node: 'n1' }, { node: 'n2' }],
      [{ pod: 'vllm-0' }, { pod: 'vllm-1' }],
    ]);
    expect(results.map(({ refusals }) => refusals.length)).toEqual([0, 1, 1, 1]);
    await new PrometheusSource(target, fleet).collect(1000, never);
    expect(fetcher.asked).toHaveLength(2);
  });

  it('does not say twice what pools with the same rules would both say', async () => {
    const fetcher = prometheus(util({ UUID: 'GPU-a', pod: 'vllm-0' }, '80'));
    const fleet = new PrometheusFleet(target.url, fetcher);
    const sources = ['a', 'b'].map((pool) => new PrometheusSource({ ...target, pool }, fleet));
    const [first, second] = await Promise.all(sources.map((source) => source.collect(0, never)));
    expect(first?.samples).toHaveLength(1);
    expect(second).toMatchObject({ samples: [], refusals: [] });
    expect(second?.failure).toBeUndefined();
  });

  it('does not take a value whose time is missing for a fresh one', async () => {
    const [value] = util({ UUID: 'GPU-a', pod: 'vllm-0' }, '80');
    expect(await collect(prometheus([value]))).toMatchObject({
      samples: [],
      badLines: 1,
      failure: { reason: 'NoMetrics' },
    });
  });

  it("measures age on Prometheus's clock, so that an hour of skew changes nothing", async () => {
    const { samples } = await collect(prometheus(util({ UUID: 'GPU-a', pod: 'vllm-0', namespace: 'llm' }, '80', 7)));
    expect(samples).toEqual([
      {
        subject: { pod: 'vllm-0', gpu: 'GPU-a' },
        metric: 'gpuUtilRatio',
        value: 0.8,
        sampledAtMs: 100_000 - 7000,
        changedAtMs: 100_000 - 7000,
        source: 'prometheus http://p:9090/api/v1/query',
        device: 'Whole',
      },
    ]);
  });

  it('gives a value once, not again at each query until Prometheus has scraped anew', async () => {
    const fetcher = prometheus(util({ UUID: 'GPU-a', pod: 'vllm-0' }, '80', 2));
    const source = new PrometheusSource(target, new PrometheusFleet(target.url, fetcher));
    expect((await source.collect(100_000, never)).samples).toHaveLength(1);
    const again = await source.collect(101_000, never);
    expect(again).toMatchObject({ samples: [] });
    expect(again.failure).toBeUndefined();
  });

  it('reads exported_pod first: without honor_labels the plain pod is that of the exporter', async () => {
    const { samples } = await collect(
      prometheus([
        ...util(
          {
            UUID: 'GPU-a',
            exported_pod: 'vllm-0',
            exported_namespace: 'llm',
            pod: 'dcgm-x',
            namespace: 'mon',
            Hostname: 'n1',
          },
          '80',
        ),
        ...util({ UUID: 'GPU-b', pod: 'dcgm-x', namespace: 'mon', Hostname: 'n1' }, '0'),
        ...util({ UUID: 'GPU-c', pod: 'dcgm-y', namespace: 'mon', hostname: 'n2' }, '20'),
      ]),
    );
    expect(subjects(samples)).toEqual([{ pod: 'vllm-0' }, { node: 'n2' }]);
  });

  it('reads it job by job: each is scraped in its own way', async () => {
    const { samples } = await collect(
      prometheus([
        ...util({ job: 'a', UUID: 'GPU-a', exported_pod: 'vllm-0', pod: 'dcgm-x' }, '80'),
        ...util({ job: 'b', UUID: 'GPU-b', pod: 'vllm-1' }, '70'),
      ]),
    );
    expect(subjects(samples)).toEqual([{ pod: 'vllm-0' }, { pod: 'vllm-1' }]);
  });

  it('leaves out pods of other namespaces and idle GPUs of a node whose pods are known', async () => {
    const { samples } = await collect(
      prometheus([
        ...util({ UUID: 'GPU-a', pod: 'vllm-0', namespace: 'llm', Hostname: 'n1' }, '80'),
        ...util({ UUID: 'GPU-b', pod: 'vllm-0', namespace: 'other', Hostname: 'n1' }, '90'),
        ...util({ UUID: 'GPU-c', Hostname: 'n1' }, '0'),
      ]),
    );
    expect(subjects(samples)).toEqual([{ pod: 'vllm-0' }]);
  });

  it('joins as the policy says', async () => {
    const elements = util({ UUID: 'GPU-a', pod: 'vllm-0', namespace: 'llm', Hostname: 'n1' }, '80');
    const by = async (...joinBy: PrometheusTarget['joinBy']) =>
      (await collect(prometheus(elements), { joinBy })).samples.map(({ subject }) => subject);
    expect(await by('Pod')).toEqual([{ pod: 'vllm-0', gpu: 'GPU-a' }]);
    expect(await by('Node')).toEqual([{ node: 'n1', gpu: 'GPU-a' }]);
    expect(await by('Uuid')).toEqual([{ gpu: 'GPU-a' }]);
    expect(await by('Port')).toEqual([]);
  });

  it('joins by the address of the exporter where the policy says so, and never by its name', async () => {
    const elements = [
      ...util({ UUID: 'GPU-a', instance: '10.0.0.1:9400', Hostname: 'n1' }, '10'),
      ...util({ UUID: 'GPU-b', instance: '[2001:DB8::0:1]:9400' }, '20'),
      ...util({ UUID: 'GPU-c', instance: '10.0.0.3' }, '30'),
      ...util({ UUID: 'GPU-d', instance: 'node-4:9400' }, '40'),
      ...util({ UUID: 'GPU-e', instance: 'inner:9090', exported_instance: '10.0.0.5:9400' }, '50'),
    ];
    const { samples } = await collect(prometheus(elements), { joinBy: ['Address'] });
    expect(samples.map(({ subject }) => subject)).toEqual([
      { address: '10.0.0.1', gpu: 'GPU-a' },
      { address: '2001:db8::1', gpu: 'GPU-b' },
      { address: '10.0.0.3', gpu: 'GPU-c' },
      { address: '10.0.0.5', gpu: 'GPU-e' },
    ]);
    expect((await collect(prometheus(elements))).samples.map(({ subject }) => subject)).toEqual([
      { node: 'n1', gpu: 'GPU-a' },
    ]);
  });

  it('keeps apart GPUs that have the same number on two addresses, and remembers each of them', async () => {
    const at = (address: string, value: string) => util({ gpu: '0', instance: `${address}:9400` }, value);
    const fetcher = prometheus([...at('10.0.0.1', '10'), ...at('10.0.0.2', '20')]);
    const source = new PrometheusSource({ ...target, joinBy: ['Address'] }, new PrometheusFleet(target.url, fetcher));
    const { samples } = await source.collect(100_000, never);
    expect(samples.map(({ subject, value }) => [subject.address, value])).toEqual([
      ['10.0.0.1', 0.1],
      ['10.0.0.2', 0.2],
    ]);
    fetcher.answer = () => vector([...at('10.0.0.1', '20').map(later), ...at('10.0.0.2', '20').map(later)]);
    const again = await source.collect(101_000, never);
    expect(again.samples.map(({ sampledAtMs, changedAtMs }) => sampledAtMs - changedAtMs)).toEqual([0, 1000]);
  });

  function later({ metric, value: [atSec, text] }: Element): Element {
    const value = 'loadline_role' in metric ? String(Number(text) + 1) : text;
    return { metric, value: [atSec + 1, value] };
  }

  it('treats what is absent as unknown', async () => {
    const result = await collect(prometheus([]));
    expect(result).toMatchObject({ samples: [], failure: { reason: 'NoMetrics', message: 'knows no GPU metric' } });
    const unjoinable = await collect(prometheus(util({ UUID: 'GPU-a' }, '80')));
    expect(unjoinable).toMatchObject({ samples: [], failure: { reason: 'NoMetrics' } });
  });

  it('refuses values that cannot be', async () => {
    const result = await collect(
      prometheus([
        ...util({ UUID: 'GPU-a', pod: 'p' }, 'NaN'),
        ...util({ UUID: 'GPU-b', pod: 'p' }, '150'),
        ...util({ UUID: 'GPU-c', pod: 'p' }, '10'),
      ]),
    );
    expect(result.samples).toMatchObject([
      { subject: { gpu: 'GPU-c' }, value: 0.1 },
      { subject: { gpu: 'GPU-b' }, value: 1.5 },
    ]);
    expect(result.refusals).toHaveLength(2);
  });

  it('passes on a warning, and the failure of the request to every pool', async () => {
    const fetcher = prometheus(util({ UUID: 'GPU-a', pod: 'p' }, '10'), { warnings: ['slow\nshard'] });
    expect(await collect(fetcher)).toMatchObject({ samples: [{ value: 0.1 }], note: 'warns: slow shard' });
    fetcher.answer = () => ({ ok: false, failure: { reason: 'Status', message: 'answered 503' } });
    const fleet = new PrometheusFleet(target.url, fetcher);
    const pools = ['a', 'b'].map((pool) => new PrometheusSource({ ...target, pool }, fleet).collect(0, never));
    for (const result of await Promise.all(pools)) {
      expect(result).toMatchObject({ samples: [], failure: { reason: 'Status', message: 'answered 503' } });
    }
  });

  it('survives answers of every wrong shape', async () => {
    const shapes = [
      '',
      'null',
      '[]',
      '"x"',
      '{',
      '{"status":"success"}',
      '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      '{"status":"success","data":{"resultType":"vector","result":{}}}',
      '{"status":"error","error":"bad\\u0000 query"}',
      '{"status":"error","error":5}',
    ];
    for (const shape of shapes) {
      const fetcher = new FakeFetcher();
      fetcher.answer = () => shape;
      expect(await collect(fetcher), shape).toMatchObject({ samples: [], failure: { reason: 'Query' } });
    }
    const elements = [
      null,
      5,
      {},
      { metric: null, value: [1, '1'] },
      { metric: {}, value: 'x' },
      { metric: { __name__: 5 }, value: [1, '1'] },
      { metric: {}, value: [1, '1'] },
      { metric: { __name__: 'x' }, value: [1, 1] },
      { metric: { __name__: 'x' }, value: [null, '1'] },
    ];
    const result = await collect(prometheus([...elements, ...util({ UUID: 'GPU-a', pod: 'p' }, '10')]));
    expect(result).toMatchObject({ samples: [{ value: 0.1 }], badLines: elements.length });
  });
});
