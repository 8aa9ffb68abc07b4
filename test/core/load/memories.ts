import {
  type ClusterMemory,
  type EndpointMemory,
  type EngineReading,
  type GpuMemory,
  newCluster,
  newEndpoint,
} from '../../../src/core/load/load-state.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';

/** The memory of a server that has run from the start, of which nothing is known but what is given. */
export function memory(over: Partial<EndpointMemory> = {}): EndpointMemory {
  return { ...newEndpoint(endpoint(0), 0, 'Running', START_MS), ...over };
}

export function cluster(over: Partial<ClusterMemory> = {}): ClusterMemory {
  return { ...newCluster(), ...over };
}

export function gpu(over: Partial<GpuMemory> = {}): GpuMemory {
  return {
    gpu: 'GPU-0',
    whole: true,
    utilRatio: null,
    utilAtMs: START_MS,
    clockHertz: null,
    clockAtMs: START_MS,
    ...over,
  };
}

/** An engine's page `sec` seconds after the start. */
export function reading(sec: number, over: Partial<EngineReading> = {}): EngineReading {
  const atMs = START_MS + sec * 1000;
  return {
    atMs,
    changedAtMs: atMs,
    running: 8,
    waiting: 0,
    kvUsageRatio: null,
    maxRunning: null,
    promptTokens: null,
    generationTokens: null,
    processStartSec: null,
    ...over,
  };
}
