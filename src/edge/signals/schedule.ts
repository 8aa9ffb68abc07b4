import type { Random } from '../../base/units/index.ts';
import type { Sample, SourceHealth } from '../../core/topology/index.ts';
import type { OutboundGuard } from '../outbound/index.ts';
import { Admission } from './admission.ts';
import { HttpPageFetcher, type PageFetcher } from './page-fetcher.ts';
import { PrometheusFleet } from './prometheus-fleet.ts';
import type { Collected, SignalSource } from './signal-source.ts';
import { SharedFetcher } from './single-flight.ts';
import { type CollectReport, type RunContext, SourceRun } from './source-run.ts';
import { EngineFileSource } from './sources/engine-file-source.ts';
import { EnginePrometheusSource } from './sources/engine-prometheus-source.ts';
import { EngineSource } from './sources/engine-source.ts';
import { FileSource } from './sources/file-source.ts';
import { GpuSource } from './sources/gpu-source.ts';
import { NvidiaSmiSource } from './sources/nvidia-smi-source.ts';
import { PrometheusSource } from './sources/prometheus-source.ts';
import type { Target } from './target.ts';
import { groupTargets, type TargetGroup } from './target-groups.ts';
import { nodeTimers, type Timers } from './timers.ts';

/** What the schedule needs of a log; pino fits. */
export interface SignalLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export type SignalScheduleOptions = {
  /** Milliseconds, never going backwards; the clock of every sample. */
  readonly clock: () => number;
  readonly random: Random;
  readonly log: SignalLog;
  readonly onSamples?: (samples: readonly Sample[]) => void;
  readonly onHealth?: (health: SourceHealth) => void;
  /** Hears of every try: counters and durations. */
  readonly onCollected?: (report: CollectReport) => void;
  readonly maxConcurrent?: number;
  readonly timers?: Timers;
  readonly sourceOf?: (target: Target) => SignalSource;
  /** Which hosts may be asked. */
  readonly guard?: OutboundGuard | undefined;
};

export type ScheduleStats = {
  readonly sources: number;
  /** Tries under way, and tries that wait for a place. */
  readonly running: number;
  readonly waiting: number;
  /** Samples that were thrown away because nobody took them. */
  readonly droppedSamples: number;
};

const MAX_CONCURRENT = 256;
/** Several ticks of a large fleet; a control loop that stands still must not eat the memory. */
const MAX_PENDING_SAMPLES = 200_000;

/** Reads every target at its interval and keeps the samples until the next tick takes them. */
export class SignalSchedule {
  readonly #options: SignalScheduleOptions;
  readonly #admission: Admission;
  readonly #sourcesOf: (group: TargetGroup) => (target: Target) => SignalSource;
  readonly #fetcher: HttpPageFetcher | undefined;
  readonly #complaints = new Map<string, string | undefined>();
  /** What is asked, by group. */
  #runs: ReadonlyMap<string, SourceRun> = new Map();
  /** Who reads each target. */
  #runOf: ReadonlyMap<string, SourceRun | undefined> = new Map();
  #pending: Sample[][] = [];
  #pendingCount = 0;
  #droppedSamples = 0;
  #stopped = false;

  constructor(options: SignalScheduleOptions) {
    this.#options = options;
    this.#admission = new Admission(options.maxConcurrent ?? MAX_CONCURRENT);
    if (options.sourceOf === undefined) {
      const fetcher = new HttpPageFetcher({ guard: options.guard });
      this.#fetcher = fetcher;
      this.#sourcesOf = (group) => sourcesOf(group, fetcher);
    } else {
      const { sourceOf } = options;
      this.#sourcesOf = () => sourceOf;
    }
  }

  /**
   * Makes these the targets. Those whose key stays go on undisturbed, with their memory and health; others end; what is
   * asked anew starts at a random phase of its interval. After `stop` it does nothing.
   */
  configure(targets: readonly Target[]): void {
    if (this.#stopped) return;
    const { clock, random, timers = nodeTimers } = this.#options;
    const context: RunContext = {
      clock,
      random,
      timers,
      admission: this.#admission,
      settled: (report) => this.#settled(report),
    };
    const runs = new Map<string, SourceRun>();
    // In the order of the targets, whatever the groups make of it.
    const runOf = new Map<string, SourceRun | undefined>(targets.map(({ key }) => [key, undefined]));
    for (const group of groupTargets(targets)) {
      const run = this.#runs.get(group.key) ?? new SourceRun(group, this.#sourcesOf(group), context);
      run.retarget(group);
      runs.set(group.key, run);
      for (const { key } of group.targets) runOf.set(key, run);
    }
    for (const [key, run] of this.#runs) if (!runs.has(key)) run.stop();
    for (const key of this.#complaints.keys()) if (!runOf.has(key)) this.#complaints.delete(key);
    this.#runs = runs;
    this.#runOf = runOf;
  }

  /** Empties what has come since the last call. Each sample is handed out once. */
  take(): { readonly samples: readonly Sample[] } {
    const samples = this.#pending.flat();
    this.#pending = [];
    this.#pendingCount = 0;
    return { samples };
  }

  /** In the order of the targets. A source that was not tried yet has neither success nor failure. */
  health(): readonly SourceHealth[] {
    return [...this.#runOf].flatMap(([key, run]) => run?.healthOf(key) ?? []);
  }

  stats(): ScheduleStats {
    return {
      sources: this.#runOf.size,
      running: this.#admission.running,
      waiting: this.#admission.waiting,
      droppedSamples: this.#droppedSamples,
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const run of this.#runs.values()) run.stop();
    this.#runs = new Map();
    this.#runOf = new Map();
    this.#fetcher?.close();
  }

  #settled(report: CollectReport): void {
    const { samples } = report.collected;
    if (samples.length > 0) {
      this.#pending.push([...samples]);
      this.#pendingCount += samples.length;
      while (this.#pendingCount > MAX_PENDING_SAMPLES && this.#pending.length > 1) {
        const oldest = this.#pending.shift() as Sample[];
        this.#pendingCount -= oldest.length;
        this.#droppedSamples += oldest.length;
      }
      this.#options.onSamples?.(samples);
    }
    this.#tell(report);
    this.#options.onHealth?.(report.health);
    this.#options.onCollected?.(report);
  }

  /** A line when the trouble of a source begins, changes its kind or ends; not one for every try. */
  #tell({ target, collected, health }: CollectReport): void {
    const trouble = collected.failure?.reason ?? collected.refusals[0]?.name ?? collected.note;
    const before = this.#complaints.get(target.key);
    if (trouble === before) return;
    this.#complaints.set(target.key, trouble);
    const { source, service, pool } = target;
    if (trouble === undefined) this.#options.log.info({ source, service, pool }, 'signal source is well again');
    else {
      this.#options.log.warn({ source, service, pool, error: health.lastError }, troubleWords(collected));
    }
  }
}

function troubleWords({ failure, refusals, badLines }: Collected): string {
  if (failure !== undefined) return 'signal source failed';
  const unusable = refusals.length > 0 || badLines > 0;
  return unusable ? 'signal source sends unusable values' : 'signal source says less than it should';
}

/** The sources of one group share what they ask for. */
function sourcesOf({ targets: [first] }: TargetGroup, fetcher: PageFetcher): (target: Target) => SignalSource {
  const shared = new SharedFetcher(fetcher);
  const fleet = new PrometheusFleet((first as Target).url, shared);
  return (target) => {
    switch (target.kind) {
      case 'Engine':
        return new EngineSource(target, shared);
      case 'EnginePrometheus':
        return new EnginePrometheusSource(target, fleet);
      case 'EngineFile':
        return new EngineFileSource(target);
      case 'Exporter':
        return new GpuSource(target, shared);
      case 'Prometheus':
        return new PrometheusSource(target, fleet);
      case 'File':
        return new FileSource(target);
      case 'NvidiaSmi':
        return new NvidiaSmiSource(target);
    }
  };
}
