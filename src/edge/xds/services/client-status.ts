import type { JsonObject, ResourceStatus } from '../../../base/codec/index.ts';

/** A node that is connected. */
export type ClientNode = {
  readonly id: string;
  readonly group: string;
  /** `1.40.0`, or '' when the node does not say. */
  readonly envoyVersion: string;
  /** `node.metadata` as it came. */
  readonly metadata: JsonObject;
};

/** One resource of one node: what it should have, what went out, and what came back. */
export type ClientResource = {
  readonly typeUrl: string;
  readonly name: string;
  /** Absent: the node asks for it, or has it still, and there is no such resource. */
  readonly wantedVersion?: string;
  /** The version sent last, '' for a removal; absent: nothing was sent on this stream. */
  readonly sentVersion?: string;
  /** The version ACKed last, or that the node brought along; '' for a removal; absent: none. */
  readonly ackedVersion?: string;
  /** The wanted message, serialised. */
  readonly bytes?: Uint8Array;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  /** The NACK of the wanted version, or of its removal, while it stands. */
  readonly refusal?: { readonly version: string; readonly message: string; readonly atMs: number };
};

/** What the service is told about the nodes. Times are Unix milliseconds. */
export interface ClientStatusSource {
  /** Nodes now connected, in the order in which answers are to name them. Values: they may be kept. */
  nodes(): readonly ClientNode[];
  /** Asked when the answer comes to that node, so that no list of all resources of all nodes is made; [] when it has left. */
  resources(node: ClientNode): readonly ClientResource[];
}

const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';

/**
 * One resource as CSDS shows it: version and contents are the wanted ones, also when the node has refused them (that is
 * what `ConfigStatus.ERROR` says in csds.proto, and why `failed_configuration` stays empty). The contents of secrets
 * are never shown.
 */
export function resourceStatus(resource: ClientResource, options: { readonly contents: boolean }): ResourceStatus {
  const { typeUrl, name, wantedVersion, bytes, sentAtMs, ackedAtMs } = resource;
  const refused = standingRefusal(resource);
  const configStatus = configStatusOf(resource, refused);
  const shown = options.contents && !isSecret(typeUrl) ? bytes : undefined;
  const lastUpdatedMs = configStatus === 'SYNCED' ? (ackedAtMs ?? sentAtMs) : (sentAtMs ?? ackedAtMs);
  return {
    typeUrl,
    name,
    version: wantedVersion ?? '',
    configStatus,
    clientStatus: clientStatusOf(resource, refused),
    ...(shown === undefined ? {} : { bytes: shown }),
    ...(lastUpdatedMs === undefined ? {} : { lastUpdatedMs }),
    ...(refused === undefined
      ? {}
      : {
          errorState: { lastUpdateAttemptMs: refused.atMs, details: refused.message, version: refused.version },
        }),
  };
}

type Refused = ClientResource['refusal'];

/** History as soon as the node has what it should have. Times would not do: an ACK is of a response, not of a resource. */
function standingRefusal({
  refusal,
  wantedVersion,
  sentVersion = wantedVersion,
  ackedVersion,
}: ClientResource): Refused {
  const mended = ackedVersion === wantedVersion && sentVersion === wantedVersion;
  return mended ? undefined : refusal;
}

// envoy.service.status.v3.ConfigStatus
function configStatusOf(resource: ClientResource, refused: Refused): ResourceStatus['configStatus'] {
  const { wantedVersion = '', sentVersion, ackedVersion } = resource;
  if (ackedVersion === wantedVersion) {
    // What was sent last is what the node will have, unless it has refused it and keeps what it ACKed. Nothing is sent to
    // one that comes back and says that it has the wanted version.
    const last = sentVersion ?? wantedVersion;
    return last === wantedVersion || last === refused?.version ? 'SYNCED' : 'NOT_SENT';
  }
  if (refused?.version === wantedVersion) return 'ERROR';
  return sentVersion === wantedVersion ? 'STALE' : 'NOT_SENT';
}

// envoy.admin.v3.ClientResourceStatus
function clientStatusOf({ ackedVersion }: ClientResource, refused: Refused): ResourceStatus['clientStatus'] {
  if (refused !== undefined) return 'NACKED';
  if (ackedVersion === undefined) return 'REQUESTED';
  return ackedVersion === '' ? 'DOES_NOT_EXIST' : 'ACKED';
}

function isSecret(typeUrl: string): boolean {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1) === SECRET;
}
