export { buildDecisionView, decisionChanged } from './build-decision-view.ts';
export { buildExplainView } from './build-explain-view.ts';
export { finishedOperation, finishedOperations, operationView, runningOperations } from './build-operation-views.ts';
export { buildProxyConfigView, notConnected, type ProxyConfigInput } from './build-proxy-config-view.ts';
export { buildServerView } from './build-server-view.ts';
export type { DecidedEndpoint, DecidedService, DecisionView } from './decision-view.ts';
export { EVENT_KINDS, type EventKind, serviceOfEvent } from './event-kinds.ts';
export { type EventLoopLag, type EventLoopLagMeter, startEventLoopLag } from './event-loop-lag.ts';
export { type EventFields, EventTimeline, type NewEvent, type TimelineEvent } from './event-timeline.ts';
export type {
  BeliefView,
  EndpointExplanation,
  ExplainTarget,
  ExplainView,
  LoopView,
} from './explain-view.ts';
export type { FailoverView } from './failover-view.ts';
export type { HttpSources } from './http-routes.ts';
export { type HttpServer, type HttpServerOptions, startHttpServer } from './http-server.ts';
export { createLog, LOG_LEVELS, type Log, type LogFields, type LogLevel, type LogOptions } from './log.ts';
export { METRICS, type MetricDefinition, type MetricKind, type MetricName } from './metric-catalogue.ts';
export {
  type LoopSeries,
  type MeteredView,
  Metrics,
  type MetricsOptions,
  type PolicyLoadResult,
  type RefusalReason,
  type StreamKind,
} from './metrics.ts';
export type { NoticeDoor, NoticeGiver, NoticeSeam, NoticeTaken } from './notice-hook.ts';
export type { OperationView } from './operation-view.ts';
export type { ProbeMeasure, ProbeProgress, ProbeView } from './probe-view.ts';
export type {
  ConfigResourceView,
  ConfigTypeView,
  NodeConfigView,
  ProxyConfigTarget,
  ProxyConfigView,
} from './proxy-config-view.ts';
export type {
  EndedRolloutView,
  GroupRolloutView,
  OperationTrialView,
  RolloutView,
  RunningRolloutView,
} from './rollout-view.ts';
export type {
  CertificateState,
  CertificateView,
  EndpointState,
  EndpointView,
  NodeView,
  OverloadView,
  PolicyView,
  PoolView,
  ServerView,
  ServiceView,
  SyncStatus,
  TlsView,
  TypeView,
} from './server-view.ts';
export type { SnapshotHead, SnapshotResource, SnapshotTarget, SnapshotView } from './snapshot-view.ts';
export type { Evenness, ViewInput } from './view-input.ts';
export type { WarmthView } from './warmth-view.ts';
export { XDS_TYPES } from './xds-types.ts';
export type { ZonesView } from './zones-view.ts';
