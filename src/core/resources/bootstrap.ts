import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { fallbackClusters, GIVES_UP_A_DEAD_SERVER } from './bootstrap-fallback.ts';
import { http2 } from './bootstrap-http2.ts';
import { type BootstrapTls, upstreamTls } from './bootstrap-tls.ts';
import { ADS } from './message.ts';
import { ADS_CLUSTER, LAPSING_LAYER, LASTING_LAYER, SIDECARS_CLUSTER, XDS_CLUSTER } from './names.ts';
import { isIpAddress, parseSocketAddress, pipeAddress, socketAddress, splitHostPort } from './socket-address.ts';

export type BootstrapOptions = {
  readonly nodeId: string;
  /** Becomes `node.cluster`. */
  readonly group: string;
  /** One or two addresses of Loadline: `10.0.0.1:18000`, `loadline.svc:18000` or `unix:/run/loadline/xds.sock`. */
  readonly xds: readonly string[];
  /** `127.0.0.1:0` (a free port, see `--admin-address-path`) by default, or `unix:PATH`. */
  readonly admin?: string;
  /** Listener name to `ip:port`, for sidecars that share a host. */
  readonly listeners?: Readonly<Record<string, string>>;
  readonly zone?: string;
  /** Mutual TLS to Loadline; without it in plaintext, as with `--dev`. */
  readonly tls?: BootstrapTls;
  /** Where `loadline fallback` listens beside this Envoy: `unix:/run/loadline/fallback.sock`, or a port of loopback. */
  readonly fallback?: string;
};

const DEFAULT_ADMIN = '127.0.0.1:0';
/** Time-outs of a first fetch add up before an Envoy without a server serves: runtime, sidecars, clusters, listeners. */
const FIRST_FETCH = { runtime: '1s', sidecars: '0.5s', structure: '2s' };

/**
 * The bootstrap of a sidecar, complete from the first day, because it cannot be pushed later. Throws LOADLINE_CONFIG for
 * an address that Envoy could not use.
 */
export function bootstrap(options: BootstrapOptions): JsonObject {
  if (options.xds.length < 1 || options.xds.length > 2) {
    throw new LoadlineError('LOADLINE_CONFIG', `one or two xDS addresses are needed, not ${options.xds.length}`);
  }
  const listeners = checkedListeners(options.listeners ?? {});
  return {
    node: {
      id: options.nodeId,
      cluster: options.group,
      ...(options.zone === undefined ? {} : { locality: { zone: options.zone } }),
      metadata: { loadline: { listeners, ...adminPort(options.admin) } },
    },
    admin: { address: adminAddress(options.admin ?? DEFAULT_ADMIN) },
    layered_runtime: {
      layers: [
        runtimeLayer(LASTING_LAYER),
        runtimeLayer(LAPSING_LAYER),
        // Last, so that a person at the admin interface has the last word.
        { name: 'admin', admin_layer: {} },
      ],
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: options.fallback === undefined ? XDS_CLUSTER : ADS_CLUSTER,
              // The default back-off takes up to 25 s to come back after an outage of half a minute.
              retry_policy: { retry_back_off: { base_interval: '0.2s', max_interval: '2s' } },
            },
          },
        ],
      },
      cds_config: { ...ADS, initial_fetch_timeout: FIRST_FETCH.structure },
      lds_config: { ...ADS, initial_fetch_timeout: FIRST_FETCH.structure },
    },
    cluster_manager: {
      local_cluster_name: SIDECARS_CLUSTER,
      // Excludes per-endpoint stats: Envoy refuses clusters that have both.
      load_stats_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
      },
    },
    static_resources: { clusters: [...xdsClusters(options), sidecarsCluster()] },
  };
}

function runtimeLayer(name: string): JsonObject {
  return { name, rtds_layer: { name, rtds_config: { ...ADS, initial_fetch_timeout: FIRST_FETCH.runtime } } };
}

function xdsClusters({ xds, tls, fallback }: BootstrapOptions): readonly JsonObject[] {
  const server = xdsCluster(xds, tls);
  if (fallback === undefined) return [server];
  return [{ ...server, ...GIVES_UP_A_DEAD_SERVER }, ...fallbackClusters(fallback)];
}

function xdsCluster(addresses: readonly string[], tls: BootstrapTls | undefined): JsonObject {
  const endpoints = addresses.map(xdsAddress);
  return {
    name: XDS_CLUSTER,
    type: endpoints.some(({ named }) => named) ? 'STRICT_DNS' : 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: http2({ interval: '10s', timeout: '5s' }),
    ...(tls === undefined ? {} : { transport_socket: upstreamTls(tls, addresses) }),
    load_assignment: {
      cluster_name: XDS_CLUSTER,
      endpoints: [{ lb_endpoints: endpoints.map(({ address }) => ({ endpoint: { address } })) }],
    },
  };
}

/** Its members come by EDS; the cluster itself must be here, because Envoy takes its local cluster from the bootstrap. */
function sidecarsCluster(): JsonObject {
  return {
    name: SIDECARS_CLUSTER,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: {
      service_name: SIDECARS_CLUSTER,
      eds_config: { ...ADS, initial_fetch_timeout: FIRST_FETCH.sidecars },
    },
  };
}

function xdsAddress(text: string): { readonly address: JsonObject; readonly named: boolean } {
  const path = unixPath(text);
  if (path !== undefined) return { address: pipeAddress(path), named: false };
  const parts = splitHostPort(text);
  if (parts === undefined || parts.port === 0) {
    throw new LoadlineError('LOADLINE_CONFIG', `xDS address ${text}: expected HOST:PORT or unix:PATH`);
  }
  return { address: socketAddress(parts.host, parts.port), named: !isIpAddress(parts.host) };
}

function adminAddress(text: string): JsonObject {
  const path = unixPath(text);
  // 0600: whoever may ask Envoy may also stop it.
  if (path !== undefined) return { pipe: { path, mode: 0o600 } };
  const parts = parseSocketAddress(text);
  if (parts === undefined)
    throw new LoadlineError('LOADLINE_CONFIG', `admin address ${text}: expected IP:PORT or unix:PATH`);
  return socketAddress(parts.address, parts.port);
}

/** One that was chosen may be asked (`envoyAdmin` of the group); the free port of a default is known to nobody. */
function adminPort(admin: string | undefined): JsonObject {
  const port = admin === undefined ? undefined : parseSocketAddress(admin)?.port;
  return port === undefined || port === 0 ? {} : { adminPort: port };
}

function unixPath(text: string): string | undefined {
  return text.startsWith('unix:/') || text.startsWith('unix:@') ? text.slice('unix:'.length) : undefined;
}

function checkedListeners(listeners: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const sorted = Object.entries(listeners).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, address] of sorted) {
    if (parseSocketAddress(address) === undefined) {
      throw new LoadlineError('LOADLINE_CONFIG', `listener ${name}=${address}: expected NAME=IP:PORT`);
    }
  }
  return Object.fromEntries(sorted);
}
