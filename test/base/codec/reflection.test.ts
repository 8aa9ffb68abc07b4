import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  decodeReflectionRequest,
  encodeMessage,
  encodeReflectionResponse,
  type JsonObject,
  type ReflectionAnswer,
  type ReflectionQuery,
} from '../../../src/base/codec/index.ts';

describe.each(['grpc.reflection.v1', 'grpc.reflection.v1alpha'])('%s', (version) => {
  const request = (json: JsonObject): Uint8Array => encodeMessage(`${version}.ServerReflectionRequest`, json);

  it.each<[JsonObject, ReflectionQuery | undefined]>([
    [{ list_services: '*' }, { kind: 'Services' }],
    [{ list_services: '' }, { kind: 'Services' }],
    [{ file_by_filename: 'a.proto' }, { kind: 'File', name: 'a.proto' }],
    [{ file_containing_symbol: 'a.b' }, { kind: 'Symbol', name: 'a.b' }],
    [
      { file_containing_extension: { containing_type: 'a', extension_number: 7 } },
      { kind: 'Extension', extendee: 'a', number: 7 },
    ],
    [{ file_containing_extension: {} }, { kind: 'Extension', extendee: '', number: 0 }],
    [{ all_extension_numbers_of_type: 'a' }, { kind: 'ExtensionNumbers', extendee: 'a' }],
    [{}, undefined],
  ])('reads %j', (json, query) => {
    expect(decodeReflectionRequest(request({ host: 'h', ...json }))).toEqual({
      host: 'h',
      ...(query === undefined ? {} : { query }),
    });
  });

  it('takes the last of several', () => {
    const two = Buffer.concat([request({ list_services: '' }), request({ file_containing_symbol: 'a' })]);
    expect(decodeReflectionRequest(two).query).toEqual({ kind: 'Symbol', name: 'a' });
  });

  it.each<[ReflectionAnswer, object]>([
    [{ kind: 'Services', names: ['a', 'b'] }, { list_services_response: { service: [{ name: 'a' }, { name: 'b' }] } }],
    [{ kind: 'Services', names: [] }, { list_services_response: {} }],
    [
      { kind: 'Files', files: [Uint8Array.of(1), Uint8Array.of(2, 3)] },
      { file_descriptor_response: { file_descriptor_proto: [Buffer.of(1), Buffer.of(2, 3)] } },
    ],
    [
      { kind: 'ExtensionNumbers', extendee: 'a', numbers: [1, 1071] },
      { all_extension_numbers_response: { base_type_name: 'a', extension_number: [1, 1071] } },
    ],
    [
      { kind: 'ExtensionNumbers', extendee: 'a', numbers: [] },
      { all_extension_numbers_response: { base_type_name: 'a' } },
    ],
    [{ kind: 'Failure', code: 5, message: 'm' }, { error_response: { error_code: 5, error_message: 'm' } }],
  ])('writes %j', (answer, expected) => {
    const asked = request({ host: 'h', list_services: '*' });
    const bytes = encodeReflectionResponse(asked, 'h', answer);
    expect(decodeMessage(`${version}.ServerReflectionResponse`, bytes)).toEqual({
      valid_host: 'h',
      original_request: { host: 'h', list_services: '*' },
      ...expected,
    });
  });
});
