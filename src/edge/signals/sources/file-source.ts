import { readDatedFile } from '../dated-file.ts';
import { gpuCollected } from '../gpu-collected.ts';
import { readGpuText } from '../gpu-text.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, failed, type SignalSource } from '../signal-source.ts';
import type { FileTarget } from '../target.ts';

/** GPU metrics in a file of this machine. */
export class FileSource implements SignalSource {
  readonly #target: FileTarget;
  readonly #memory: SeriesMemory;
  readonly #wallClock: () => number;

  constructor(target: FileTarget, wallClock: () => number = Date.now) {
    this.#target = target;
    this.#memory = new SeriesMemory(target.source);
    this.#wallClock = wallClock;
  }

  async collect(nowMs: number, _signal: AbortSignal): Promise<Collected> {
    const file = await readDatedFile(this.#target, this.#wallClock);
    if (!file.ok) return failed(file.failure.reason, file.failure.message);
    const read = readGpuText(file.text);
    if (!read.ok) return failed(read.failure.reason, read.failure.message);
    return gpuCollected(read, this.#target.subject, this.#memory, nowMs - file.ageMs);
  }
}
