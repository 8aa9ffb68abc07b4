import type { Node } from '../../base/codec/index.ts';
import type { ClientCertificate } from '../tls/index.ts';
import { NodeClaims } from './node-claims.ts';
import { type Peer, peerOf } from './node-identity.ts';
import type { SnapshotProvider } from './seams.ts';
import { STATUS } from './transport/rpc.ts';

/** Whether a node may come in, and as whom. The message is for the node's operator; it tells nothing of other nodes. */
export type Standing =
  | { readonly ok: true; readonly peer: Peer }
  | { readonly ok: false; readonly status: number; readonly message: string };

export type GateKeeperOptions = {
  readonly snapshots: Pick<SnapshotProvider, 'groups' | 'groupsOf'>;
  /** With mutual TLS the certificate decides; in plaintext (loopback alone) the node's own word. */
  readonly mutualTls: boolean;
};

/**
 * Decides which group a node is in (design law 8): what a sidecar may receive follows from its authenticated identity,
 * and `node.cluster` only chooses where the identity may join several groups.
 */
export class GateKeeper {
  /** Taken when a stream is let in, and given back when it is over. */
  readonly claims: NodeClaims = new NodeClaims();
  readonly #options: GateKeeperOptions;

  constructor(options: GateKeeperOptions) {
    this.#options = options;
  }

  /** `endpointsOnly`: its clusters are someone else's, and so `node.cluster` may be too. */
  standing(node: Node, client: ClientCertificate | undefined, endpointsOnly: boolean): Standing {
    return this.#options.mutualTls ? this.#certified(node, client, endpointsOnly) : this.#claimed(node, endpointsOnly);
  }

  /** Why a node that was let in must go, since the policy has changed. */
  expelled({ identity, group }: Peer): string | undefined {
    if (!this.#options.mutualTls || identity === undefined) return undefined;
    const { snapshots } = this.#options;
    return snapshots.groupsOf(identity).includes(group) ? undefined : notAllowed(identity, group);
  }

  #claimed(node: Node, endpointsOnly: boolean): Standing {
    const groups = this.#options.snapshots.groups();
    if (groups.includes(node.cluster)) return letIn(node, node.cluster, endpointsOnly, undefined);
    if (endpointsOnly) return letIn(node, '', endpointsOnly, undefined);
    const known = groups.length === 0 ? 'none is loaded yet' : groups.join(', ');
    return {
      ok: false,
      status: STATUS.NOT_FOUND,
      message: `no SidecarGroup named '${node.cluster}' (node.cluster); known: ${known}`,
    };
  }

  #certified(node: Node, client: ClientCertificate | undefined, endpointsOnly: boolean): Standing {
    const identity = client?.spiffeId;
    if (identity === undefined)
      return denied('the client certificate has no SPIFFE ID: exactly one URI name spiffe://…');
    const { snapshots } = this.#options;
    const own = snapshots.groupsOf(identity);
    if (own.length === 0) return denied(`no SidecarGroup has ${identity} among its identities`);
    const strangers = endpointsOnly && !snapshots.groups().includes(node.cluster);
    const [only] = own;
    const group = own.includes(node.cluster)
      ? node.cluster
      : (node.cluster === '' || strangers) && own.length === 1
        ? only
        : undefined;
    if (group !== undefined) return this.#unclaimed(node, identity, letIn(node, group, endpointsOnly, identity));
    if (node.cluster === '')
      return denied(`${identity} may join ${own.join(', ')}: node.cluster must name one of them`);
    return denied(notAllowed(identity, node.cluster));
  }

  /** Ids are free within a group, but nobody takes over that of a live node of somebody else. */
  #unclaimed(node: Node, identity: string, standing: Standing): Standing {
    if (this.claims.isFree(node.id, identity)) return standing;
    return denied(`node.id '${node.id}' is in use by another identity than ${identity}`);
  }
}

function letIn(node: Node, group: string, endpointsOnly: boolean, identity: string | undefined): Standing {
  return { ok: true, peer: peerOf(node, group, { endpointsOnly, identity }) };
}

function notAllowed(identity: string, group: string): string {
  return `${identity} may not join '${group}' (node.cluster): it is not among the identities of that SidecarGroup`;
}

function denied(message: string): Standing {
  return { ok: false, status: STATUS.PERMISSION_DENIED, message };
}
