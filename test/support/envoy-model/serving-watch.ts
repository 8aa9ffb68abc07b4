import type { Cluster } from './cluster-table.ts';
import type { Configuration } from './configuration.ts';

/**
 * Looks at what a request would meet right now: `NC`, a route to a cluster that is not there (Envoy's response flag of
 * that name), and `UH`, a route to a cluster without endpoints that has no reason to be empty. A fault is reported when
 * it begins, not at every look.
 */
export class ServingWatch {
  #ongoing: ReadonlySet<string> = new Set();

  /** The faults that were not there at the last look. */
  look(configuration: Configuration): readonly string[] {
    const faults = new Set(faultsOf(configuration));
    const begun = [...faults].filter((fault) => !this.#ongoing.has(fault));
    this.#ongoing = faults;
    return begun;
  }
}

function faultsOf({ listeners, routes, clusters }: Configuration): readonly string[] {
  const faults: string[] = [];
  for (const listener of listeners.live.values()) {
    const route = listener.body.route;
    for (const name of (route === undefined ? undefined : routes.get(route)) ?? []) {
      const where = `listener ${listener.name}, route ${route}`;
      const cluster = clusters.active.get(name);
      if (cluster === undefined) faults.push(`NC: ${where}: no cluster ${name}`);
      else if (isEmptyWithoutReason(cluster, clusters.assigned(cluster.eds ?? '') ?? 0)) {
        // The client's own refusal made it go on without; a server can only repair that.
        const code = cluster.unfilled === 'Refused' ? 'UH by refusal' : 'UH';
        faults.push(`${code}: ${where}: cluster ${name} is live without endpoints (${cluster.unfilled})`);
      }
    }
  }
  return faults;
}

/** An assignment that says "no endpoints" is a reason; one that never came is none. */
function isEmptyWithoutReason({ endpoints, unfilled }: Cluster, assigned: number): boolean {
  return endpoints === 0 && (unfilled === 'TimedOut' || assigned > 0);
}
