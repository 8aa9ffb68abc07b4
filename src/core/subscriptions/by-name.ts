import type { Resource } from '../resources/index.ts';

/** In the order of their names, so that equal content is equal bytes. Views mostly have that order already. */
export function sortedByName(resources: Resource[]): readonly Resource[] {
  for (let at = 1; at < resources.length; at += 1) {
    if ((resources[at - 1] as Resource).name > (resources[at] as Resource).name) return resources.sort(byName);
  }
  return resources;
}

export function sortedNames(names: Iterable<string> | undefined): readonly string[] {
  return names === undefined ? NO_NAMES : [...names].sort();
}

const NO_NAMES: readonly string[] = [];

function byName(a: Resource, b: Resource): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
