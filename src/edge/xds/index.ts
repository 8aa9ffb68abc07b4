export type { CanaryStanding } from './canary-standing.ts';
export { FallbackServer, type FallbackServerOptions, type FallbackSource } from './fallback-server.ts';
export type { ConfigResource, ConfigType, NodeConfig } from './node-config.ts';
export { inOrder, type NodeResources } from './node-resources.ts';
export type { NodeStatus } from './node-status.ts';
export { type PolicyPlace, policyPlace } from './policy-place.ts';
export type { Inbox, SnapshotProvider, XdsLog, XdsMeter } from './seams.ts';
export type { TypeStatus } from './stream-status.ts';
export { XdsServer, type XdsServerOptions } from './xds-server.ts';
