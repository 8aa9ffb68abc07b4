import type { Node } from '../../base/codec/index.ts';
import { releaseBand, type SnapshotKey, snapshotKeyText } from '../../core/snapshot/index.ts';

/** Who is at the other end of a stream, and what it gets. */
export type Peer = {
  readonly nodeId: string;
  /** '' for an Envoy that is in none and takes only endpoints. */
  readonly group: string;
  /** SPIFFE ID of its certificate; undefined in plaintext. */
  readonly identity: string | undefined;
  readonly envoyVersion: string;
  readonly metadata: Node['metadata'];
  /** `node.locality.zone`; '' when it does not say, or says what no policy could. It is a wish, and opens nothing. */
  readonly zone: string;
  /** It has no share in the limits of its group: it takes only endpoints, or it is a fallback (`metadata.loadline.fallback`). */
  readonly uncounted: boolean;
  readonly key: SnapshotKey;
  /** `snapshotKeyText(key)`, made once. */
  readonly keyText: string;
  /** What it gets while it tries a change. */
  readonly canary: { readonly key: SnapshotKey; readonly keyText: string };
};

export type PeerOptions = { readonly endpointsOnly: boolean; readonly identity?: string | undefined };

/** As the policy has them. */
const ZONE = /^[ -~]{1,128}$/;

/** Reads the peer from the node of its first message. Its group is decided elsewhere: see `GateKeeper`. */
export function peerOf(node: Node, group: string, { endpointsOnly, identity }: PeerOptions): Peer {
  const key: SnapshotKey = {
    group,
    release: releaseBand(node.envoyVersion),
    listenerOverrides: endpointsOnly ? {} : listenerOverrides(node.metadata),
    ...(endpointsOnly ? { endpointsOnly: true } : {}),
  };
  const { id: nodeId, envoyVersion, metadata } = node;
  const canary: SnapshotKey = { ...key, track: 'Canary' };
  return {
    nodeId,
    group,
    identity,
    envoyVersion,
    metadata,
    zone: ZONE.test(node.zone) ? node.zone : '',
    uncounted: endpointsOnly || isFallback(metadata),
    key,
    keyText: snapshotKeyText(key),
    canary: { key: canary, keyText: snapshotKeyText(canary) },
  };
}

/** What `loadline fallback` says of itself: it has what the Envoy beside it has, and sends no requests. */
function isFallback({ loadline }: Node['metadata']): boolean {
  return isObject(loadline) && loadline.fallback === true;
}

/** `metadata.loadline.listeners` of the bootstrap: `{ "models": "127.0.0.1:15011" }`. Anything else is not ours. */
function listenerOverrides(metadata: Node['metadata']): Readonly<Record<string, string>> {
  const loadline = metadata.loadline;
  if (!isObject(loadline) || !isObject(loadline.listeners)) return {};
  const overrides: Record<string, string> = {};
  for (const [name, address] of Object.entries(loadline.listeners)) {
    if (typeof address === 'string') overrides[name] = address;
  }
  return overrides;
}

/**
 * `metadata.loadline.adminPort` of the bootstrap. Only a port: a node must not send the server to any other address than the
 * one that it comes from.
 */
export function adminPort({ metadata }: Pick<Node, 'metadata'>): number | undefined {
  const port = isObject(metadata.loadline) ? metadata.loadline.adminPort : undefined;
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
