export { BatchEngine } from './batch-engine.ts';
export type { EngineCondition, EngineEvent, EngineLoad, EngineRequest } from './engine-event.ts';
export { type Fault, parseFault } from './fault.ts';
export { parseFleet } from './fleet-file.ts';
export { GpuMeter, type GpuReading } from './gpu-meter.ts';
export { HOSTILE_PAGES, type HostilePage } from './hostile-page.ts';
export type { ServerState } from './model-server.ts';
export { type ModelServers, type ModelServersConfig, startModelServers } from './model-servers.ts';
export type { ProfileInput } from './profile-input.ts';
export { type RunModelServersOptions, runModelServers } from './run-model-servers.ts';
export {
  type EngineProfile,
  type GpuMode,
  PROFILES,
  type ServerProfile,
  STANDARD_PROFILE,
} from './server-profile.ts';
export type { Place, ServerStatus } from './server-status.ts';
