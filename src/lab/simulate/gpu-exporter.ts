import type { Random } from '../../base/units/index.ts';
import type { Sample } from '../../core/topology/index.ts';
import type { GpuSignal } from './scenario.ts';
import type { Host } from './sidecar/sidecar.ts';

const NOISE = 0.2;

export type GpuExporterOptions = {
  readonly kind: GpuSignal;
  readonly clock: boolean;
  readonly throttle: boolean;
  readonly device: 'Whole' | 'Partitioned';
  /** Between two collections the utilisation stands still. */
  readonly collectMs: number;
  /** With `HalfUnderReport`, whether this is one of those that do. */
  readonly underReports: boolean;
  readonly nowMs: number;
  readonly random: Random;
};

const UNDER_REPORT = 0.5;
const CLOCK_HERTZ = 1_980_000_000;

/**
 * What an exporter says of a GPU whose occupied share is known: the truth, the truth with noise, bent (a GPU that looks busy
 * early), always full, half of it, or collected seldom and served again and again. And its clock, where it tells it.
 */
export class GpuExporter {
  readonly #host: Host;
  readonly #options: GpuExporterOptions;
  #collectedMs: number;
  #occupiedMs = 0;
  #utilRatio = 0;
  #changedMs: number;

  constructor(host: Host, options: GpuExporterOptions) {
    this.#host = host;
    this.#options = options;
    this.#collectedMs = options.nowMs;
    this.#changedMs = options.nowMs;
  }

  /** One page, from the running integral of the occupied share of the slots, and the speed. */
  page(
    nowMs: number,
    server: { readonly occupiedMs: number; readonly speed: number; readonly throttled: boolean },
  ): readonly Sample[] {
    const { kind, clock, throttle } = this.#options;
    return [
      ...(kind === 'None' ? [] : [this.#utilisation(nowMs, server.occupiedMs)]),
      ...(clock ? [this.#sample('smClockHertz', server.speed * CLOCK_HERTZ, nowMs, nowMs)] : []),
      ...(throttle ? [this.#sample('throttleRatio', server.throttled ? 1 : 0, nowMs, nowMs)] : []),
    ];
  }

  #utilisation(nowMs: number, occupiedMs: number): Sample {
    const elapsedMs = nowMs - this.#collectedMs;
    if (elapsedMs >= this.#options.collectMs) {
      const util = this.#shown(Math.min(1, Math.max(0, (occupiedMs - this.#occupiedMs) / elapsedMs)));
      this.#collectedMs = nowMs;
      this.#occupiedMs = occupiedMs;
      if (util !== this.#utilRatio) this.#changedMs = nowMs;
      this.#utilRatio = util;
    }
    return this.#sample('gpuUtilRatio', this.#utilRatio, nowMs, this.#changedMs);
  }

  #sample(metric: Sample['metric'], value: number, sampledAtMs: number, changedAtMs: number): Sample {
    const { address, port } = this.#host;
    const subject = { address, port, gpu: `GPU-${address}` };
    return { subject, metric, value, sampledAtMs, changedAtMs, source: `gpu ${address}`, device: this.#options.device };
  }

  #shown(busy: number): number {
    const { kind, random, underReports } = this.#options;
    if (kind === 'Pinned') return 1;
    if (kind === 'Concave') return (3 * busy) / (1 + 2 * busy);
    if (kind === 'Noisy') return Math.min(1, busy * (1 + NOISE * (2 * random() - 1)));
    return kind === 'HalfUnderReport' && underReports ? UNDER_REPORT * busy : busy;
  }
}
