export type { TypeStatus } from './ads-stream.ts';
export type { Inbox, SnapshotProvider, XdsLog, XdsMeter } from './seams.ts';
export { type NodeStatus, XdsServer, type XdsServerOptions } from './xds-server.ts';
