import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { JsonObject } from '../../src/base/codec/index.ts';
import { type Resource, TYPE_URL } from '../../src/core/resources/index.ts';
import { FROM_ADS, resource, routes } from './envoy-resources.ts';
import { InProcessXds } from './in-process-xds.ts';

export type Zone = { readonly name: string; readonly servers: readonly string[]; readonly weight?: number };

type NamedServer = { readonly name: string; readonly port: number; readonly server: Server };

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.filters';
const GROUP = 'grpc';

/** What the servers answer to: a unary call with an empty request. The response is the name of the server. */
export const METHOD = '/test.Who/Am';

/** Three gRPC servers, `a`, `b` and `c`, and an xDS server that shows clients of `xds:///chat` the way to them. */
export class GrpcWorld implements AsyncDisposable {
  readonly xds: InProcessXds;
  readonly #servers: readonly NamedServer[];

  static async start(): Promise<GrpcWorld> {
    const servers = await Promise.all(['a', 'b', 'c'].map(startServer));
    return new GrpcWorld(await InProcessXds.start(), servers);
  }

  private constructor(xds: InProcessXds, servers: readonly NamedServer[]) {
    this.xds = xds;
    this.#servers = servers;
  }

  /** A client's bootstrap, in gRPC's own form. */
  bootstrap(nodeId: string): string {
    const server = { server_uri: this.xds.address, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] };
    return JSON.stringify({ xds_servers: [server], node: { id: nodeId, cluster: GROUP, locality: {} } });
  }

  /** From now on the target is this cluster, and there is no other. */
  set(cluster: string, ...zones: readonly Zone[]): void {
    this.xds.set(GROUP, [listening('chat'), ...this.#serving(cluster, zones), routes('chat', [cluster])]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server } of this.#servers) server.forceShutdown();
    await this.xds[Symbol.asyncDispose]();
  }

  /** A cluster and its assignment. gRPC takes no locality without a name and a weight. */
  #serving(cluster: string, zones: readonly Zone[]): readonly Resource[] {
    const endpoints = zones.map(({ name, servers, weight = 1 }) => ({
      locality: { zone: name },
      load_balancing_weight: weight,
      lb_endpoints: servers.map((server) => this.#endpoint(server)),
    }));
    const json = {
      name: cluster,
      type: 'EDS',
      eds_cluster_config: { eds_config: FROM_ADS },
      lrs_server: { self: {} },
    };
    return [
      resource('cluster', cluster, json, [{ typeUrl: TYPE_URL.endpoint, name: cluster }]),
      resource('endpoint', cluster, { cluster_name: cluster, endpoints }),
    ];
  }

  #endpoint(name: string): JsonObject {
    const port_value = this.#servers.find((server) => server.name === name)?.port ?? 0;
    return { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value } } } };
  }
}

/** What a gRPC client looks for under the name of its target: a listener without an address. */
function listening(name: string): Resource {
  const manager = {
    '@type': `${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager`,
    rds: { route_config_name: name, config_source: FROM_ADS },
    http_filters: [{ name: 'router', typed_config: { '@type': `${EXTENSIONS}.http.router.v3.Router` } }],
  };
  return resource('listener', name, { name, api_listener: { api_listener: manager } }, [
    { typeUrl: TYPE_URL.route, name },
  ]);
}

async function startServer(name: string): Promise<NamedServer> {
  const server = new Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const definition: ServiceDefinition = {
    am: {
      path: METHOD,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  };
  server.addService(definition, {
    am: (_call: unknown, answer: (error: null, value: Buffer) => void) => answer(null, Buffer.from(name)),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { name, port, server };
}
