export type { Cluster, Unfilled } from './cluster-table.ts';
export { EnvoyModel, type EnvoyModelOptions } from './envoy-model.ts';
export type { Listener } from './listener-table.ts';
export {
  type AssignmentBody,
  type Body,
  type ClusterBody,
  type Describe,
  type ListenerBody,
  type ModelRequest,
  type ModelResource,
  type ModelResponse,
  type OpaqueBody,
  type RouteBody,
  TYPE,
  type Variant,
} from './messages.ts';
export type { Refusal, RefusalStyle, Refuse } from './refusal.ts';
