import type { ModelService, Policy, SidecarGroup } from '../policy/index.ts';

/** The services that a group may reach, sorted by name, each once. Names that the policy does not have are its check's matter. */
export function servicesOf(policy: Policy, group: SidecarGroup): readonly ModelService[] {
  const wanted = new Set(group.modelServices);
  return policy.services.filter(({ name }) => wanted.has(name)).sort((a, b) => compareText(a.name, b.name));
}

/** Order of code units: the same on every machine, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
