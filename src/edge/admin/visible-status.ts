import type { NodeView, ServerView } from '../observe/index.ts';
import type { Permit } from './gate.ts';

const WITHHELD = 'its words are about model services that you may not view';

/**
 * The status as far as its reader may see it: her services, their sources, and the sidecars that serve one of them. What
 * belongs to the server as a whole (files, problems of the policy, certificates) is for who may view everything.
 */
export function visibleStatus(view: ServerView, permit: Permit): ServerView {
  if (permit.everywhere) return view;
  return {
    version: view.version,
    startedAtMs: view.startedAtMs,
    nowMs: view.nowMs,
    revision: view.revision,
    tick: view.tick,
    policy: { ...view.policy, files: [], problems: [], warnings: [] },
    services: view.services.filter(({ name }) => permit.mayFor(name)),
    nodes: view.nodes.flatMap((node) => visibleNode(node, permit)),
    operations: view.operations.filter(({ service }) => permit.mayFor(service)),
    tls: null,
    sources: view.sources.filter(({ service }) => permit.mayFor(service)),
  };
}

/** Resources of several services travel together, and so do Envoy's words about them. */
function visibleNode(node: NodeView, permit: Permit): readonly NodeView[] {
  const services = permit.servicesOfGroup(node.group);
  if (!services.some((service) => permit.mayFor(service))) return [];
  if (services.every((service) => permit.mayFor(service))) return [node];
  const types = node.types.map(({ message, origin: _origin, revision: _revision, ...type }) => ({
    ...type,
    ...(message === undefined ? {} : { message: WITHHELD }),
  }));
  return [{ ...node, types }];
}

/** Services and pools by their names. */
export function withoutEndpoints(view: ServerView): ServerView {
  const services = view.services.map((service) => ({
    ...service,
    pools: service.pools.map((pool) => ({ ...pool, endpoints: [] })),
  }));
  return { ...view, services };
}
