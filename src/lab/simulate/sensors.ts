import type { Random } from '../../base/units/index.ts';
import type { Sample } from '../../core/topology/index.ts';
import type { Fleet } from './fleet.ts';
import { GpuExporter } from './gpu-exporter.ts';
import type { Scenario, Sensing } from './scenario.ts';

const PAGE_MS = 500;
const GPU_MS = 1000;
/** How seldom a `Slow` exporter collects. */
const SLOW_MS = 30_000;

/** Runs something again and again: first at a time of the run, then each period. */
export type Every = (periodMs: number, fromMs: number, run: () => void) => void;

/** What engines and GPUs tell, and when the controller gets to see it. */
export class Sensors {
  readonly #delayMs: number;
  /** Of each server, not seen yet. */
  readonly #pages: Sample[][];

  constructor(
    fleet: Fleet,
    scenario: Scenario,
    options: {
      readonly every: Every;
      readonly now: () => number;
      readonly pagePhase: Random;
      readonly gpuPhase: Random;
    },
  ) {
    const { every, now, pagePhase, gpuPhase } = options;
    const { signals, servers } = scenario;
    this.#delayMs = signals.engineDelayMs;
    this.#pages = fleet.servers.map(() => []);
    fleet.servers.forEach((server, index) => {
      const pages = this.#pages[index] as Sample[];
      const { enginePeriodMs, gpuPeriodMs, gpu, gpuCollectMs } = servers[index]?.sensing ?? sensingOfAll(scenario);
      if (enginePeriodMs !== undefined) {
        every(enginePeriodMs, pagePhase() * enginePeriodMs, () => {
          if (fleet.isThere(index) && !fleet.isFrozen(index)) pages.push(...server.page());
        });
      }
      if (gpuPeriodMs === undefined) return;
      const exporter = new GpuExporter(server.host, {
        kind: gpu,
        clock: signals.clock,
        throttle: signals.throttle === true,
        device: signals.gpuDevice,
        collectMs: gpuCollectMs,
        underReports: index % 2 === 0,
        nowMs: now(),
        random: gpuPhase,
      });
      every(gpuPeriodMs, gpuPhase() * gpuPeriodMs, () => {
        const page = exporter.page(now(), {
          occupiedMs: server.occupiedMs(),
          speed: fleet.clockOf(index),
          throttled: fleet.isThrottled(index),
        });
        if (fleet.isThere(index)) pages.push(...page);
      });
    });
  }

  /** What is old enough to have come. */
  take(nowMs: number): readonly Sample[] {
    const seenMs = nowMs - this.#delayMs;
    const samples: Sample[] = [];
    for (const page of this.#pages) {
      const later = page.filter(({ sampledAtMs }) => sampledAtMs > seenMs);
      samples.push(...page.filter(({ sampledAtMs }) => sampledAtMs <= seenMs));
      page.splice(0, page.length, ...later);
    }
    return samples;
  }
}

/** What a scenario says of the pages of all servers. */
export function sensingOfAll({ signals }: Scenario): Sensing {
  return {
    enginePeriodMs: signals.engine ? PAGE_MS : undefined,
    gpuPeriodMs: signals.gpu === 'None' && !signals.clock && signals.throttle !== true ? undefined : GPU_MS,
    gpu: signals.gpu,
    gpuCollectMs: signals.gpu === 'Slow' ? SLOW_MS : 1,
    headers: signals.headers,
  };
}
