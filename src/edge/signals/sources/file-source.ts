import { gpuCollected } from '../gpu-collected.ts';
import { readGpuText } from '../gpu-text.ts';
import { readTextFile } from '../read-text-file.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, failed, type SignalSource } from '../signal-source.ts';
import type { FileTarget } from '../targets.ts';

/** The writer is on this machine; file systems that round their times stay within this. */
const MAX_AHEAD_MS = 2000;

/**
 * GPU metrics in a file of this machine. The file is as old as its last change says; its values are dated by that and not
 * by when they were read, so that a writer that died reads as silence and not as a steady load.
 */
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
    const file = await readTextFile(this.#target.path);
    if (!file.ok) return failed(file.failure.reason, file.failure.message);
    const ageMs = this.#wallClock() - file.modifiedAtMs;
    const ageSec = (ageMs / 1000).toFixed(0);
    if (ageMs > this.#target.maxAgeMs) return failed('Stale', `was last written ${ageSec} s ago`);
    if (ageMs < -MAX_AHEAD_MS) return failed('Stale', `was last written in the future (${-Number(ageSec)} s ahead)`);
    const read = readGpuText(file.text);
    if (!read.ok) return failed(read.failure.reason, read.failure.message);
    return gpuCollected(read, this.#target.subject, this.#memory, nowMs - Math.max(0, ageMs));
  }
}
