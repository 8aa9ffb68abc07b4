import { messageToRedactedJson } from '../base/codec/index.ts';
import type { Result } from '../base/units/index.ts';
import { type Resource, TYPE_SHORT } from '../core/resources/index.ts';
import { releaseBand } from '../core/snapshot/index.ts';
import {
  notConnected,
  type SnapshotHead,
  type SnapshotResource,
  type SnapshotTarget,
  type SnapshotView,
  XDS_TYPES,
} from '../edge/observe/index.ts';
import { inOrder, policyPlace, type XdsServer } from '../edge/xds/index.ts';
import type { ControlLoop } from './control-loop.ts';

export type SnapshotSources = {
  readonly loop: Pick<ControlLoop, 'plan' | 'groups' | 'preview'>;
  readonly xds: Pick<XdsServer, 'resourcesOf' | 'nodeIds'>;
  readonly now: () => number;
};

type Found = Omit<SnapshotHead, 'policyRevision' | 'nowMs'> & { readonly resources: readonly Resource[] };

/** Enough to find a misspelt name in, short enough for an error message. */
const NAMES_SHOWN = 20;
/** Any release above those that are known counts as the newest of them. */
const NEWEST = '999.0';

/**
 * @returns the resources of a sidecar or a group, each decoded when it is come to; or one issue: `Invalid` for a question without
 * sense, `NotFound`, with some names that there are, for what there is not.
 */
export function snapshotView(
  { loop, xds, now }: SnapshotSources,
  target: SnapshotTarget,
): Result<SnapshotView<Iterable<SnapshotResource>>> {
  const { type, names } = target;
  if (type !== undefined && !XDS_TYPES.includes(type))
    return refused('Invalid', `no type ${JSON.stringify(type)}; there are: ${XDS_TYPES.join(', ')}`);
  const found = target.node === undefined ? groupsResources(loop, target) : nodesResources(xds, target);
  if (!found.ok) return found;
  const { resources, ...head } = found.value;
  const ofType = resources.filter(({ typeUrl }) => type === undefined || TYPE_SHORT[typeUrl] === type);
  const known = new Set(ofType.map(({ name }) => name));
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined)
    return refused('NotFound', `no ${type ?? 'resource'} ${quoted(missing)}; ${listed(known)}`);
  const wanted = names.length === 0 ? ofType : ofType.filter(({ name }) => names.includes(name));
  return {
    ok: true,
    warnings: [],
    value: { ...head, policyRevision: loop.plan?.policyRevision ?? '', nowMs: now(), resources: told(wanted) },
  };
}

function nodesResources(
  xds: SnapshotSources['xds'],
  { node = '', group, envoyVersion }: SnapshotTarget,
): Result<Found> {
  if (group !== undefined || envoyVersion !== undefined)
    return refused('Invalid', 'name a sidecar or a group: of a sidecar group and Envoy are known');
  const found = xds.resourcesOf(node);
  if (found === undefined) return refused('NotFound', notConnected(node, xds.nodeIds()));
  const { id, ...rest } = found;
  return { ok: true, warnings: [], value: { node: id, ...rest } };
}

function groupsResources(
  loop: SnapshotSources['loop'],
  { group, envoyVersion = NEWEST }: SnapshotTarget,
): Result<Found> {
  if (group === undefined) return refused('Invalid', 'name a sidecar or a group');
  if (!/^\d+\.\d+(\.\d+)?$/.test(envoyVersion))
    return refused('Invalid', `expected a release of Envoy such as 1.38, not ${quoted(envoyVersion)}`);
  const release = releaseBand(envoyVersion);
  const snapshot = loop.preview({ group, release, listenerOverrides: {} });
  if (snapshot === undefined)
    return refused('NotFound', `no group ${quoted(group)}; ${listed(new Set(loop.groups()))}`);
  const resources = inOrder([...snapshot.types.values()].flatMap((view) => [...view.values()]));
  return { ok: true, warnings: [], value: { node: '', group, envoyVersion: release, track: 'Stable', resources } };
}

function* told(resources: readonly Resource[]): Iterable<SnapshotResource> {
  for (const resource of resources) {
    const { typeUrl, name, version, ttlMs, bytes } = resource;
    yield {
      type: TYPE_SHORT[typeUrl] ?? typeUrl,
      name,
      version,
      ...policyPlace(resource),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      content: messageToRedactedJson(typeUrl, bytes),
    };
  }
}

function listed(names: ReadonlySet<string>): string {
  if (names.size === 0) return 'there is none';
  const more = names.size - NAMES_SHOWN;
  return `there are: ${[...names].slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function refused(
  code: string,
  message: string,
): { readonly ok: false; readonly issues: Extract<Result<never>, { ok: false }>['issues'] } {
  return { ok: false, issues: [{ code, path: '', message }] };
}
