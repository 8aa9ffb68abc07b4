import { type MethodDefinition, type ServiceDefinition, status } from '@grpc/grpc-js';

/** A request names a service, a pool and an endpoint; a push of an agent has some dozens of values for each GPU. */
const MAX_REQUEST_BYTES = 64 * 1024;
/** Texts of policies: one of 10,000 endpoints has about 1 MiB. */
const MAX_POLICY_BYTES = 4 * 1024 * 1024 + MAX_REQUEST_BYTES;
const LARGE: ReadonlySet<string> = new Set(
  ['Validate', 'Diff', 'Apply'].map((name) => `loadline.admin.v1.Policies/${name}`),
);

/** The server has one limit for all; a larger message ends its stream unread. */
export const MAX_MESSAGE_BYTES: number = 5 * 1024 * 1024;

/** A message that is not what its method takes: it stands where the message would, so that its caller is told in words. */
export class RefusedMessage {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    this.code = code;
    this.details = details;
  }
}

/** The service with a bound for the messages of each method, which counts before they are decoded. */
export function bounded(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      boundedMethod(method as MethodDefinition<unknown, unknown>),
    ]),
  );
}

export function refusedMessage(message: unknown): RefusedMessage | undefined {
  return message instanceof RefusedMessage ? message : undefined;
}

function boundedMethod(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, unknown> {
  const most = LARGE.has(method.path.slice(1)) ? MAX_POLICY_BYTES : MAX_REQUEST_BYTES;
  const { requestDeserialize } = method;
  return {
    ...method,
    requestDeserialize: (bytes) => {
      if (bytes.length > most)
        return new RefusedMessage(
          status.RESOURCE_EXHAUSTED,
          `a request of ${bytes.length} bytes is larger than the ${most} that this method takes`,
        );
      try {
        return requestDeserialize(bytes);
      } catch {
        // What protobufjs says of bytes that are no message names offsets in it, and nothing that a caller can use.
        return new RefusedMessage(status.INVALID_ARGUMENT, 'the request is not the message that this method takes');
      }
    },
  };
}
