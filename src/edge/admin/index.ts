export {
  type AdminServer,
  type AdminServerOptions,
  createAdminServer,
  type ObserveSeam,
  type OperationsSeam,
} from './admin-server.ts';
export { type ByHandClient, connectByHand } from './by-hand-client.ts';
export type { ByHandSeam } from './by-hand-service.ts';
export { openClient } from './channel.ts';
export type { DecisionsSeam } from './decision-streams.ts';
export type { DryRunSeam } from './dry-run-seam.ts';
export type { EventBatch, EventQuery, EventView } from './event-message.ts';
export type { EventsSeam } from './event-streams.ts';
export { connectEvents, type EventsClient } from './events-client.ts';
export type { AccessSeam, Recognised } from './gate.ts';
export { type ConnectOptions, connectObserve, type ObserveClient } from './observe-client.ts';
export type { BeginAnswer, BeginRequest, CancelAnswer } from './operation-message.ts';
export { connectOperations, type OperationsClient } from './operations-client.ts';
export {
  connectPolicies,
  type PoliciesChecked,
  type PoliciesClient,
  type PolicyAnswer,
  type PolicyDiff,
  type PolicyEventView,
  type PolicyHistory,
  type PolicyList,
  type PolicyRefusal,
  type PolicyVersionView,
  type PolicyWritten,
  type WriteOptions,
} from './policies/policies-client.ts';
export type { PoliciesSeam } from './policies/policies-seam.ts';
export type { PolicyDocument, PolicyOutcome } from './policies/policy-messages.ts';
export { storedTexts } from './policies/stored-texts.ts';
export type { ProbeEvent, ProbeRequest, ProbeStart } from './probe-message.ts';
export { connectPush, type PushClient, type PushClientOptions } from './push-client.ts';
export type { PushSeam } from './push-service.ts';
export { connectRollouts, type RolloutAnswer, type RolloutClient } from './rollout-client.ts';
export type { RolloutAction, RolloutSeam } from './rollout-service.ts';
export type { SnapshotSeam } from './snapshot-streams.ts';
export { readTokenFile } from './token-file.ts';
