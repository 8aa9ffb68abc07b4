/** The words of the protocol, as its text has them: nothing here comes from the server under test. */

export type Variant = 'delta' | 'sotw';
/** `aggregated`: all types on one stream (ADS); `per-type`: a service for each. */
export type Via = 'aggregated' | 'per-type';
export type TypeName = 'cds' | 'eds' | 'lds' | 'rds' | 'rtds' | 'sds' | 'ecds';

export type XdsType = {
  readonly url: string;
  readonly service: string;
  readonly methods: Readonly<Record<Variant, string>>;
  /** Field of the message that holds the resource's name. */
  readonly nameField: string;
  /** Listeners and clusters: may be subscribed to as a whole, and a state-of-the-world response lists all of them. */
  readonly whole: boolean;
};

function type(message: string, service: string, noun: string, nameField = 'name'): XdsType {
  return {
    url: `type.googleapis.com/${message}`,
    service: `envoy.service.${service}`,
    methods: { delta: `Delta${noun}`, sotw: `Stream${noun}` },
    nameField,
    whole: noun === 'Clusters' || noun === 'Listeners',
  };
}

export const TYPES: Readonly<Record<TypeName, XdsType>> = {
  cds: type('envoy.config.cluster.v3.Cluster', 'cluster.v3.ClusterDiscoveryService', 'Clusters'),
  eds: type(
    'envoy.config.endpoint.v3.ClusterLoadAssignment',
    'endpoint.v3.EndpointDiscoveryService',
    'Endpoints',
    'cluster_name',
  ),
  lds: type('envoy.config.listener.v3.Listener', 'listener.v3.ListenerDiscoveryService', 'Listeners'),
  rds: type('envoy.config.route.v3.RouteConfiguration', 'route.v3.RouteDiscoveryService', 'Routes'),
  rtds: type('envoy.service.runtime.v3.Runtime', 'runtime.v3.RuntimeDiscoveryService', 'Runtime'),
  sds: type('envoy.extensions.transport_sockets.tls.v3.Secret', 'secret.v3.SecretDiscoveryService', 'Secrets'),
  ecds: type(
    'envoy.config.core.v3.TypedExtensionConfig',
    'extension.v3.ExtensionConfigDiscoveryService',
    'ExtensionConfigs',
  ),
};

export const ADS = {
  service: 'envoy.service.discovery.v3.AggregatedDiscoveryService',
  methods: { delta: 'DeltaAggregatedResources', sotw: 'StreamAggregatedResources' },
} as const;

/** Codes of gRPC that the protocol's text or good manners ask for. */
export const STATUS = { OK: 0, INVALID_ARGUMENT: 3 } as const;

export const VARIANTS: readonly Variant[] = ['delta', 'sotw'];
export const ALL: readonly TypeName[] = ['cds', 'eds', 'lds', 'rds', 'rtds', 'sds', 'ecds'];
const VIAS: readonly Via[] = ['aggregated', 'per-type'];
/** The types that may be subscribed to as a whole. */
export const WHOLE: readonly TypeName[] = ALL.filter((name) => TYPES[name].whole);
export const NAMED: readonly TypeName[] = ALL.filter((name) => !TYPES[name].whole);

/** One type on one kind of stream: what most rules are about. */
export type Line = { readonly variant: Variant; readonly via: Via; readonly type: TypeName; toString(): string };

function line(variant: Variant, via: Via, type: TypeName): Line {
  return { variant, via, type, toString: () => `${variant} ${via} ${type}` };
}

/** Every kind of stream that carries these types. */
export function linesOf(types: readonly TypeName[], variants: readonly Variant[] = VARIANTS): Line[] {
  return variants.flatMap((variant) => VIAS.flatMap((via) => types.map((type) => line(variant, via, type))));
}

/** The types on aggregated streams, for rules that do not depend on the service. */
export function aggregated(types: readonly TypeName[], variants: readonly Variant[] = VARIANTS): Line[] {
  return linesOf(types, variants).filter(({ via }) => via === 'aggregated');
}

export function urlOf(type: string): string {
  return Object.hasOwn(TYPES, type) ? TYPES[type as TypeName].url : type;
}

/** `eds` of its URL; a URL that is unknown stays as it is. */
export function nameOfUrl(url: string): string {
  return ALL.find((name) => TYPES[name].url === url) ?? url;
}
