import protobuf from 'protobufjs/light.js';
import { describe, expect, it } from 'vitest';
import { readDescriptor } from '../../../src/base/codec/descriptor.ts';
import { decodeMessage, fileDescriptors } from '../../../src/base/codec/index.ts';

describe('the files of the descriptor set', () => {
  it('are the whole set, byte for byte, when they are laid one after the other', () => {
    const parts = [...fileDescriptors().values()].map(({ bytes }) =>
      protobuf.Writer.create().uint32(10).bytes(bytes).finish(),
    );
    expect(Buffer.concat(parts).equals(readDescriptor())).toBe(true);
  });

  it('name what they import as the decoder reads it, and all of it is there, earlier', () => {
    const seen = new Set<string>();
    for (const [name, file] of fileDescriptors()) {
      const plain = decodeMessage('google.protobuf.FileDescriptorProto', file.bytes);
      expect([name, [...file.imports]]).toEqual([plain.name, plain.dependency ?? []]);
      expect(file.imports.filter((imported) => !seen.has(imported))).toEqual([]);
      seen.add(name);
    }
    expect(seen.size).toBeGreaterThan(150);
  });

  it('declare the names that the decoder finds, each once in the set', () => {
    const all = new Set<string>();
    for (const { bytes, symbols, extensions } of fileDescriptors().values()) {
      const plain = decodeMessage('google.protobuf.FileDescriptorProto', bytes) as Declarations & { package?: string };
      const expected = namesIn({ ...plain, nested_type: plain.message_type ?? [] }, `${plain.package}.`);
      expect([...symbols].sort()).toEqual(expected.sort());
      expect(extensions.length).toBe(plain.extension?.length ?? 0);
      for (const symbol of symbols) all.add(symbol);
    }
    expect(all.size).toBe([...fileDescriptors().values()].reduce((sum, { symbols }) => sum + symbols.length, 0));
    expect(all.size).toBeGreaterThan(900);
  });

  it('declare extensions with the type that they extend', () => {
    expect(fileDescriptors().get('validate/validate.proto')?.extensions).toContainEqual({
      extendee: 'google.protobuf.OneofOptions',
      number: 1071,
    });
    expect(fileDescriptors().get('envoy/config/core/v3/base.proto')?.extensions).toEqual([]);
  });

  it.each([
    ['grpc.health.v1.Health', 'grpc/health/v1/health.proto'],
    ['grpc.reflection.v1.ServerReflection.ServerReflectionInfo', 'grpc/reflection/v1/reflection.proto'],
    ['grpc.reflection.v1alpha.ServerReflection', 'grpc/reflection/v1alpha/reflection.proto'],
    ['envoy.extensions.transport_sockets.tls.v3.Secret', 'envoy/extensions/transport_sockets/tls/v3/secret.proto'],
    ['envoy.config.core.v3.SocketAddress.Protocol', 'envoy/config/core/v3/address.proto'],
    ['envoy.service.discovery.v3.AggregatedDiscoveryService', 'envoy/service/discovery/v3/ads.proto'],
    ['envoy.service.cluster.v3.ClusterDiscoveryService', 'envoy/service/cluster/v3/cds.proto'],
    ['envoy.service.endpoint.v3.EndpointDiscoveryService', 'envoy/service/endpoint/v3/eds.proto'],
    ['envoy.service.listener.v3.ListenerDiscoveryService', 'envoy/service/listener/v3/lds.proto'],
    ['envoy.service.route.v3.RouteDiscoveryService', 'envoy/service/route/v3/rds.proto'],
    ['envoy.service.runtime.v3.RuntimeDiscoveryService', 'envoy/service/runtime/v3/rtds.proto'],
    ['envoy.service.secret.v3.SecretDiscoveryService', 'envoy/service/secret/v3/sds.proto'],
    ['envoy.service.extension.v3.ExtensionConfigDiscoveryService', 'envoy/service/extension/v3/config_discovery.proto'],
    ['envoy.service.load_stats.v3.LoadReportingService', 'envoy/service/load_stats/v3/lrs.proto'],
  ])('%s is declared in %s', (symbol, name) => {
    expect(fileDescriptors().get(name)?.symbols).toContain(symbol);
  });
});

type Declarations = {
  readonly name?: string;
  readonly message_type?: readonly Declarations[];
  readonly nested_type?: readonly Declarations[];
  readonly enum_type?: readonly Declarations[];
  readonly service?: readonly Declarations[];
  readonly method?: readonly Declarations[];
  readonly extension?: readonly Declarations[];
};

function namesIn(scope: Declarations, prefix: string): string[] {
  const { nested_type = [], enum_type = [], service = [], method = [], extension = [] } = scope;
  return [...nested_type, ...enum_type, ...service, ...method, ...extension].flatMap((inner) => {
    const fullName = `${prefix}${inner.name}`;
    return [fullName, ...namesIn(inner, `${fullName}.`)];
  });
}
