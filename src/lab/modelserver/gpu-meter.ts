import type { GpuMode, ServerProfile } from './server-profile.ts';

/** One collection of a GPU exporter, in base units whatever the generation prints. */
export type GpuReading = {
  readonly utilRatio: number;
  readonly memoryBusyRatio: number;
  readonly tensorActiveRatio: number;
  readonly smClockHertz: number;
  readonly memoryClockHertz: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly powerWatts: number;
  readonly energyJoules: number;
  readonly gpuCelsius: number;
  readonly memoryCelsius: number;
};

const MIB = 1024 * 1024;
/** An engine takes its memory at start and never gives it back: used memory says nothing about load. */
const ENGINE_MEMORY_SHARE = 0.9;
const MEMORY_CLOCK_HERTZ = 2_619_000_000;
const IDLE_WATTS = 118;
const LOAD_WATTS = 512;
const IDLE_CELSIUS = 34;
const LOAD_CELSIUS = 33;

/**
 * Reads a simulated GPU once per collection. The duty cycle is the occupied share of the batch, averaged since the last
 * collection, or 1 when pinned; memory and tensor activity stay honest, as the profiling fields of a real GPU do.
 */
export class GpuMeter {
  readonly #profile: ServerProfile;
  #lastMs: number;
  #lastOccupiedMs = 0;
  #energyJoules = 0;
  #reading: GpuReading;

  constructor(profile: ServerProfile, nowMs: number) {
    this.#profile = profile;
    this.#lastMs = nowMs;
    this.#reading = this.#read(profile.gpuMode === 'Pinned' ? 1 : 0, 0, 1, true);
  }

  /** What the exporter serves until the next collection. */
  get reading(): GpuReading {
    return this.#reading;
  }

  /** `occupiedMs` is the engine's running integral; `speed` the factor by which the GPU is throttled. */
  collect(nowMs: number, occupiedMs: number, state: { mode: GpuMode; speed: number; loaded: boolean }): void {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs <= 0) return;
    const busy = Math.min(1, Math.max(0, (occupiedMs - this.#lastOccupiedMs) / elapsedMs));
    this.#lastMs = nowMs;
    this.#lastOccupiedMs = occupiedMs;
    const util = state.mode === 'Pinned' ? 1 : busy;
    this.#reading = this.#read(util, busy, state.speed, state.loaded);
    this.#energyJoules += (this.#reading.powerWatts * elapsedMs) / 1000;
    this.#reading = { ...this.#reading, energyJoules: this.#energyJoules };
  }

  #read(utilRatio: number, busyRatio: number, speed: number, loaded: boolean): GpuReading {
    const { gpuMemoryMib, smClockMhz } = this.#profile;
    const usedMib = loaded ? Math.round(gpuMemoryMib * ENGINE_MEMORY_SHARE) : 0;
    return {
      utilRatio,
      memoryBusyRatio: 0.7 * busyRatio,
      tensorActiveRatio: 0.3 * busyRatio,
      smClockHertz: Math.round(smClockMhz * speed) * 1_000_000,
      memoryClockHertz: MEMORY_CLOCK_HERTZ,
      usedBytes: usedMib * MIB,
      freeBytes: (gpuMemoryMib - usedMib) * MIB,
      powerWatts: IDLE_WATTS + LOAD_WATTS * busyRatio * Math.min(1, speed),
      energyJoules: this.#energyJoules,
      gpuCelsius: Math.round(IDLE_CELSIUS + LOAD_CELSIUS * busyRatio),
      memoryCelsius: Math.round(IDLE_CELSIUS + 8 + LOAD_CELSIUS * busyRatio),
    };
  }
}
