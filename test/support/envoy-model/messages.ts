import { TYPE_SHORT, TYPE_URL } from '../../../src/core/resources/index.ts';

/**
 * xDS messages without bytes. Requests and responses of both variants have one shape, so that a test can drive either
 * with the same code; the fields of the other variant are empty.
 */
export type Variant = 'Delta' | 'Sotw';

export const TYPE: Readonly<Record<keyof typeof TYPE_URL | 'secret', string>> = {
  ...TYPE_URL,
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
};

/** `cds`, `eds`, … in the texts of problems. */
export function shortName(typeUrl: string): string {
  return typeUrl === TYPE.secret ? 'sds' : (TYPE_SHORT[typeUrl] ?? typeUrl);
}

export type ModelRequest = {
  readonly typeUrl: string;
  /** Present in the first request of a stream only (`set_node_on_first_message_only`). */
  readonly node?: true;
  /** Nonce of the response that this request answers; '' when it answers none. */
  readonly nonce: string;
  readonly errorMessage?: string;
  /** Delta. */
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: Readonly<Record<string, string>>;
  /** SotW: everything the client wants; empty is the wildcard for clusters and listeners. */
  readonly names: readonly string[];
  readonly versionInfo: string;
};

export type ModelResource = {
  readonly name: string;
  readonly version: string;
  /** Whatever `describe` understands; absent in a heartbeat. */
  readonly body?: unknown;
  readonly ttlMs?: number;
  /** Stands for the bytes: equal content is equal bytes. Default: the version. */
  readonly content?: string;
};

export type ModelResponse = {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly ModelResource[];
  /** Delta. */
  readonly removed: readonly string[];
  /** SotW. */
  readonly versionInfo: string;
};

/** `eds` is the name of the assignment; a cluster without has its endpoints in itself and never waits. */
export type ClusterBody = { readonly kind: 'cluster'; readonly eds?: string };
export type AssignmentBody = { readonly kind: 'assignment'; readonly endpoints: number };
export type ListenerBody = {
  readonly kind: 'listener';
  readonly route?: string;
  readonly secrets?: readonly string[];
  /** Filters that come by ECDS and that the listener waits for. */
  readonly extensions?: readonly string[];
  /** Filters that come by ECDS and have a default until then (`apply_default_config_without_warming`). */
  readonly slots?: readonly string[];
};
export type RouteBody = { readonly kind: 'route'; readonly clusters: readonly string[] };
export type OpaqueBody = { readonly kind: 'runtime' | 'secret' | 'extension' };
export type Body = ClusterBody | AssignmentBody | ListenerBody | RouteBody | OpaqueBody;

export type Describe = (resource: ModelResource, typeUrl: string) => Body;

export function contentOf(resource: ModelResource): string {
  return resource.content ?? resource.version;
}
