import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/codec/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { type ModelServers, type ServerStatus, startModelServers } from '../../src/lab/modelserver/index.ts';
import { sourceOf, xdsCluster } from '../support/envoy-variants.ts';
import { freePort } from '../support/free-port.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { Serve, until } from '../support/serve.ts';

const UNSTEERED = '  loadBalancer: { weights: Disabled }\n';
const EXTENSIONS = 'type.googleapis.com/envoy.extensions';

/** Clusters, routes and listeners of this Envoy are its owner's; endpoints and weights alone come from here. */
describe('an Envoy whose clusters belong to someone else', () => {
  let models: ModelServers;
  let serve: Serve;
  let envoy: EnvoyProcess;
  let front: { readonly port: number };

  beforeAll(async () => {
    models = await startModelServers({ count: 3, firstPort: 0 });
    serve = await new Serve(policy()).start();
    front = { port: await freePort() };
    envoy = await startEnvoy({
      binary: await findEnvoy(),
      bootstrap: strangersBootstrap(serve.xds, front.port, { models: 'chat', 'gpu-models': 'chat/gpu' }),
      concurrency: 1,
    });
    await envoy.ready(20_000);
  });

  afterAll(async () => {
    await envoy?.stop();
    await serve?.dispose();
    await models?.stop();
  });

  /** Two servers in pool `gpu`, a smaller one in pool `spare`. */
  function policy(options: { readonly gpus?: number; readonly service?: string } = {}): string {
    const { gpus = 2, service = '' } = options;
    const spare = `    - name: spare
      endpoints:
        static:
          - { address: 127.0.0.1, port: ${models.servers[2]?.port}, capacity: 0.5 }
`;
    return labPolicy(models.servers.slice(0, gpus), { service }) + spare;
  }

  async function has(cluster: string, weights: Readonly<Record<number, number>>): Promise<void> {
    const wanted = Object.entries(weights).map(
      ([index, weight]) => `127.0.0.1:${models.servers[Number(index)]?.port} ${weight}`,
    );
    const held = async (): Promise<string> =>
      ((await envoy.clusters())[cluster] ?? [])
        .map(({ address, weight }) => `${address} ${weight}`)
        .sort()
        .join();
    await until(`${cluster} is ${wanted}`, async () => (await held()) === wanted.sort().join(), 4000);
  }

  it('gets the endpoints of a service under the name that its owner has given it', async () => {
    await has('models', { 0: 1000, 1: 1000, 2: 497 });
    expect(serve.log).not.toContain('refused');
  });

  it('gets the endpoints of a pool, with the weights that they have in the service', async () => {
    await has('gpu-models', { 0: 1000, 1: 1000 });
  });

  it('follows the weights', async () => {
    serve.write(policy({ service: UNSTEERED }));
    await has('models', { 0: 1000, 1: 1000, 2: 1000 });
    await has('gpu-models', { 0: 1000, 1: 1000 });
  });

  it('is heard: its load reports count for the endpoints of the service', async () => {
    const load = startLoad([front], { perSec: 20, seconds: 2.5 });
    await load.done;
    expect(load.failures()).toEqual([]);
    expect(await serve.metric('loadline_load_reports_total')).toBeGreaterThan(2);
    const pools = (await serve.state()).services[0]?.pools ?? [];
    const shares = pools.flatMap(({ endpoints }) => endpoints.map(({ issuedShare }) => issuedShare ?? 0));
    expect(shares).toHaveLength(3);
    for (const share of shares) expect(share).toBeGreaterThan(0.1);
  });

  it('sends a server that leaves nothing new, and cuts none of its streams', async () => {
    const load = startLoad([front], { perSec: 15, seconds: 3, outputTokens: 25 });
    const leaver = (): ServerStatus => models.snapshot()[1] as ServerStatus;
    await until('it has several streams', () => leaver().running > 1);
    serve.write(policy({ gpus: 1, service: UNSTEERED }));
    await has('models', { 0: 1000, 2: 1000 });
    await has('gpu-models', { 0: 1000 });
    const { issued } = leaver();
    await load.done;
    expect(load.failures()).toEqual([]);
    expect(leaver()).toMatchObject({ issued, finished: issued });
  });
});

/** All traffic of the port goes to the first cluster. Each cluster takes its endpoints under a service name. */
function strangersBootstrap(xds: string, port: number, clusters: Readonly<Record<string, string>>): JsonObject {
  const eds_config = sourceOf({ api: 'DELTA_GRPC', via: 'PerType' });
  const server = xdsCluster(xds);
  const route = { cluster: Object.keys(clusters)[0] as string, timeout: '0s' };
  const manager: JsonObject = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'front',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }] },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return {
    node: { id: 'stranger', cluster: 'strangers' },
    admin: { address: loopback(0) },
    cluster_manager: {
      load_stats_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: String(server.name) } }],
      },
    },
    static_resources: {
      listeners: [{ name: 'front', address: loopback(port), filter_chains: [{ filters }] }],
      clusters: [
        server,
        ...Object.entries(clusters).map(([name, service_name]) => ({
          name,
          type: 'EDS',
          connect_timeout: '1s',
          eds_cluster_config: { service_name, eds_config },
        })),
      ],
    },
  };
}

function loopback(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
