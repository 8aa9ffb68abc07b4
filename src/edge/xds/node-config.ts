import { SEND_ORDER, TYPE_SHORT } from '../../core/resources/index.ts';
import type { ResourceState, SyncStatus, Waiting } from '../../core/subscriptions/index.ts';
import type { DiscoveryStream } from './discovery-stream.ts';
import { type PolicyPlace, policyPlace } from './policy-place.ts';

/** One resource of one sidecar: what it should have, was sent, and has ACKed. The place is that of what it should have. */
export type ConfigResource = {
  readonly name: string;
  readonly status: SyncStatus;
  /** Absent: the policy has no such resource. */
  readonly wantedVersion?: string;
  /** Of what the sidecar has once it takes what was sent. */
  readonly sentVersion?: string;
  readonly ackedVersion?: string;
  /** Why it is held back, or was until it went out in vain. */
  readonly waiting?: Pick<Waiting, 'reason' | 'sinceMs' | 'gaveUp'>;
  /** Envoy's words about what it should have. */
  readonly refusal?: { readonly message: string; readonly atMs: number };
} & PolicyPlace;

export type ConfigType = {
  /** `cds`, `eds`, … */
  readonly type: string;
  /** Address of the connection. */
  readonly peer: string;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  readonly resources: readonly ConfigResource[];
};

/** Everything about one sidecar, as `loadline proxy-config` shows it. */
export type NodeConfig = {
  readonly id: string;
  readonly group: string;
  readonly envoyVersion: string;
  readonly connectedAtMs: number;
  readonly types: readonly ConfigType[];
};

/**
 * Undefined when no stream is the node's. The streams by type of one Envoy are one node; when a type comes twice (an old
 * connection that nobody has missed yet) the newest is first.
 */
export function nodeConfig(streams: Iterable<DiscoveryStream>, nodeId: string): NodeConfig | undefined {
  const own = [...streams].filter(({ peer }) => peer?.nodeId === nodeId);
  own.sort((a, b) => b.connectedAtMs - a.connectedAtMs);
  const peer = own[0]?.peer;
  if (peer === undefined) return undefined;
  return {
    id: nodeId,
    group: peer.group,
    envoyVersion: peer.envoyVersion,
    connectedAtMs: Math.min(...own.map(({ connectedAtMs }) => connectedAtMs)),
    types: own.flatMap(typesOf).sort((a, b) => rank(a) - rank(b)),
  };
}

function typesOf(stream: DiscoveryStream): readonly ConfigType[] {
  return stream.details().map(({ states, ...type }) => ({
    ...type,
    peer: stream.address,
    resources: states.map(configResource),
  }));
}

function configResource(state: ResourceState): ConfigResource {
  const { name, status, wanted, sentVersion, ackedVersion, waiting, refusal } = state;
  return {
    name,
    status,
    ...(wanted === undefined ? {} : { wantedVersion: wanted.version }),
    ...(sentVersion === undefined ? {} : { sentVersion }),
    ...(ackedVersion === undefined ? {} : { ackedVersion }),
    ...(waiting === undefined
      ? {}
      : { waiting: { reason: waiting.reason, sinceMs: waiting.sinceMs, gaveUp: waiting.gaveUp } }),
    ...(refusal === undefined ? {} : { refusal: { message: refusal.message, atMs: refusal.atMs } }),
    ...policyPlace(wanted),
  };
}

/** In the order of sending; types that nobody knows come last. */
function rank({ type }: ConfigType): number {
  const at = ORDER.indexOf(type);
  return at < 0 ? ORDER.length : at;
}

const ORDER = SEND_ORDER.map((typeUrl) => TYPE_SHORT[typeUrl]);
