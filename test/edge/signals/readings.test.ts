import { describe, expect, it } from 'vitest';
import { type EngineReadings, engineReadings } from '../../../src/edge/signals/engine-readings.ts';
import { recogniseEngine } from '../../../src/edge/signals/engine-recognition.ts';
import { ENGINE_NAMES, PROCESS_ROWS } from '../../../src/edge/signals/formats/engine-formats.ts';
import { GPU_NAMES } from '../../../src/edge/signals/formats/gpu-formats.ts';
import { gpuLabels } from '../../../src/edge/signals/gpu-labels.ts';
import { gpuReadings } from '../../../src/edge/signals/gpu-readings.ts';
import { scanExposition } from '../../../src/edge/signals/index.ts';
import type { Readings } from '../../../src/edge/signals/reading.ts';
import { fixture } from './fixture.ts';

const BUSY = 'GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52';
const IDLE = 'GPU-0b1f7c52-3d7e-4a41-9a0e-6f7a2f1c9d11';

function engine(page: string): EngineReadings {
  const { series } = scanExposition(page, { wanted: ENGINE_NAMES });
  const format = recogniseEngine(series);
  return engineReadings(series, { rows: [...(format?.rows ?? []), ...PROCESS_ROWS], copies: format?.copies ?? [] });
}

function gpu(page: string): Readings {
  return gpuReadings(scanExposition(page, { wanted: GPU_NAMES }).series, (series) => gpuLabels(series, false));
}

function valuesOf({ readings }: Readings, device?: string): Record<string, number> {
  return Object.fromEntries(
    readings.filter((one) => device === undefined || one.gpu === device).map(({ metric, value }) => [metric, value]),
  );
}

describe('an engine page', () => {
  it('of two data-parallel engines sums their requests and tokens and takes the fuller KV cache', () => {
    const { readings, refusals } = engine(fixture('vllm.metrics'));
    expect(refusals).toEqual([]);
    expect(valuesOf({ readings, refusals })).toEqual({
      runningRequests: 29,
      waitingRequests: 3,
      kvUsageRatio: 0.8125,
      promptTokensTotal: 1_235_567,
      generationTokensTotal: 2_500_500,
      timeToFirstTokenSecondsSum: 13,
      timeToFirstTokenSecondsCount: 52,
      processStartTimeSeconds: 1_763_892_110,
    });
  });

  it('of an old release is read under its old names, and idle copies per process do not count', () => {
    expect(valuesOf(engine(fixture('vllm-old-names.metrics')))).toEqual({
      runningRequests: 9,
      waitingRequests: 0,
      kvUsageRatio: 0.65,
    });
  });

  it('with both names of a metric is read under the new one, also when that one is refused', () => {
    const both = (now: string): string => `vllm:gpu_cache_usage_perc 0.2\nvllm:kv_cache_usage_perc ${now}\n`;
    expect(valuesOf(engine(both('0.4')))).toEqual({ kvUsageRatio: 0.4 });
    expect(engine(both('NaN')).readings).toEqual([]);
  });

  it('gives no sum when one engine is unusable, for a sum without it would be wrong', () => {
    for (const bad of ['NaN', '-1', '+Inf', '1e9']) {
      const page = `vllm:num_requests_running{engine="0"} 5\nvllm:num_requests_running{engine="1"} ${bad}\nvllm:num_requests_waiting 2\n`;
      const result = engine(page);
      expect(valuesOf(result)).toEqual({ waitingRequests: 2 });
      expect(result.refusals).toMatchObject([{ name: 'vllm:num_requests_running' }]);
    }
  });

  it('folds an exact copy of a series and refuses a contradiction', () => {
    const line = 'vllm:num_requests_running{engine="0",model_name="m"}';
    const turned = 'vllm:num_requests_running{model_name="m",engine="0"}';
    expect(valuesOf(engine(`${line} 5\n${turned} 5\n`))).toEqual({ runningRequests: 5 });
    const result = engine(`${line} 5\n${turned} 6\n`);
    expect(result).toEqual({
      readings: [],
      refusals: [{ name: 'vllm:num_requests_running', words: 'appears twice with different values' }],
    });
  });

  it('has no values where the page has none: absent is not zero', () => {
    expect(engine('process_start_time_seconds 1.7e9\n').readings).toEqual([
      { metric: 'processStartTimeSeconds', value: 1.7e9 },
    ]);
  });
});

describe('a GPU page', () => {
  const expected = {
    gpuUtilRatio: 0.87,
    gpuEngineActiveRatio: 0.831244,
    smActiveRatio: 0.742,
    dramActiveRatio: 0.41,
    smClockHertz: 1.98e9,
    powerWatts: 627.4,
    memoryUsedBytes: 129_394 * 1_048_576,
    memoryTotalBytes: 143_771 * 1_048_576,
    xidCode: 0,
  };

  it('means the same in both generations of dcgm-exporter', () => {
    const [first, second] = [gpu(fixture('dcgm-generation-1.metrics')), gpu(fixture('dcgm-generation-2.metrics'))];
    expect(valuesOf(first, BUSY)).toEqual(expected);
    expect(valuesOf(second, BUSY)).toEqual(expected);
    expect(first.refusals).toEqual([]);
    expect(valuesOf(first, IDLE)).toEqual(valuesOf(second, IDLE));
  });

  it('says whose GPU it is: pod and node, or node alone when it is idle', () => {
    for (const page of ['dcgm-generation-1.metrics', 'dcgm-generation-2.metrics']) {
      const { readings } = gpu(fixture(page));
      const about = (device: string) => readings.find((one) => one.gpu === device && one.metric === 'gpuUtilRatio');
      expect(about(BUSY)).toMatchObject({ pod: 'vllm-0', node: 'node-17', device: 'Whole' });
      expect(about(IDLE)).toEqual({ metric: 'gpuUtilRatio', value: 0, gpu: IDLE, node: 'node-17', device: 'Whole' });
    }
  });

  it('never guesses the unit from the value', () => {
    const line = (name: string, value: number): string => `${name}{UUID="GPU-a"} ${value}\n`;
    expect(valuesOf(gpu(line('DCGM_FI_DEV_GPU_UTIL', 0.9))).gpuUtilRatio).toBeCloseTo(0.009);
    expect(valuesOf(gpu(line('DCGM_FI_DEV_GPU_UTIL_RATIO', 0.9))).gpuUtilRatio).toBe(0.9);
    expect(gpu(line('DCGM_FI_DEV_GPU_UTIL_RATIO', 90)).readings).toEqual([]);
  });

  it('with MIG gives each instance its own name and marks the whole card as partitioned', () => {
    const { readings } = gpu(fixture('dcgm-mig.metrics'));
    expect(readings.map(({ gpu: name, metric, value, device }) => [name, metric, value, device])).toEqual([
      [`${BUSY}/1`, 'gpuEngineActiveRatio', 0.912, 'Partitioned'],
      [`${BUSY}/2`, 'gpuEngineActiveRatio', 0.104, 'Partitioned'],
      [IDLE, 'gpuEngineActiveRatio', 0.5, 'Whole'],
      [IDLE, 'powerWatts', 300, 'Whole'],
      [BUSY, 'powerWatts', 433.78, 'Partitioned'],
    ]);
  });

  it('marks a GPU that several pods share in time as partitioned', () => {
    const shared = gpu(
      'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",pod="p1"} 10\nDCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",pod="p2"} 20\n',
    );
    expect(shared.readings.map(({ pod, device }) => [pod, device])).toEqual([
      ['p1', 'Partitioned'],
      ['p2', 'Partitioned'],
    ]);
  });

  it('of nvidia_gpu_exporter on a loaded H200 is read too, its bare UUID made whole', () => {
    const result = gpu(fixture('nvidia-gpu-exporter-h200-load.metrics'));
    expect(result.refusals).toEqual([]);
    expect(valuesOf(result, 'GPU-00000000-0000-0000-0000-000000000000')).toEqual({
      gpuUtilRatio: 1,
      smClockHertz: 1.98e9,
      powerWatts: 627.4,
      memoryUsedBytes: 33_934_016_512,
      memoryTotalBytes: 150_754_820_096,
      throttleRatio: 0,
      throttledSecondsTotal: 0,
    });
    expect(new Set(result.readings.map(({ device }) => device))).toEqual(new Set(['Whole']));
  });

  it('of nvidia_gpu_exporter in MIG mode has no duty cycle and says that the device is partitioned', () => {
    const result = gpu(fixture('nvidia-gpu-exporter-h100-mig-load.metrics'));
    expect(Object.keys(valuesOf(result)).sort()).toEqual([
      'memoryTotalBytes',
      'memoryUsedBytes',
      'powerWatts',
      'smClockHertz',
      'throttleRatio',
      'throttledSecondsTotal',
    ]);
    expect(new Set(result.readings.map(({ device }) => device))).toEqual(new Set(['Partitioned']));
  });

  it.each([
    ['DCGM_FI_DEV_CLOCKS_EVENT_REASONS', 0x8, 1],
    ['DCGM_FI_DEV_CLOCK_THROTTLE_REASONS', 0x40 + 0x1, 1],
    ['DCGM_FI_DEV_CLOCKS_EVENT_REASONS', 0x1 + 0x2 + 0x4 + 0x10 + 0x100, 0],
    ['DCGM_FI_DEV_CLOCKS_EVENT_REASONS', 0, 0],
  ])('tells by the bits of %s = %i whether capacity is lost', (name, bits, ratio) => {
    expect(valuesOf(gpu(`${name}{UUID="GPU-a"} ${bits}\n`))).toEqual({ throttleRatio: ratio });
  });

  it('takes the worst of the reasons that cost capacity, and none of the others', () => {
    const page = (...pairs: readonly (readonly [string, number])[]) =>
      valuesOf(gpu(`${pairs.map(([name, value]) => `${name}{uuid="a",gpu_uuid="a"} ${value}`).join('\n')}\n`));
    const smi = (reason: string, value: number) => [`nvidia_smi_clocks_event_reasons_${reason}`, value] as const;
    expect(page(smi('hw_slowdown', 0), smi('sw_thermal_slowdown', 1), smi('hw_thermal_slowdown', 0))).toEqual({
      throttleRatio: 1,
    });
    expect(page(smi('sw_power_cap', 1), smi('gpu_idle', 1), smi('hw_slowdown', 0))).toEqual({ throttleRatio: 0 });
    const amd = (what: string, value: number) => [`gpu_violation_${what}_residency_percentage`, value] as const;
    expect(page(amd('socket_thermal', 40), amd('hbm_thermal', 10), amd('ppt', 100))).toEqual({ throttleRatio: 0.4 });
  });

  it('counts throttling in seconds, whatever the exporter counts in', () => {
    const text =
      'DCGM_FI_DEV_THERMAL_VIOLATION{UUID="GPU-a"} 2500000000\nDCGM_FI_DEV_GPU_THERMAL_THROTTLE_SECONDS_TOTAL{UUID="GPU-b"} 2.5\n';
    expect(gpu(text).readings.map(({ metric, value }) => [metric, value])).toEqual([
      ['throttledSecondsTotal', 2.5],
      ['throttledSecondsTotal', 2.5],
    ]);
  });

  it('of the counts of dcgm-exporter reads the fatal XIDs, and the clock events that cost capacity', () => {
    const xid = (code: number, count: number) =>
      `DCGM_EXP_XID_ERRORS_COUNT{UUID="GPU-a",xid="${code}",window_size_in_ms="300000"} ${count}\n`;
    const clock = (event: string, count: number) =>
      `DCGM_EXP_CLOCK_EVENTS_COUNT{UUID="GPU-a",clock_event="${event}"} ${count}\n`;
    expect(valuesOf(gpu(xid(79, 2) + xid(137, 9) + xid(31, 4)))).toEqual({ recentXidCode: 79 });
    expect(valuesOf(gpu(xid(79, 0)))).toEqual({ recentXidCode: 0 });
    expect(valuesOf(gpu(xid(31, 4)))).toEqual({});
    expect(valuesOf(gpu(clock('gpu_idle', 300) + clock('hw_thermal', 4) + clock('power_cap', 99)))).toEqual({
      recentThrottleCount: 4,
    });
  });

  it('refuses what cannot be, GPU by GPU, and says what it was', () => {
    expect(gpu('DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} 140\n').conflicts).toMatchObject([
      { gpu: 'GPU-a', value: expect.closeTo(1.4, 9) },
    ]);
    for (const blank of ['2147483632', '140737488355328', '9223372036854775794', '-1', 'NaN'])
      expect(gpu(`DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} ${blank}\n`).conflicts, blank).toBeUndefined();
    for (const value of ['140', '-1', 'NaN', '+Inf', '2147483632', '9223372036854775794']) {
      const result = gpu(`DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} ${value}\nDCGM_FI_DEV_GPU_UTIL{UUID="GPU-b"} 50\n`);
      expect(result.readings).toMatchObject([{ gpu: 'GPU-b', value: 0.5 }]);
      expect(result.refusals).toHaveLength(1);
      expect(result.refusals[0]?.words).toMatch(/^of GPU-a is /);
    }
    const blanks = [
      'DCGM_FI_PROF_SM_ACTIVE',
      'DCGM_FI_DEV_FB_USED',
      'DCGM_FI_DEV_FB_USED_BYTES',
      'DCGM_FI_DEV_SM_CLOCK',
      'DCGM_FI_DEV_POWER_USAGE',
      'DCGM_FI_DEV_XID_ERRORS',
    ];
    for (const name of blanks) {
      for (const blank of ['9223372036854775794', '140737488355328']) {
        expect(gpu(`${name}{UUID="GPU-a"} ${blank}\n`).readings, name).toEqual([]);
      }
    }
  });

  it('lets a ratio overshoot by no more than five per cent, and ends it at one', () => {
    expect(valuesOf(gpu('DCGM_FI_PROF_SM_ACTIVE{UUID="GPU-a"} 1.03\n'))).toEqual({ smActiveRatio: 1 });
    expect(gpu('DCGM_FI_PROF_SM_ACTIVE{UUID="GPU-a"} 1.06\n').readings).toEqual([]);
  });

  it('refuses a series that contradicts itself, and only that one', () => {
    const result = gpu(
      'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} 1\nDCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} 99\nDCGM_FI_DEV_SM_CLOCK{UUID="GPU-a"} 1000\n',
    );
    expect(valuesOf(result)).toEqual({ smClockHertz: 1e9 });
    expect(result.refusals).toEqual([
      { name: 'DCGM_FI_DEV_GPU_UTIL', words: 'of GPU-a appears twice with different values' },
    ]);
  });

  it('keeps noise out of names: odd labels give no pod, and a device without identity gives nothing', () => {
    const soup = gpu(
      'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",pod="\\n evil",Hostname=""} 1\nDCGM_FI_DEV_GPU_UTIL{x="y"} 1\nDCGM_FI_DEV_GPU_UTIL{gpu="3"} 2\n',
    );
    expect(soup.readings).toEqual([
      { metric: 'gpuUtilRatio', value: 0.01, gpu: 'GPU-a', device: 'Whole' },
      { metric: 'gpuUtilRatio', value: 0.02, gpu: 'index-3', device: 'Whole' },
    ]);
  });
});
