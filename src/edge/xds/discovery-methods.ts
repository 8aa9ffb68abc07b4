import { TYPE_URL } from '../../core/resources/index.ts';
import type { Variant } from '../../core/subscriptions/index.ts';

/** A discovery method; `typeUrl` is the only type that it serves, or undefined on an aggregated stream. */
export type DiscoveryMethod = {
  readonly path: string;
  readonly variant: Variant;
  readonly typeUrl: string | undefined;
};

/** Service, its state-of-the-world and its delta method, and the type. */
const SERVICES: readonly (readonly [string, string, string, string | undefined])[] = [
  ['discovery.v3.AggregatedDiscoveryService', 'StreamAggregatedResources', 'DeltaAggregatedResources', undefined],
  ['cluster.v3.ClusterDiscoveryService', 'StreamClusters', 'DeltaClusters', TYPE_URL.cluster],
  ['endpoint.v3.EndpointDiscoveryService', 'StreamEndpoints', 'DeltaEndpoints', TYPE_URL.endpoint],
  ['listener.v3.ListenerDiscoveryService', 'StreamListeners', 'DeltaListeners', TYPE_URL.listener],
  ['route.v3.RouteDiscoveryService', 'StreamRoutes', 'DeltaRoutes', TYPE_URL.route],
  ['runtime.v3.RuntimeDiscoveryService', 'StreamRuntime', 'DeltaRuntime', TYPE_URL.runtime],
  ['secret.v3.SecretDiscoveryService', 'StreamSecrets', 'DeltaSecrets', TYPE_URL.secret],
  [
    'extension.v3.ExtensionConfigDiscoveryService',
    'StreamExtensionConfigs',
    'DeltaExtensionConfigs',
    TYPE_URL.extension,
  ],
];

export const DISCOVERY_METHODS: readonly DiscoveryMethod[] = SERVICES.flatMap(([service, sotw, delta, typeUrl]) => [
  { path: `/envoy.service.${service}/${sotw}`, variant: 'Sotw' as const, typeUrl },
  { path: `/envoy.service.${service}/${delta}`, variant: 'Delta' as const, typeUrl },
]);
