export {
  type AdminServer,
  type AdminServerOptions,
  createAdminServer,
  type ObserveSeam,
  type OperationsSeam,
} from './admin-server.ts';
export type { DryRunSeam } from './dry-run-seam.ts';
export type { AccessSeam, Recognised } from './gate.ts';
export { type ConnectOptions, connectObserve, type ObserveClient } from './observe-client.ts';
export { connectOperations, type OperationsClient } from './operations-client.ts';
export { storedTexts } from './policies/stored-texts.ts';
export type { ProbeEvent, ProbeRequest, ProbeStart } from './probe-message.ts';
export { connectPush, type PushClient, type PushClientOptions } from './push-client.ts';
export type { PushSeam } from './push-service.ts';
export { connectRollouts, type RolloutAnswer, type RolloutClient } from './rollout-client.ts';
export type { RolloutAction, RolloutSeam } from './rollout-service.ts';
