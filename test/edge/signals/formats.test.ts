import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../src/core/policy/index.ts';
import type { Metric } from '../../../src/core/topology/index.ts';
import { readEngineJson } from '../../../src/edge/signals/engine-json.ts';
import { engineReadings } from '../../../src/edge/signals/engine-readings.ts';
import { recogniseEngine } from '../../../src/edge/signals/engine-recognition.ts';
import { ENGINE_FORMATS, ENGINE_NAMES, PROCESS_ROWS } from '../../../src/edge/signals/formats/engine-formats.ts';
import { GPU_FORMATS, GPU_NAMES, GPU_ROWS } from '../../../src/edge/signals/formats/gpu-formats.ts';
import { METRIC_MEANINGS } from '../../../src/edge/signals/formats/metric-meanings.ts';
import { FLAG } from '../../../src/edge/signals/formats/units.ts';
import { gpuLabels } from '../../../src/edge/signals/gpu-labels.ts';
import { gpuReadings } from '../../../src/edge/signals/gpu-readings.ts';
import { scanExposition } from '../../../src/edge/signals/index.ts';
import type { Reading } from '../../../src/edge/signals/reading.ts';
import { fixture } from './fixture.ts';

const MIB = 1_048_576;

/** A page as the engine source reads it: recognised by its names. */
function engine(page: string) {
  const { series } = scanExposition(page, { wanted: ENGINE_NAMES });
  const format = recogniseEngine(series);
  const result = engineReadings(series, {
    rows: [...(format?.rows ?? []), ...PROCESS_ROWS],
    copies: format?.copies ?? [],
  });
  return {
    format: format?.name,
    refusals: result.refusals,
    notReady: result.notReady,
    values: valuesOf(result.readings),
  };
}

function json(body: string) {
  const answer = readEngineJson(body, undefined);
  if (!answer.ok) return answer.failure;
  const { json: page, format, series } = answer;
  const { readings, ...rest } = engineReadings(series, { rows: page.rows, copies: format.copies });
  return { format: format.name, values: valuesOf(readings), ...rest };
}

function valuesOf(readings: readonly Reading[]): Partial<Record<Metric, number>> {
  return Object.fromEntries(readings.map(({ metric, value }) => [metric, value]));
}

function gpus(name: string) {
  const { series } = scanExposition(fixture(name), { wanted: GPU_NAMES });
  const { readings, refusals } = gpuReadings(series, (one) => gpuLabels(one, false));
  expect(refusals).toEqual([]);
  return readings;
}

describe('the formats', () => {
  it('have rows with a sensible range and a unit that the metric states', () => {
    const engineRows = ENGINE_FORMATS.flatMap(({ rows, json: page }) => [...rows, ...(page?.rows ?? [])]);
    expect(engineRows.length).toBeGreaterThan(40);
    for (const { name, metric, unit } of [...engineRows, ...PROCESS_ROWS, ...GPU_ROWS]) {
      expect(unit.max, name).toBeGreaterThan(unit.min);
      expect(unit.min, name).toBeGreaterThanOrEqual(0);
      if (metric.endsWith('Ratio') && unit.mask === undefined && unit !== FLAG)
        expect(unit.max * unit.scale, name).toBeCloseTo(1.05);
      // Triton's name of a level ends like that of a counter.
      const counts = /(?:_total|_sum|_count)$/.test(name) && name !== 'nv_inference_pending_request_count';
      // Seconds of throttling have names of many kinds.
      const expected = counts || metric === 'throttledSecondsTotal';
      expect(METRIC_MEANINGS[metric].kind === 'Counter', name).toBe(expected);
    }
  });

  it('of engines are known by names of their own, so that no page is two things at once', () => {
    const owners = new Map<string, string>();
    for (const { name, knownBy, rows } of ENGINE_FORMATS) {
      for (const one of knownBy.kind === 'Any' ? knownBy.names : []) {
        expect(owners.get(one), one).toBeUndefined();
        owners.set(one, name);
      }
      expect(
        rows.some((row) => knownBy.names.includes(row.name)),
        name,
      ).toBe(true);
    }
  });

  it('of GPUs share no name, and each tells its devices apart', () => {
    expect(GPU_NAMES.size).toBe(GPU_ROWS.length);
    for (const { device } of GPU_FORMATS) expect([...(device.uuid ?? []), ...(device.index ?? [])]).not.toEqual([]);
  });

  it.each(ENGINE_FORMATS.map(({ name }) => name))('can be named in the policy: %s', (name) => {
    const text = `apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
  signals: { engine: { format: ${name} } }
  pools: [{ name: gpu, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }]
`;
    const loaded = loadPolicy([{ name: 'policy.yaml', text }]);
    expect(loaded.ok && loaded.value.services[0]?.pools[0]?.signals.engine?.format).toBe(name);
  });

  it('have a page among the fixtures, each of which is of some format', () => {
    const pages = readdirSync(join(import.meta.dirname, 'fixtures')).filter((name) => name.endsWith('.metrics'));
    const seen = pages.flatMap((name) => {
      const { series } = scanExposition(fixture(name), { wanted: new Set([...ENGINE_NAMES, ...GPU_NAMES]) });
      const names = new Set(series.map((one) => one.name));
      const exporters = GPU_FORMATS.filter(({ rows }) => rows.some((row) => names.has(row.name)));
      const found = [recogniseEngine(series)?.title, ...exporters.map(({ title }) => title)].filter(
        (one) => one !== undefined,
      );
      expect(found, name).not.toEqual([]);
      return found;
    });
    expect(
      [...new Set([...ENGINE_FORMATS, ...GPU_FORMATS].map(({ title }) => title))].filter(
        (title) => !seen.includes(title),
      ),
    ).toEqual([]);
  });
});

describe('a page of SGLang', () => {
  it('counts each data-parallel engine once, whatever ranks and priorities repeat it', () => {
    expect(engine(fixture('sglang.metrics'))).toEqual({
      format: 'Sglang',
      refusals: [],
      notReady: undefined,
      values: {
        runningRequests: 17,
        waitingRequests: 2,
        kvUsageRatio: 0.43,
        promptTokensTotal: 1_500_000,
        generationTokensTotal: 400_000,
        timeToFirstTokenSecondsSum: 96.5,
        timeToFirstTokenSecondsCount: 410,
      },
    });
  });

  it('of an older release counts the tokens of requests that ended', () => {
    const old = fixture('sglang.metrics').replaceAll('realtime_tokens_total', 'unknown_total');
    expect(engine(old).values).toMatchObject({ promptTokensTotal: 11_000_000, generationTokensTotal: 390_000 });
  });

  it('that has no room for tokens yet is no idle engine', () => {
    const page = 'sglang:num_running_reqs 0\nsglang:num_queue_reqs 0\nsglang:max_total_num_tokens 0\n';
    expect(engine(page)).toMatchObject({ values: {}, notReady: 'sglang:max_total_num_tokens is 0' });
  });
});

describe("SGLang's JSON page", () => {
  const page = fixture('sglang-loads.json');

  it('says the same, and the batch limit too', () => {
    expect(json(page)).toEqual({
      format: 'Sglang',
      refusals: [],
      values: { runningRequests: 21, waitingRequests: 3, kvUsageRatio: 0.37, maxRunningRequests: 512 },
    });
  });

  it('is never idle by mistake: not when one engine is not ready, and not when there is none', () => {
    expect(json(page.replace('"max_total_num_tokens": 131072', '"max_total_num_tokens": 0'))).toMatchObject({
      values: {},
      notReady: 'max_total_num_tokens is 0',
    });
    expect(json('{"loads":[]}')).toEqual({
      reason: 'NotReady',
      message: 'loads is empty: the engine is broken, not idle',
    });
  });

  it('gives no sum of what only some engines say, or say in words', () => {
    for (const other of ['"num_waiting": 0', '"num_waiting_reqs": null', '"num_waiting_reqs": "0"']) {
      const result = json(page.replace('"num_waiting_reqs": 0', other));
      expect(result).toMatchObject({ refusals: [{ name: 'num_waiting_reqs', words: 'is NaN' }] });
      expect(result).not.toHaveProperty('values.waitingRequests');
      expect(result).toHaveProperty('values.runningRequests', 21);
    }
  });

  it('with one engine twice is refused: it is the page of a router, not of a server', () => {
    const result = json(page.replace('"dp_rank": 1', '"dp_rank": 0'));
    expect(result).toMatchObject({
      refusals: expect.arrayContaining([{ name: 'num_running_reqs', words: 'appears twice with different values' }]),
    });
    expect(result).not.toHaveProperty('values.runningRequests');
  });
});

describe('a page of', () => {
  it('TGI has the queue and the batch, and no KV cache that could be read', () => {
    expect(engine(fixture('tgi.metrics'))).toMatchObject({
      format: 'Tgi',
      values: { runningRequests: 17, waitingRequests: 4 },
    });
    expect(Object.keys(engine(fixture('tgi.metrics')).values)).toHaveLength(2);
  });

  it('Triton has the queue over its models, and does not say how many run', () => {
    expect(engine(fixture('triton.metrics'))).toMatchObject({ format: 'Triton', refusals: [] });
    expect(engine(fixture('triton.metrics')).values).toEqual({ waitingRequests: 5 });
  });

  it('TensorRT-LLM in Triton is told from Triton, and its meanings by their labels', () => {
    expect(engine(fixture('triton-tensor-rt-llm.metrics'))).toEqual({
      format: 'TensorRtLlm',
      refusals: [],
      notReady: undefined,
      values: { runningRequests: 41, waitingRequests: 3, maxRunningRequests: 512, kvUsageRatio: 0.55 },
    });
  });

  it('trtllm-serve has a name for each meaning', () => {
    expect(engine(fixture('trtllm-serve.metrics'))).toMatchObject({
      format: 'TensorRtLlm',
      values: {
        runningRequests: 8,
        waitingRequests: 1,
        kvUsageRatio: 0.31,
        timeToFirstTokenSecondsSum: 3.5,
        timeToFirstTokenSecondsCount: 25,
        processStartTimeSeconds: 1_763_892_110,
      },
    });
  });

  it('llama.cpp counts tokens as they are made, by steps of the batch and the slots that were busy in them', () => {
    const page = fixture('llama-cpp.metrics');
    const { format, values, refusals } = engine(page);
    expect({ format, refusals }).toEqual({ format: 'LlamaCpp', refusals: [] });
    expect(values).toEqual({
      runningRequests: 4,
      waitingRequests: 3,
      promptTokensTotal: 2089,
      generationTokensTotal: 317 * 2.08833,
    });
    // Its own count of tokens has only those of requests that have ended.
    expect(page).toContain('llamacpp:tokens_predicted_total 202\n');
    const without = page.replaceAll('n_busy_slots_per_decode', 'unknown');
    expect(engine(without).values).toMatchObject({ generationTokensTotal: 202 });
  });

  it('llama.cpp that is idle says so', () => {
    expect(engine(fixture('llama-cpp-idle.metrics')).values).toEqual({
      runningRequests: 0,
      waitingRequests: 0,
      promptTokensTotal: 0,
      generationTokensTotal: 0,
    });
  });

  it('LMDeploy is summed over its engines, and waits in the engine, not at its front door', () => {
    expect(engine(fixture('lm-deploy.metrics'))).toMatchObject({
      format: 'LmDeploy',
      values: {
        runningRequests: 36,
        waitingRequests: 6,
        kvUsageRatio: 0.91,
        promptTokensTotal: 100_000,
        generationTokensTotal: 12_000,
        timeToFirstTokenSecondsCount: 90,
      },
    });
  });

  it('NIM has its limit, and is known by three names together: one alone proves nothing', () => {
    const page = fixture('nim.metrics');
    expect(engine(page)).toMatchObject({
      format: 'Nim',
      values: {
        runningRequests: 21,
        waitingRequests: 1,
        maxRunningRequests: 2048,
        kvUsageRatio: 0.18,
        generationTokensTotal: 997,
      },
    });
    expect(engine(page.replaceAll('num_request_max', 'other')).format).toBeUndefined();
  });

  it('NIM around vLLM is vLLM with a limit', () => {
    const page = `${fixture('vllm.metrics')}num_request_max{model_name="m"} 256.0\n`;
    expect(engine(page)).toMatchObject({ format: 'Vllm', values: { runningRequests: 29, maxRunningRequests: 256 } });
  });

  it('nobody in particular is not guessed at', () => {
    expect(engine('process_start_time_seconds 1.7e9\nprompt_tokens_total 5\n')).toMatchObject({
      format: undefined,
      values: { processStartTimeSeconds: 1.7e9 },
    });
  });
});

describe('a GPU exporter', () => {
  const H200 = 'GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52';

  it('in Triton means a ratio', () => {
    const readings = gpus('triton.metrics');
    expect(new Set(readings.map(({ gpu }) => gpu))).toEqual(new Set([H200]));
    expect(valuesOf(readings)).toEqual({
      gpuUtilRatio: 0.87,
      memoryTotalBytes: 85_899_345_920,
      memoryUsedBytes: 64_424_509_440,
      powerWatts: 312.5,
    });
  });

  it('of AMD speaks for an uncut device, and marks a partition as one', () => {
    const readings = gpus('amd.metrics');
    const whole = readings.filter(({ device }) => device === 'Whole');
    expect(valuesOf(whole)).toEqual({
      gpuUtilRatio: 0.91,
      dramActiveRatio: 0.38,
      powerWatts: 640,
      memoryUsedBytes: 180_000 * MIB,
      memoryTotalBytes: 196_592 * MIB,
    });
    expect(whole[0]).toMatchObject({ gpu: 'ccff74a1-0000-1000-80e0-c6d49f5b0d86', pod: 'vllm-2', node: 'node-21' });
    expect(readings.filter(({ device }) => device === 'Partitioned')).toEqual([
      {
        metric: 'gpuUtilRatio',
        value: 0.12,
        gpu: 'c3ff74a1-0000-0000-80ff-88426fc31c9e/3',
        device: 'Partitioned',
        node: 'node-21',
      },
    ]);
  });

  it('of Intel measures power in milliwatts', () => {
    const readings = gpus('gaudi.metrics');
    expect(readings[0]?.gpu).toBe('01P4-HL2080A0-15-TNPS34-13-08-07');
    expect(valuesOf(readings)).toEqual({
      gpuUtilRatio: 0.64,
      powerWatts: 412,
      memoryUsedBytes: 6.4424509e10,
      memoryTotalBytes: 1.02625181e11,
    });
  });

  it('of Huawei dates its own samples, and an idle chip without a die number still has an index', () => {
    const readings = gpus('ascend.metrics');
    expect(new Set(readings.map(({ timestampMs }) => timestampMs))).toEqual(new Set([1_613_993_498_553]));
    const busy = readings.filter(({ pod }) => pod === 'mindie-0');
    expect(valuesOf(busy)).toEqual({
      gpuUtilRatio: 0.8,
      powerWatts: 288.4,
      memoryUsedBytes: 32_255 * MIB,
      memoryTotalBytes: 65_536 * MIB,
    });
    expect(readings.filter(({ pod }) => pod === undefined)).toMatchObject([
      { gpu: 'index-1', metric: 'gpuUtilRatio', value: 0 },
    ]);
  });

  it('all-smi calls the model gpu and the host instance', () => {
    const readings = gpus('all-smi.metrics');
    expect(readings.map(({ gpu, metric }) => `${gpu} ${metric}`)).toContain('GPU-12346 gpuUtilRatio');
    expect(readings[0]).toMatchObject({ gpu: 'GPU-12345', node: 'node-0058', value: 0.255 });
  });

  it('all-smi behind Prometheus keeps its host, for that label is Prometheus’s there', () => {
    const labels = new Map([
      ['uuid', 'GPU-1'],
      ['instance', '10.0.0.1:9090'],
      ['exported_instance', 'node-0058'],
    ]);
    const series = { name: 'all_smi_gpu_utilization', labels, value: 5 };
    expect(gpuLabels(series, true)).toEqual({ uuid: 'GPU-1', gpu: 'GPU-1', node: 'node-0058' });
  });
});
