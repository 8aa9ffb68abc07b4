import type { Resource } from '../resources/index.ts';

/** As many of them as fit into one response; the first in any case. */
export function firstWithin(resources: readonly Resource[], maxBytes: number): readonly Resource[] {
  let bytes = 0;
  for (let at = 0; at < resources.length; at += 1) {
    bytes += (resources[at] as Resource).delta.length;
    if (bytes > maxBytes && at > 0) return resources.slice(0, at);
  }
  return resources;
}
