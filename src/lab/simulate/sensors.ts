import type { Random } from '../../base/units/index.ts';
import type { Sample } from '../../core/topology/index.ts';
import type { Fleet } from './fleet.ts';
import { GpuExporter } from './gpu-exporter.ts';
import type { Scenario } from './scenario.ts';

const PAGE_MS = 500;
const GPU_MS = 1000;

/** Runs something again and again: first at a time of the run, then each period. */
export type Every = (periodMs: number, fromMs: number, run: () => void) => void;

/** What engines and GPUs tell, and when the controller gets to see it. */
export class Sensors {
  readonly #delayMs: number;
  /** Of each server, not seen yet. */
  readonly #pages: Sample[][];

  constructor(
    fleet: Fleet,
    { signals }: Pick<Scenario, 'signals'>,
    options: {
      readonly every: Every;
      readonly now: () => number;
      readonly pagePhase: Random;
      readonly gpuPhase: Random;
    },
  ) {
    const { every, now, pagePhase, gpuPhase } = options;
    this.#delayMs = signals.engineDelayMs;
    this.#pages = fleet.servers.map(() => []);
    fleet.servers.forEach((server, index) => {
      const pages = this.#pages[index] as Sample[];
      if (signals.engine) {
        every(PAGE_MS, pagePhase() * PAGE_MS, () => {
          if (fleet.isThere(index) && !fleet.isFrozen(index)) pages.push(...server.page());
        });
      }
      if (signals.gpu === 'None' && !signals.clock) return;
      const exporter = new GpuExporter(server.host, {
        kind: signals.gpu,
        clock: signals.clock,
        device: signals.gpuDevice,
        underReports: index % 2 === 0,
        nowMs: now(),
        random: gpuPhase,
      });
      every(GPU_MS, gpuPhase() * GPU_MS, () => {
        const page = exporter.page(now(), { occupiedMs: server.occupiedMs(), speed: fleet.clockOf(index) });
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
