import { afterAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/base/codec/index.ts';
import { type EnvoyProcess, startEnvoy } from '../../../src/edge/envoy/index.ts';
import { type Backends, startBackends } from '../../support/backends.ts';
import { envoyOf, INSTALL_TIMEOUT_MS, RELEASES } from '../../support/envoy-releases.ts';
import { freePort } from '../../support/free-port.ts';

/** As the law would weigh them: two servers in each of two zones, 40 % of all weight in the sidecar's own. */
const WEIGHTS = { a: [300, 100], b: [500, 100] } as const;
const REQUESTS = 600;

const LONG = process.env.LOADLINE_TEST_LONG === '1';
if (!LONG) process.stdout.write('skipped: what Envoy makes of zones: set LOADLINE_TEST_LONG=1 (npm run e2e:traffic)\n');

/** What docs/design/zones.md says of Envoy, and why the product has it switched off. Round robin, so that weights are exact. */
describe.skipIf(!LONG).each(RELEASES)('zones on Envoy %s', (release) => {
  const running: { stop(): Promise<unknown> }[] = [];
  afterAll(() => Promise.all(running.map((one) => one.stop())));

  /** Percent of the requests that each zone's servers had. `sidecars`: how many there are in each zone. */
  const shares = async (binary: string, zones: JsonObject, sidecars: Record<'a' | 'b', number>) => {
    const backends: Backends = await startBackends(4);
    running.push(backends);
    const port = await freePort();
    const envoy: EnvoyProcess = await startEnvoy({
      binary,
      concurrency: 1,
      bootstrap: zoned(port, backends.ports, zones, sidecars),
    });
    running.push(envoy);
    await envoy.ready(20_000);
    for (let sent = 0; sent < REQUESTS; sent += 1) await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer();
    const hosts = (await envoy.clusters()).models ?? [];
    const count = (index: number): number =>
      hosts.find(({ address }) => address.endsWith(`:${backends.ports[index]}`))?.rqTotal ?? 0;
    const percent = (one: number): number => Math.round((100 * one) / REQUESTS);
    const result = { a: percent(count(0) + count(1)), b: percent(count(2) + count(3)) };
    process.stdout.write(
      `Envoy ${release}, ${JSON.stringify(zones)}, sidecars ${JSON.stringify(sidecars)}: ${JSON.stringify(result)}\n`,
    );
    return result;
  };

  it(
    'divide requests by weight alone as the product configures them, and by the number of servers with zone-aware routing',
    async ({ skip }) => {
      const found = await envoyOf(release);
      if ('missing' in found) skip(found.missing);
      const { binary } = found as { binary: string };
      const off = { zone_aware_lb_config: { routing_enabled: { value: 0 } } };
      expect(await shares(binary, off, { a: 1, b: 1 })).toEqual({ a: 40, b: 60 });
      const aware = { zone_aware_lb_config: { routing_enabled: { value: 100 }, min_cluster_size: 1 } };
      // Half of the servers for half of the sidecars: nothing leaves the zone, whatever the weights say.
      expect(await shares(binary, aware, { a: 1, b: 1 })).toEqual({ a: 100, b: 0 });
      // For three quarters of the sidecars half of the servers: two thirds of theirs stay, by the count of servers again.
      const crowded = await shares(binary, aware, { a: 3, b: 1 });
      expect(crowded.a).toBeGreaterThan(60);
      expect(crowded.a).toBeLessThan(74);
    },
    INSTALL_TIMEOUT_MS,
  );
});

function zoned(
  port: number,
  ports: readonly number[],
  zones: JsonObject,
  sidecars: Readonly<Record<'a' | 'b', number>>,
): JsonObject {
  const at = (of: number): JsonObject => ({ socket_address: { address: '127.0.0.1', port_value: of } });
  const typed = (name: string, type: string, fields: JsonObject = {}): JsonObject => ({
    name,
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields },
  });
  const route = {
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'models' } }] }],
  };
  const manager = typed('hcm', 'filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'models',
    http_filters: [typed('router', 'filters.http.router.v3.Router')],
    route_config: route,
  });
  const balancer = typed('lb', 'load_balancing_policies.round_robin.v3.RoundRobin', { locality_lb_config: zones });
  const servers = (['a', 'b'] as const).map((zone, index) => ({
    locality: { zone },
    lb_endpoints: WEIGHTS[zone].map((weight, i) => ({
      endpoint: { address: at(ports[2 * index + i] as number) },
      load_balancing_weight: weight,
    })),
  }));
  const members = (['a', 'b'] as const).map((zone) => ({
    locality: { zone },
    lb_endpoints: Array.from({ length: sidecars[zone] }, (_, i) => ({
      endpoint: { address: { pipe: { path: `/nonexistent/${zone}${i}` } } },
    })),
  }));
  const cluster = (name: string, endpoints: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints },
    ...more,
  });
  return {
    node: { id: 'n', cluster: 'c', locality: { zone: 'a' } },
    admin: { address: at(0) },
    cluster_manager: { local_cluster_name: 'sidecars' },
    static_resources: {
      listeners: [{ name: 'models', address: at(port), filter_chains: [{ filters: [manager] }] }],
      clusters: [
        cluster('sidecars', members),
        cluster('models', servers, {
          load_balancing_policy: { policies: [{ typed_extension_config: balancer }] },
          common_lb_config: { healthy_panic_threshold: { value: 0 } },
        }),
      ],
    },
  };
}
