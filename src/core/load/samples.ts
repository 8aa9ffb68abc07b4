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

type Range = { readonly of: 'Engine' | 'Gpu'; readonly min: number; readonly max: number };

/** What a value speaks of, and what it may be. Other metrics move no belief. */
const RANGE: ReadonlyMap<Metric, Range> = new Map([
  ['runningRequests', { of: 'Engine', min: 0, max: MAX_REQUESTS }],
  ['waitingRequests', { of: 'Engine', min: 0, max: MAX_REQUESTS }],
  ['kvUsageRatio', { of: 'Engine', min: 0, max: 1 }],
  ['maxRunningRequests', { of: 'Engine', min: 1, max: MAX_REQUESTS }],
  ['promptTokensTotal', { of: 'Engine', min: 0, max: MAX_TOKENS }],
  ['generationTokensTotal', { of: 'Engine', min: 0, max: MAX_TOKENS }],
  ['processStartTimeSeconds', { of: 'Engine', min: 1, max: MAX_EPOCH_MS / 1000 }],
  ['gpuUtilRatio', { of: 'Gpu', min: 0, max: 1 }],
  ['gpuEngineActiveRatio', { of: 'Gpu', min: 0, max: 1 }],
  ['smClockHertz', { of: 'Gpu', min: 1e6, max: 1e10 }],
  ['xidCode', { of: 'Gpu', min: 0, max: MAX_CODE }],
  ['recentXidCode', { of: 'Gpu', min: 0, max: MAX_CODE }],
  ['throttleRatio', { of: 'Gpu', min: 0, max: 1 }],
  ['throttledSecondsTotal', { of: 'Gpu', min: 0, max: MAX_SECONDS }],
  ['recentThrottleCount', { of: 'Gpu', min: 0, max: MAX_REQUESTS }],
]);
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
  const gathered: (Gathered | undefined)[] = index.endpoints.map(() => undefined);
  let inOrder = true;
  let last = NOWHERE;
  for (let i = 0; i < samples.length; i += 1) {
    const sample = samples[i] as Sample;
    const range = RANGE.get(sample.metric);
    if (range === undefined || !isBelieved(sample, range, nowMs)) continue;
    const place = placeOf(index, sample.subject, last);
    if (place === NOWHERE) continue;
    last = place;
    const one = gathered[place] ?? new Gathered();
    gathered[place] = one;
    if (range.of === 'Gpu') takeGpu(one.gpus, sample);
    else if (!one.takeEngine(sample)) inOrder = false;
  }
  if (!inOrder) gatherByTime(gathered, samples, index, nowMs);
  for (const one of gathered) one?.end();
  return gathered;
}

/** What was heard of one endpoint so far. */
class Gathered implements EndpointSamples {
  engine: EngineReading[] = [];
  readonly gpus: GpuReading[] = [];
  #page: Page | undefined;
  #firstAtMs = 0;
  #lastAtMs = 0;

  /** False for one that is older than the one before: then the readings are of no use. */
  takeEngine(sample: Sample): boolean {
    const { sampledAtMs: atMs } = sample;
    if (atMs < this.#lastAtMs) return false;
    this.#lastAtMs = atMs;
    if (this.#page === undefined || atMs - this.#firstAtMs > SAME_READING_MS) {
      this.end();
      this.#page = newPage();
      this.#firstAtMs = atMs;
    }
    takeValue(this.#page, sample);
    return true;
  }

  /** A page without the running requests is no engine reading: nothing else can be put in relation to it. */
  end(): void {
    if (isReading(this.#page)) this.engine.push(this.#page);
    this.#page = undefined;
  }

  forgetEngine(): void {
    this.engine = [];
    this.#page = undefined;
    this.#lastAtMs = 0;
  }
}

/** The engine values again, oldest first: mostly they come so, since the values of one page have one time. */
function gatherByTime(
  gathered: readonly (Gathered | undefined)[],
  samples: readonly Sample[],
  index: EndpointIndex,
  nowMs: number,
): void {
  for (const one of gathered) one?.forgetEngine();
  const ordered = samples
    .filter((sample) => {
      const range = RANGE.get(sample.metric);
      return range?.of === 'Engine' && isBelieved(sample, range, nowMs);
    })
    .sort((a, b) => a.sampledAtMs - b.sampledAtMs);
  for (const sample of ordered) gathered[placeOf(index, sample.subject)]?.takeEngine(sample);
}

function isBelieved({ metric, value, sampledAtMs }: Sample, { min, max }: Range, nowMs: number): boolean {
  if (plausible(value, min, max) === undefined && !isBeyond(metric, value)) return false;
  return plausible(sampledAtMs, 0, nowMs + MAX_AHEAD_MS) !== undefined;
}

/** A ratio above 1: up to 1.05 it is 1, and further up a conflict, which people are told of. */
function isBeyond(metric: Metric, value: number): boolean {
  const told = metric === 'kvUsageRatio' || metric === 'gpuUtilRatio' || metric === 'gpuEngineActiveRatio';
  return told && value > 1 && (value <= MAX_OVERSHOOT || isConflict(value));
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
