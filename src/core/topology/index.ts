export { type Endpoint, type EndpointId, type EndpointSet, endpointId, hostPort, type Lifecycle } from './endpoint.ts';
export { type EndpointIndex, indexEndpoints, NOWHERE, placeAt, placeOf } from './join.ts';
export type { PromptAnswer, PromptResult } from './prompt-answer.ts';
export type {
  Delivery,
  EndpointReport,
  LoadReport,
  NodePresence,
  OpenRequests,
  OrcaMean,
  OrcaMetric,
} from './report.ts';
export type { Buckets, Metric, Sample, SourceHealth, Subject } from './sample.ts';
export { FATAL_XIDS, fatalXidWords } from './xid.ts';
