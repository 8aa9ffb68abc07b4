import protobuf from 'protobufjs/light.js';
import 'protobufjs/ext/descriptor.js';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, fileDescriptors, type JsonObject } from '../../../../src/base/codec/index.ts';
import { reflectionMethods } from '../../../../src/edge/xds/services/index.ts';
import { STATUS } from '../../../../src/edge/xds/transport/rpc.ts';
import { FakeRpc, JUNK } from './fake-rpc.ts';

const HEALTH = 'grpc.health.v1.Health';
const CSDS = 'envoy.service.status.v3.ClientStatusDiscoveryService';
const V1 = 'grpc.reflection.v1.ServerReflection';
const V1ALPHA = 'grpc.reflection.v1alpha.ServerReflection';

type Decoded = {
  readonly file_descriptor_response?: { readonly file_descriptor_proto: Uint8Array[] };
  readonly list_services_response?: { readonly service: { readonly name: string }[] };
  readonly all_extension_numbers_response?: object;
  readonly error_response?: { readonly error_code: number; readonly error_message: string };
  readonly original_request?: object;
  readonly valid_host?: string;
};

function open(services: readonly string[] = [HEALTH, CSDS], service: string = V1): FakeRpc {
  return new FakeRpc(reflectionMethods(services), `/${service}/ServerReflectionInfo`);
}

function ask(rpc: FakeRpc, request: JsonObject): Decoded {
  rpc.request(encodeMessage('grpc.reflection.v1.ServerReflectionRequest', request));
  return decodeMessage('grpc.reflection.v1.ServerReflectionResponse', rpc.sent.at(-1) as Buffer) as Decoded;
}

function files(answer: Decoded): { name: string; dependency?: string[]; bytes: Uint8Array }[] {
  return (answer.file_descriptor_response?.file_descriptor_proto ?? []).map((bytes) => ({
    ...(decodeMessage('google.protobuf.FileDescriptorProto', bytes) as { name: string; dependency?: string[] }),
    bytes,
  }));
}

describe.each([V1, V1ALPHA])('a walk as grpcurl does it, over %s', (service) => {
  it.each([HEALTH, CSDS, V1ALPHA])('finds all of %s', (wanted) => {
    const rpc = open([HEALTH, CSDS], service);
    const listed = ask(rpc, { list_services: '*' }).list_services_response?.service.map(({ name }) => name);
    expect(listed).toEqual([CSDS, HEALTH, V1, V1ALPHA]);

    const known = new Map<string, { dependency?: string[]; bytes: Uint8Array }>();
    const learn = (answer: Decoded): void => {
      for (const file of files(answer)) known.set(file.name, file);
    };
    const first = ask(rpc, { file_containing_symbol: wanted });
    learn(first);
    const queue = files(first).map(({ name }) => name);
    for (const name of queue) {
      if (!known.has(name)) learn(ask(rpc, { file_by_filename: name }));
      for (const imported of known.get(name)?.dependency ?? []) if (!queue.includes(imported)) queue.push(imported);
    }
    expect(rpc.halfClose().ended).toEqual({ status: STATUS.OK });

    const entries = [...known.values()].map(({ bytes }) => Buffer.concat([tagAndLength(bytes.length), bytes]));
    const root = protobuf.Root.fromDescriptor(Buffer.concat(entries));
    root.resolveAll();
    for (const method of root.lookupService(wanted).methodsArray) {
      expect(method.resolvedRequestType).not.toBeNull();
      expect(method.resolvedResponseType).not.toBeNull();
    }
  });
});

/** FileDescriptorSet.file 1 */
function tagAndLength(length: number): Uint8Array {
  return protobuf.Writer.create().uint32(10).uint32(length).finish();
}

describe('what is known', () => {
  it.each([
    ['a service', HEALTH],
    ['a method', `${HEALTH}.Watch`],
    ['a message', 'grpc.health.v1.HealthCheckRequest'],
    ['an enum within a message', 'grpc.health.v1.HealthCheckResponse.ServingStatus'],
    ['a message with a leading dot', '.grpc.health.v1.HealthCheckRequest'],
  ])('%s', (_, symbol) => {
    expect(files(ask(open(), { file_containing_symbol: symbol })).map(({ name }) => name)).toEqual([
      'grpc/health/v1/health.proto',
    ]);
  });

  it('a message within a message of an imported file', () => {
    const [file] = files(ask(open(), { file_containing_symbol: 'envoy.type.matcher.v3.ValueMatcher.NullMatch' }));
    expect(file?.name).toBe('envoy/type/matcher/v3/value.proto');
  });

  it('is sent as it lies in the descriptor set, validation rules included', () => {
    const name = 'envoy/type/matcher/v3/string.proto';
    const [file] = files(ask(open(), { file_by_filename: name }));
    expect(Buffer.from(file?.bytes as Uint8Array).equals(fileDescriptors().get(name)?.bytes as Uint8Array)).toBe(true);
  });

  it('comes with its imports, each once for a call', () => {
    const rpc = open();
    const first = files(ask(rpc, { file_containing_symbol: CSDS })).map(({ name }) => name);
    expect(first[0]).toBe('envoy/service/status/v3/csds.proto');
    expect(first).toContain('google/protobuf/struct.proto');
    expect(new Set(first).size).toBe(first.length);
    const second = files(ask(rpc, { file_containing_symbol: 'envoy.config.core.v3.Node' })).map(({ name }) => name);
    expect(second).toEqual(['envoy/config/core/v3/base.proto']);
  });

  it('extensions, by type and number', () => {
    const rpc = open();
    const extension = { containing_type: 'google.protobuf.FieldOptions', extension_number: 1071 };
    expect(files(ask(rpc, { file_containing_extension: extension }))[0]?.name).toBe('validate/validate.proto');
    expect(ask(rpc, { all_extension_numbers_of_type: 'google.protobuf.OneofOptions' })).toMatchObject({
      all_extension_numbers_response: { base_type_name: 'google.protobuf.OneofOptions', extension_number: [1071] },
    });
    expect(ask(rpc, { all_extension_numbers_of_type: 'envoy.config.core.v3.Node' })).toMatchObject({
      all_extension_numbers_response: { base_type_name: 'envoy.config.core.v3.Node' },
    });
  });

  it('types that travel inside an Any, when they are named', () => {
    const type = 'envoy.extensions.filters.http.fault.v3.HTTPFault';
    expect(ask(open(), { file_containing_symbol: type }).error_response).toBeDefined();
    const methods = reflectionMethods([CSDS], { types: [type] });
    const rpc = new FakeRpc(methods, `/${V1}/ServerReflectionInfo`);
    expect(files(ask(rpc, { file_containing_symbol: type }))[0]?.name).toMatch(/fault\.proto$/);
    expect(ask(rpc, { list_services: '' }).list_services_response?.service).toHaveLength(3);
  });

  it('the request and its host go back with the answer', () => {
    expect(ask(open(), { host: 'h', file_by_filename: 'x' })).toMatchObject({
      valid_host: 'h',
      original_request: { host: 'h', file_by_filename: 'x' },
    });
  });
});

describe('what is not known', () => {
  it.each([
    ['a file', { file_by_filename: 'nothing.proto' }, 'file nothing.proto'],
    ['a symbol', { file_containing_symbol: 'a.b' }, 'symbol a.b'],
    [
      'an extension',
      { file_containing_extension: { containing_type: 'google.protobuf.FieldOptions', extension_number: 7 } },
      'extension 7 of google.protobuf.FieldOptions',
    ],
    ['a type', { all_extension_numbers_of_type: 'a.b' }, 'type a.b'],
    ['a service that is in the descriptor set but not served', { file_containing_symbol: CSDS }, `symbol ${CSDS}`],
    ['its file', { file_by_filename: 'envoy/service/status/v3/csds.proto' }, 'file envoy/service/status/v3/csds.proto'],
  ])('%s', (_, request, what) => {
    const rpc = open([HEALTH]);
    expect(ask(rpc, request).error_response).toEqual({
      error_code: STATUS.NOT_FOUND,
      error_message: `${what} is not served here`,
    });
    expect(rpc.ended).toBeUndefined();
    expect(ask(rpc, { list_services: '' }).list_services_response).toBeDefined();
  });

  it('a service outside of the descriptor set is listed and has no file', () => {
    const rpc = open(['loadline.Unknown']);
    expect(ask(rpc, { list_services: '' }).list_services_response?.service[2]).toEqual({ name: 'loadline.Unknown' });
    expect(ask(rpc, { file_containing_symbol: 'loadline.Unknown' }).error_response).toBeDefined();
  });

  it('ends the call when a request asks for nothing, or is junk', () => {
    expect(open().request(new Uint8Array()).ended).toMatchObject({ status: STATUS.INVALID_ARGUMENT });
    expect(open().request(JUNK).ended).toMatchObject({ status: STATUS.INVALID_ARGUMENT });
  });
});

it('costs nothing at start-up, and little when it is first asked', () => {
  const before = performance.now();
  const rpc = open([...serviceNames()]);
  ask(rpc, { list_services: '' });
  // About 10 ms; the bound only tells it from the 39 s of CPU that the official package needs for the whole set.
  expect(performance.now() - before).toBeLessThan(2000);
});

function* serviceNames(): Generator<string> {
  for (const { symbols } of fileDescriptors().values()) for (const symbol of symbols) yield symbol;
}
