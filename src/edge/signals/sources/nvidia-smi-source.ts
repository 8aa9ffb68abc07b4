import { NVIDIA_SMI_FIELDS } from '../formats/nvidia-smi.ts';
import { gpuCollected } from '../gpu-collected.ts';
import { readGpuText } from '../gpu-text.ts';
import { NvidiaSmi } from '../nvidia-smi/run-nvidia-smi.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, failed, type SignalSource } from '../signal-source.ts';
import type { NvidiaSmiTarget } from '../target.ts';

/** CSV with its head: the head says which unit a column has, and that no column was left out. */
const ASKED = NVIDIA_SMI_FIELDS.filter(({ onlyRead }) => onlyRead !== true).map(({ row }) => row.name);
const ARGS = [`--query-gpu=uuid,${ASKED.join(',')}`, '--format=csv'];

/** The GPUs of this machine, as its nvidia-smi tells them. */
export class NvidiaSmiSource implements SignalSource {
  readonly #target: NvidiaSmiTarget;
  readonly #program: NvidiaSmi;
  readonly #memory: SeriesMemory;

  constructor(target: NvidiaSmiTarget) {
    this.#target = target;
    this.#program = new NvidiaSmi(target.path, ARGS);
    this.#memory = new SeriesMemory(target.source);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const output = await this.#program.run(signal);
    if (!output.ok) return failed(output.failure.reason, output.failure.message);
    const read = readGpuText(output.text);
    if (!read.ok) return failed(read.failure.reason, read.failure.message);
    return gpuCollected(read, this.#target.subject, this.#memory, nowMs + output.tookMs);
  }
}
