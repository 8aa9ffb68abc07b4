import { TYPE_SHORT } from '../../core/resources/index.ts';
import type { CanaryStanding } from '../../core/rollout/index.ts';
import { type Snapshot, viewOf } from '../../core/snapshot/index.ts';
import type { DiscoveryStream } from './discovery-stream.ts';
import type { Peer } from './node-identity.ts';
import { policyPlace } from './policy-place.ts';

export type { CanaryStanding } from '../../core/rollout/index.ts';

/**
 * How nodes stand with the change that they try. What everybody else has too is no fault of the change: a resource that is
 * refused in the very version of the stable track was refused before.
 */
export function canaryStandings(
  streams: Iterable<DiscoveryStream>,
  nodeIds: ReadonlySet<string>,
  stableOf: (peer: Peer) => Snapshot | undefined,
): ReadonlyMap<string, CanaryStanding> {
  const standings = new Map<string, CanaryStanding>();
  for (const stream of streams) {
    const { peer } = stream;
    if (peer === undefined || !nodeIds.has(peer.nodeId)) continue;
    const before = standings.get(peer.nodeId);
    const standing = standingOf(stream, stableOf(peer));
    // The streams by type of one Envoy are one node: the worst counts.
    if (before === undefined || RANK[standing.kind] > RANK[before.kind]) standings.set(peer.nodeId, standing);
  }
  return standings;
}

const RANK: Readonly<Record<CanaryStanding['kind'], number>> = { Absent: 0, Synced: 1, Waiting: 2, Refused: 3 };

function standingOf(stream: DiscoveryStream, stable: Snapshot | undefined): CanaryStanding {
  const { snapshot } = stream;
  if (snapshot?.key.track !== 'Canary') return { kind: 'Waiting', about: 'it is still to be published to' };
  for (const { typeUrl, name, version, message } of stream.refusals()) {
    const wanted = viewOf(snapshot, typeUrl).get(name);
    if (wanted?.version !== version) continue;
    if (stable !== undefined && viewOf(stable, typeUrl).get(name)?.version === version) continue;
    const { origin } = policyPlace(wanted);
    const place = origin === undefined ? {} : { origin };
    return { kind: 'Refused', type: TYPE_SHORT[typeUrl] ?? typeUrl, resource: name, message, ...place };
  }
  const waiting = stream.status()?.types.find(({ status }) => status === 'STALE');
  if (waiting === undefined) return { kind: 'Synced' };
  return { kind: 'Waiting', about: `${waiting.type} is not taken yet${waiting.message ? `: ${waiting.message}` : ''}` };
}
