import protobuf from 'protobufjs/light.js';
import { asBuffer, LENGTH, readFields, tagOf, VARINT } from './wire.ts';

/** What a client of server reflection asks for. */
export type ReflectionQuery =
  | { readonly kind: 'Services' }
  | { readonly kind: 'File'; readonly name: string }
  | { readonly kind: 'Symbol'; readonly name: string }
  | { readonly kind: 'Extension'; readonly extendee: string; readonly number: number }
  | { readonly kind: 'ExtensionNumbers'; readonly extendee: string };

export type ReflectionRequest = {
  readonly host: string;
  /** Absent when the client has set none, or one that came after this version of the protocol. */
  readonly query?: ReflectionQuery;
};

export type ReflectionAnswer =
  | { readonly kind: 'Services'; readonly names: readonly string[] }
  /** Each a serialised `FileDescriptorProto`. */
  | { readonly kind: 'Files'; readonly files: readonly Uint8Array[] }
  | { readonly kind: 'ExtensionNumbers'; readonly extendee: string; readonly numbers: readonly number[] }
  /** `code` is a gRPC status. */
  | { readonly kind: 'Failure'; readonly code: number; readonly message: string };

/**
 * Reads `ServerReflectionRequest`: `grpc.reflection.v1` and `v1alpha` are the same on the wire. By hand, as of several
 * members of the oneof the last counts. Throws LOADLINE_CODEC_UNREADABLE.
 */
export function decodeReflectionRequest(bytes: Uint8Array): ReflectionRequest {
  let host = '';
  let query: ReflectionQuery | undefined;
  readFields(bytes, 'ServerReflectionRequest', (field, wireType, reader) => {
    if (wireType !== LENGTH) return false;
    if (field === 1) host = reader.string();
    else if (field === 3) query = { kind: 'File', name: reader.string() };
    else if (field === 4) query = { kind: 'Symbol', name: reader.string() };
    else if (field === 5) query = { kind: 'Extension', ...readExtension(reader.bytes()) };
    else if (field === 6) query = { kind: 'ExtensionNumbers', extendee: reader.string() };
    else if (field === 7) {
      // The text is a filter that no server implements: gRPC's own list everything.
      reader.bytes();
      query = { kind: 'Services' };
    } else return false;
    return true;
  });
  return { host, ...(query === undefined ? {} : { query }) };
}

function readExtension(bytes: Uint8Array): { extendee: string; number: number } {
  let extendee = '';
  let number = 0;
  readFields(bytes, 'ExtensionRequest', (field, wireType, reader) => {
    if (field === 1 && wireType === LENGTH) extendee = reader.string();
    else if (field === 2 && wireType === VARINT) number = reader.int32();
    else return false;
    return true;
  });
  return { extendee, number };
}

/**
 * `ServerReflectionResponse` to a request, which goes back as it came. File descriptors are laid in as they are; through
 * JSON they would become base64 first. Field numbers: valid_host 1, original_request 2, file_descriptor_response 4,
 * all_extension_numbers_response 5, list_services_response 6, error_response 7.
 */
export function encodeReflectionResponse(request: Uint8Array, host: string, answer: ReflectionAnswer): Buffer {
  const writer = protobuf.Writer.create();
  if (host !== '') writer.uint32(tagOf(1, LENGTH)).string(host);
  writer.uint32(tagOf(2, LENGTH)).bytes(request);
  switch (answer.kind) {
    case 'Files':
      writer.uint32(tagOf(4, LENGTH)).fork();
      for (const file of answer.files) writer.uint32(tagOf(1, LENGTH)).bytes(file);
      break;
    case 'ExtensionNumbers':
      writer.uint32(tagOf(5, LENGTH)).fork().uint32(tagOf(1, LENGTH)).string(answer.extendee);
      if (answer.numbers.length > 0) {
        writer.uint32(tagOf(2, LENGTH)).fork();
        for (const number of answer.numbers) writer.int32(number);
        writer.ldelim();
      }
      break;
    case 'Services':
      writer.uint32(tagOf(6, LENGTH)).fork();
      for (const name of answer.names) {
        writer.uint32(tagOf(1, LENGTH)).fork().uint32(tagOf(1, LENGTH)).string(name).ldelim();
      }
      break;
    case 'Failure':
      writer.uint32(tagOf(7, LENGTH)).fork();
      writer.uint32(tagOf(1, VARINT)).int32(answer.code).uint32(tagOf(2, LENGTH)).string(answer.message);
      break;
  }
  return asBuffer(writer.ldelim().finish());
}
