import type { JsonObject } from '../../src/base/codec/index.ts';
import { bootstrap } from '../../src/core/resources/index.ts';
import { FROM_ADS } from './envoy-resources.ts';

/** As the bootstrap of the product calls it. */
const XDS_CLUSTER = 'loadline_xds';

/** How an Envoy speaks to its server: in which variant, and on one stream for all types or one for each. */
export type Variant = {
  readonly api: 'DELTA_GRPC' | 'GRPC';
  readonly via: 'Aggregated' | 'PerType';
};

/** The config source that its resources, and those within them, come from. */
export function sourceOf({ api, via }: Variant): JsonObject {
  if (via === 'Aggregated') return FROM_ADS;
  return { api_config_source: apiSource(api), resource_api_version: 'V3' };
}

/** A bootstrap with nothing but the server, so that nothing else has to be fetched before the Envoy is live. */
export function variantBootstrap(
  variant: Variant,
  options: { readonly nodeId: string; readonly group: string; readonly xds: string },
): JsonObject {
  const source = sourceOf(variant);
  return {
    node: { id: options.nodeId, cluster: options.group },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    dynamic_resources: {
      ...(variant.via === 'Aggregated' ? { ads_config: apiSource(variant.api) } : {}),
      cds_config: source,
      lds_config: source,
    },
    static_resources: { clusters: [xdsCluster(options.xds)] },
  };
}

/** The cluster through which the product's own bootstrap reaches the server. */
export function xdsCluster(address: string): JsonObject {
  const { static_resources } = bootstrap({ nodeId: 'n', group: 'g', xds: [address] });
  return ((static_resources as JsonObject).clusters as JsonObject[])[0] as JsonObject;
}

function apiSource(api: Variant['api']): JsonObject {
  return {
    api_type: api,
    transport_api_version: 'V3',
    set_node_on_first_message_only: true,
    grpc_services: [
      {
        envoy_grpc: {
          cluster_name: XDS_CLUSTER,
          retry_policy: { retry_back_off: { base_interval: '0.2s', max_interval: '2s' } },
        },
      },
    ],
  };
}
