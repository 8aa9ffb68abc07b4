import type { Random } from '../../base/units/index.ts';
import type { Sample } from '../../core/topology/index.ts';
import type { GpuSignal } from './scenario.ts';
import type { Host } from './sidecar/sidecar.ts';

const NOISE = 0.2;
const SLOW_MS = 30_000;

/**
 * What an exporter says of a GPU whose occupied share is known: the truth, the truth with noise, bent (a GPU that looks busy
 * early), always full, or collected twice a minute and served again and again.
 */
export class GpuExporter {
  readonly #host: Host;
  readonly #kind: Exclude<GpuSignal, 'None'>;
  readonly #random: Random;
  #collectedMs: number;
  #occupiedMs = 0;
  #utilRatio = 0;
  #changedMs: number;

  constructor(
    host: Host,
    kind: Exclude<GpuSignal, 'None'>,
    options: { readonly nowMs: number; readonly random: Random },
  ) {
    this.#host = host;
    this.#kind = kind;
    this.#random = options.random;
    this.#collectedMs = options.nowMs;
    this.#changedMs = options.nowMs;
  }

  /** One page, from the running integral of the occupied share of the slots. */
  page(nowMs: number, occupiedMs: number): Sample {
    const elapsedMs = nowMs - this.#collectedMs;
    if (elapsedMs >= (this.#kind === 'Slow' ? SLOW_MS : 1)) {
      const util = this.#shown(Math.min(1, Math.max(0, (occupiedMs - this.#occupiedMs) / elapsedMs)));
      this.#collectedMs = nowMs;
      this.#occupiedMs = occupiedMs;
      if (util !== this.#utilRatio) this.#changedMs = nowMs;
      this.#utilRatio = util;
    }
    const { address, port } = this.#host;
    return {
      subject: { address, port, gpu: `GPU-${address}` },
      metric: 'gpuUtilRatio',
      value: this.#utilRatio,
      sampledAtMs: nowMs,
      changedAtMs: this.#changedMs,
      source: `gpu ${address}`,
      device: 'Whole',
    };
  }

  #shown(busy: number): number {
    if (this.#kind === 'Pinned') return 1;
    if (this.#kind === 'Concave') return (3 * busy) / (1 + 2 * busy);
    if (this.#kind === 'Noisy') return Math.min(1, busy * (1 + NOISE * (2 * this.#random() - 1)));
    return busy;
  }
}
