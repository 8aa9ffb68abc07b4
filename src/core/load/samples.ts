import { type EndpointId, type EndpointIndex, joinSubject, type Metric, type Sample } from '../topology/index.ts';
import type { EngineReading, GpuMemory } from './load-state.ts';
import { MAX_EPOCH_MS, MAX_REQUESTS, MAX_TOKENS, plausible } from './plausible.ts';

/** Values of one page may carry their own time stamps; closer together than this they are one reading. */
const SAME_READING_MS = 100;
/** A time stamp further in the future than this comes from a broken clock. */
const MAX_AHEAD_MS = 5000;

const RANGE: Readonly<Partial<Record<Metric, readonly [min: number, max: number]>>> = {
  runningRequests: [0, MAX_REQUESTS],
  waitingRequests: [0, MAX_REQUESTS],
  kvUsageRatio: [0, 1],
  maxRunningRequests: [1, MAX_REQUESTS],
  promptTokensTotal: [0, MAX_TOKENS],
  generationTokensTotal: [0, MAX_TOKENS],
  processStartTimeSeconds: [1, MAX_EPOCH_MS / 1000],
  gpuUtilRatio: [0, 1],
  gpuEngineActiveRatio: [0, 1],
  smClockHertz: [1e6, 1e10],
};

/** The samples of one endpoint since the last tick, oldest first. */
export type EndpointSamples = { readonly engine: readonly EngineReading[]; readonly gpus: readonly GpuMemory[] };

type Dated = { readonly metric: Metric; readonly value: number; readonly atMs: number; readonly changedAtMs: number };

/**
 * Sorts the samples of all services to the endpoints of this one and gathers what belongs together: engine values of one
 * page, GPU values of one device. Values that are not numbers, out of range or dated in the future are dropped here.
 */
export function gatherSamples(
  samples: readonly Sample[],
  index: EndpointIndex,
  nowMs: number,
): ReadonlyMap<EndpointId, EndpointSamples> {
  const engines = new Map<EndpointId, Dated[]>();
  const gpus = new Map<EndpointId, Map<string, GpuMemory>>();
  for (const sample of samples) {
    const { metric, sampledAtMs, changedAtMs } = sample;
    const range = RANGE[metric];
    if (range === undefined) continue;
    const value = plausible(sample.value, range[0], range[1]);
    const atMs = plausible(sampledAtMs, 0, nowMs + MAX_AHEAD_MS);
    if (value === undefined || atMs === undefined) continue;
    const id = joinSubject(index, sample.subject)?.id;
    if (id === undefined) continue;
    if (isGpu(metric)) {
      const devices = gpus.get(id) ?? new Map<string, GpuMemory>();
      takeGpu(devices, sample, value, atMs);
      gpus.set(id, devices);
    } else {
      const dated = engines.get(id) ?? [];
      dated.push({ metric, value, atMs, changedAtMs: plausible(changedAtMs, 0, atMs) ?? atMs });
      engines.set(id, dated);
    }
  }
  const gathered = new Map<EndpointId, EndpointSamples>();
  for (const id of new Set([...engines.keys(), ...gpus.keys()])) {
    gathered.set(id, { engine: engineReadings(engines.get(id) ?? []), gpus: [...(gpus.get(id)?.values() ?? [])] });
  }
  return gathered;
}

/** A page without the running requests is no engine reading: nothing else can be put in relation to it. */
function engineReadings(dated: readonly Dated[]): EngineReading[] {
  const readings: EngineReading[] = [];
  let page: Dated[] = [];
  const close = (): void => {
    const reading = readingOf(page);
    if (reading !== undefined) readings.push(reading);
    page = [];
  };
  for (const value of [...dated].sort((a, b) => a.atMs - b.atMs)) {
    const first = page[0];
    if (first !== undefined && value.atMs - first.atMs > SAME_READING_MS) close();
    page.push(value);
  }
  close();
  return readings;
}

function readingOf(page: readonly Dated[]): EngineReading | undefined {
  const value = (metric: Metric): number | null => page.findLast((dated) => dated.metric === metric)?.value ?? null;
  const running = value('runningRequests');
  if (running === null) return undefined;
  return {
    atMs: Math.max(...page.map(({ atMs }) => atMs)),
    changedAtMs: Math.max(...page.map(({ changedAtMs }) => changedAtMs)),
    running,
    waiting: value('waitingRequests') ?? 0,
    kvUsageRatio: value('kvUsageRatio'),
    maxRunning: value('maxRunningRequests'),
    promptTokens: value('promptTokensTotal'),
    generationTokens: value('generationTokensTotal'),
    processStartSec: value('processStartTimeSeconds'),
  };
}

function isGpu(metric: Metric): boolean {
  return metric === 'gpuUtilRatio' || metric === 'gpuEngineActiveRatio' || metric === 'smClockHertz';
}

function takeGpu(devices: Map<string, GpuMemory>, sample: Sample, value: number, atMs: number): void {
  const gpu = sample.subject.gpu ?? '';
  const before = devices.get(gpu) ?? {
    gpu,
    whole: true,
    utilRatio: null,
    utilAtMs: 0,
    clockHertz: null,
    clockAtMs: 0,
  };
  const device: GpuMemory = { ...before, whole: sample.device !== 'Partitioned' };
  if (sample.metric === 'smClockHertz') {
    if (atMs >= before.clockAtMs) {
      device.clockHertz = value;
      device.clockAtMs = atMs;
    }
  } else if (atMs > before.utilAtMs || (atMs === before.utilAtMs && sample.metric === 'gpuUtilRatio')) {
    // Of two names for utilisation at one instant the classic one counts, whatever their order on the page.
    device.utilRatio = value;
    device.utilAtMs = atMs;
  }
  devices.set(gpu, device);
}
