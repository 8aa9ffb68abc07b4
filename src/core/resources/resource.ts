import type { Position } from '../../base/units/index.ts';

/** A reference from one resource to another: a listener names a route configuration, a cluster its assignment. */
export type ResourceRef = { readonly typeUrl: string; readonly name: string };

/** Where the policy asks for a resource: a place in its text as it was at that revision. */
export type Origin = Position & { readonly revision?: string };

/**
 * One Envoy message, encoded once. Immutable, so that all streams share the bytes. Two resources with equal versions
 * have equal bytes: the version is the hash of the content (and of the TTL).
 */
export type Resource = {
  readonly typeUrl: string;
  readonly name: string;
  readonly version: string;
  /** The message itself, deterministically encoded. */
  readonly bytes: Uint8Array;
  /** Bytes of `envoy.service.discovery.v3.Resource` {name, version, resource: Any, ttl}: a delta response is a list of these. */
  readonly delta: Uint8Array;
  readonly ttlMs?: number;
  /** The policy text that asked for it; NACKs are reported with it. */
  readonly origin?: Origin;
  readonly needs: readonly ResourceRef[];
};
