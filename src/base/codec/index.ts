export {
  AssignmentEncoder,
  type AssignmentEndpoint,
  type AssignmentHealth,
  type AssignmentInput,
  assignmentJson,
} from './assignment.ts';
export {
  encodeClientStatusResponse,
  encodeResourceStatus,
  encodeStatusNode,
  type ResourceStatus,
  type StatusNode,
} from './client-status.ts';
export { decodeMessage } from './decode-message.ts';
export {
  type DeltaRequest,
  decodeDeltaRequest,
  decodeSotwRequest,
  type SotwRequest,
  TypeUrls,
} from './discovery-request.ts';
export {
  type DeltaResponse,
  encodeDeltaResponse,
  encodeSotwResponse,
  type SotwResponse,
} from './discovery-response.ts';
export { encodeMessage } from './encode-message.ts';
export {
  type EncodedResource,
  encodedResourceFromBytes,
  encodeResource,
  heartbeatBytes,
  type ReadyResource,
  type ResourceInput,
} from './encoded-resource.ts';
export { type FileDescriptor, fileDescriptors } from './file-descriptors.ts';
export { grpcService, type RawMethod, type RawService } from './grpc-service.ts';
export { isJsonObject, type JsonObject, type JsonValue } from './json-value.ts';
export {
  type ClusterStats,
  decodeLoadStatsRequest,
  type EndpointStats,
  encodeLoadStatsResponse,
  type LoadMetricStats,
  type LoadStatsRequest,
  type LoadStatsResponse,
} from './load-stats.ts';
export { messageToJson, messageToRedactedJson } from './message-to-json.ts';
export { type OlderMessage, withoutNewerFields } from './newer-fields.ts';
export type { Node } from './node.ts';
export {
  decodeReflectionRequest,
  encodeReflectionResponse,
  type ReflectionAnswer,
  type ReflectionQuery,
} from './reflection.ts';
export { checkRules, type RuleViolation } from './rules/check-rules.ts';
export { typeUrlOf } from './schema.ts';
