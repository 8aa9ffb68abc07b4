import { LoadlineError } from '../errors.ts';
import { schema } from './schema.ts';

/** One method as `@grpc/grpc-js` wants it. Messages are raw bytes on both sides: handlers use this room's functions. */
export type RawMethod = {
  readonly path: string;
  readonly originalName: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestType: string;
  readonly responseType: string;
  requestSerialize(value: Buffer): Buffer;
  requestDeserialize(bytes: Buffer): Buffer;
  responseSerialize(value: Buffer): Buffer;
  responseDeserialize(bytes: Buffer): Buffer;
};

export type RawService = { readonly [method: string]: RawMethod };

/**
 * The definition of a gRPC service of the descriptor set, for `Server.addService` and `makeGenericClientConstructor`.
 * Throws LOADLINE_CODEC_UNKNOWN_TYPE.
 */
export function grpcService(fullName: string): RawService {
  const { root } = schema();
  let methods: ReturnType<typeof root.lookupService>['methodsArray'];
  try {
    methods = root.lookupService(fullName).methodsArray;
  } catch (cause) {
    throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_TYPE', `service ${fullName} is not in the descriptor set`, cause);
  }
  const definition: Record<string, RawMethod> = {};
  for (const method of methods) {
    definition[method.name] = {
      path: `/${fullName}/${method.name}`,
      originalName: method.name.charAt(0).toLowerCase() + method.name.slice(1),
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      requestType: method.requestType.replace(/^\./, ''),
      responseType: method.responseType.replace(/^\./, ''),
      requestSerialize: unchanged,
      requestDeserialize: unchanged,
      responseSerialize: unchanged,
      responseDeserialize: unchanged,
    };
  }
  return definition;
}

function unchanged(bytes: Buffer): Buffer {
  return bytes;
}
