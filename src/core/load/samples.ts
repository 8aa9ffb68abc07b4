import { type EndpointIndex, type Metric, NOWHERE, placeOf, type Sample } from '../topology/index.ts';
import type { GpuReading } from './gpu-memory.ts';
import type { EngineReading } from './load-state.ts';
import { isConflict, MAX_EPOCH_MS, MAX_OVERSHOOT, MAX_REQUESTS, MAX_TOKENS, plausible } from './plausible.ts';

/** Values of one page may carry their own time stamps; closer together than this they are one reading. */
const SAME_READING_MS = 100;
/** A time stamp further in the future than this comes from a broken clock. */
const MAX_AHEAD_MS = 5000;

const MAX_CODE = 10_000;
/** Thirty years. */
const MAX_SECONDS = 1e9;

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
  xidCode: [0, MAX_CODE],
  recentXidCode: [0, MAX_CODE],
  throttleRatio: [0, 1],
  throttledSecondsTotal: [0, MAX_SECONDS],
  recentThrottleCount: [0, MAX_REQUESTS],
};
const MAX_LEASE_MS = 3_600_000;

/** The samples of one endpoint since the last tick, oldest first. */
export type EndpointSamples = { readonly engine: readonly EngineReading[]; readonly gpus: readonly GpuReading[] };

/**
 * Sorts the samples of all services to the endpoints of this one, each at its place in the index, and gathers what belongs
 * together: engine values of one page, GPU values of one device. Values that are not numbers, out of range or dated in the
 * future are dropped here.
 */
export function gatherSamples(
  samples: readonly Sample[],
  index: EndpointIndex,
  nowMs: number,
): readonly (EndpointSamples | undefined)[] {
  const gpus: (GpuReading[] | undefined)[] = index.endpoints.map(() => undefined);
  let last = NOWHERE;
  const engine = new Chains(index.endpoints.length, samples.length);
  for (let i = 0; i < samples.length; i += 1) {
    const sample = samples[i] as Sample;
    const { metric } = sample;
    const range = RANGE[metric];
    if (range === undefined) continue;
    if (plausible(sample.value, range[0], range[1]) === undefined && !isBeyond(metric, sample.value)) continue;
    if (plausible(sample.sampledAtMs, 0, nowMs + MAX_AHEAD_MS) === undefined) continue;
    const place = placeOf(index, sample.subject, last);
    if (place === NOWHERE) continue;
    last = place;
    if (!isGpu(metric)) engine.add(place, i);
    else {
      const devices = gpus[place] ?? [];
      gpus[place] = devices;
      takeGpu(devices, sample);
    }
  }
  const scratch: Sample[] = [];
  return gpus.map((devices, place) => {
    engine.read(place, samples, scratch);
    if (scratch.length === 0 && devices === undefined) return undefined;
    return { engine: scratch.length === 0 ? NO_READINGS : engineReadings(scratch), gpus: devices ?? NO_GPUS };
  });
}

const NO_READINGS: readonly EngineReading[] = [];
const NO_GPUS: readonly GpuReading[] = [];

/** Which samples belong to which place, in the order in which they came: a chain of indexes, since thousands of lists cost more. */
class Chains {
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #next: Int32Array;

  constructor(places: number, samples: number) {
    this.#first = new Int32Array(places).fill(-1);
    this.#last = new Int32Array(places);
    this.#next = new Int32Array(samples);
  }

  add(place: number, i: number): void {
    if (this.#first[place] === -1) this.#first[place] = i;
    else this.#next[this.#last[place] as number] = i;
    this.#last[place] = i;
    this.#next[i] = -1;
  }

  /** The samples of a place into a list, in place of what was in it. */
  read(place: number, samples: readonly Sample[], into: Sample[]): void {
    into.length = 0;
    for (let i = this.#first[place] as number; i !== -1; i = this.#next[i] as number) into.push(samples[i] as Sample);
  }
}

/** A ratio above 1: up to 1.05 it is 1, and further up a conflict, which people are told of. */
function isBeyond(metric: Metric, value: number): boolean {
  const told = metric === 'kvUsageRatio' || metric === 'gpuUtilRatio' || metric === 'gpuEngineActiveRatio';
  return told && value > 1 && (value <= MAX_OVERSHOOT || isConflict(value));
}

/** A page without the running requests is no engine reading: nothing else can be put in relation to it. */
function engineReadings(samples: readonly Sample[]): EngineReading[] {
  const readings: EngineReading[] = [];
  let page: Page | undefined;
  let firstAtMs = 0;
  for (const sample of inOrder(samples)) {
    const { sampledAtMs: atMs } = sample;
    if (page === undefined || atMs - firstAtMs > SAME_READING_MS) {
      if (isReading(page)) readings.push(page);
      page = newPage();
      firstAtMs = atMs;
    }
    takeValue(page, sample);
  }
  if (isReading(page)) readings.push(page);
  return readings;
}

/** A reading that is not complete yet: its running requests may be missing. */
type Page = Omit<EngineReading, 'running'> & { running: number | null };

function isReading(page: Page | undefined): page is EngineReading {
  return page !== undefined && page.running !== null;
}

function newPage(): Page {
  return {
    atMs: 0,
    changedAtMs: 0,
    running: null,
    waiting: 0,
    kvUsageRatio: null,
    maxRunning: null,
    promptTokens: null,
    generationTokens: null,
    processStartSec: null,
  };
}

/** The later of two values counts. */
function takeValue(page: Page, sample: Sample): void {
  const { metric, value, sampledAtMs: atMs, changedAtMs } = sample;
  takeLease(page, sample);
  page.atMs = Math.max(page.atMs, atMs);
  page.changedAtMs = Math.max(page.changedAtMs, plausible(changedAtMs, 0, atMs) ?? atMs);
  switch (metric) {
    case 'runningRequests':
      page.running = value;
      break;
    case 'waitingRequests':
      page.waiting = value;
      break;
    case 'kvUsageRatio':
      page.kvUsageRatio = value > MAX_OVERSHOOT ? null : Math.min(1, value);
      if (value > MAX_OVERSHOOT) page.kvConflict = value;
      break;
    case 'maxRunningRequests':
      page.maxRunning = value;
      break;
    case 'promptTokensTotal':
      page.promptTokens = value;
      break;
    case 'generationTokensTotal':
      page.generationTokens = value;
      break;
    case 'processStartTimeSeconds':
      page.processStartSec = value;
      break;
  }
}

/** The shortest lease of what is read together counts. */
function takeLease(of: { leaseMs?: number }, { leaseMs: given }: Sample): void {
  const leaseMs = plausible(given, 0, MAX_LEASE_MS);
  if (leaseMs !== undefined) of.leaseMs = Math.min(of.leaseMs ?? leaseMs, leaseMs);
}

/** Mostly they are: the values of one page have one time. */
function inOrder(samples: readonly Sample[]): readonly Sample[] {
  const ordered = samples.every(
    ({ sampledAtMs }, i) => i === 0 || sampledAtMs >= (samples[i - 1] as Sample).sampledAtMs,
  );
  return ordered ? samples : [...samples].sort((a, b) => a.sampledAtMs - b.sampledAtMs);
}

function isGpu(metric: Metric): boolean {
  switch (metric) {
    case 'gpuUtilRatio':
    case 'gpuEngineActiveRatio':
    case 'smClockHertz':
    case 'xidCode':
    case 'recentXidCode':
    case 'throttleRatio':
    case 'throttledSecondsTotal':
    case 'recentThrottleCount':
      return true;
    default:
      return false;
  }
}

function takeGpu(devices: GpuReading[], sample: Sample): void {
  const { metric, value, sampledAtMs: atMs, subject, device: kind } = sample;
  const gpu = subject.gpu ?? '';
  let device = devices.find((one) => one.gpu === gpu);
  if (device === undefined) {
    device = { gpu, whole: true, utilRatio: null, utilAtMs: 0, clockHertz: null, clockAtMs: 0 };
    devices.push(device);
  }
  device.whole = kind !== 'Partitioned';
  takeLease(device, sample);
  switch (metric) {
    case 'smClockHertz':
      if (atMs < device.clockAtMs) return;
      device.clockHertz = value;
      device.clockAtMs = atMs;
      return;
    case 'xidCode':
      if (atMs >= (device.xid?.atMs ?? 0)) device.xid = { ...device.xid, code: value, atMs };
      return;
    case 'recentXidCode':
      if (atMs >= (device.xid?.atMs ?? 0)) device.xid = { ...device.xid, recentCode: value, atMs };
      return;
    case 'throttleRatio':
      if (atMs >= (device.throttle?.atMs ?? 0)) device.throttle = { ...device.throttle, ratio: value, atMs };
      return;
    case 'throttledSecondsTotal':
      if (atMs >= (device.throttle?.atMs ?? 0)) device.throttle = { ...device.throttle, totalSec: value, atMs };
      return;
    case 'recentThrottleCount':
      if (atMs >= (device.throttle?.atMs ?? 0)) device.throttle = { ...device.throttle, recentCount: value, atMs };
      return;
    default:
      if (value > MAX_OVERSHOOT) {
        if (atMs >= (device.utilConflict?.atMs ?? 0)) device.utilConflict = { value, atMs };
        return;
      }
      // Of two names for utilisation at one instant the classic one counts, whatever their order on the page.
      if (atMs > device.utilAtMs || (atMs === device.utilAtMs && metric === 'gpuUtilRatio')) {
        device.utilRatio = Math.min(1, value);
        device.utilAtMs = atMs;
      }
  }
}
