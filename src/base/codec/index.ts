export {
  AssignmentEncoder,
  type AssignmentEndpoint,
  type AssignmentHealth,
  type AssignmentInput,
  assignmentJson,
} from './assignment.ts';
export { decodeMessage } from './decode-message.ts';
export { type DeltaRequest, type DeltaResponse, decodeDeltaRequest, encodeDeltaResponse } from './delta.ts';
export { encodeMessage } from './encode-message.ts';
export {
  type EncodedResource,
  encodedResourceFromBytes,
  encodeResource,
  heartbeatBytes,
  type ReadyResource,
  type ResourceInput,
} from './encoded-resource.ts';
export { grpcService, type RawMethod, type RawService } from './grpc-service.ts';
export type { JsonObject, JsonValue } from './json-value.ts';
export {
  type ClusterStats,
  decodeLoadStatsRequest,
  type EndpointStats,
  encodeLoadStatsResponse,
  type LoadStatsRequest,
  type LoadStatsResponse,
} from './load-stats.ts';
export { messageToJson } from './message-to-json.ts';
export { type OlderMessage, withoutNewerFields } from './newer-fields.ts';
export type { Node } from './node.ts';
export { checkRules, type RuleViolation } from './rules/check-rules.ts';
export { typeUrlOf } from './schema.ts';
