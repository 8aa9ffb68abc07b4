import type { Issue } from '../../../base/units/index.ts';
import { MAX_ISSUES } from '../issue/text-order.ts';
import { printable, select, valueAt } from '../text/path.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { strings } from './references.ts';

/** A class with `shed: Never` is what the ladder sheds others for: no action of a service that its requests reach may shed it. */
export function protectedClassesIn({ document, kind, name }: Entry, catalogue: Catalogue): Issue[] {
  if (kind !== 'ModelService' || name === undefined) return [];
  const actions = select(document.value, ['spec', 'overload', 'actions', '*', 'shed', 'class']);
  if (actions.length === 0) return [];
  const owners = protectors(name, catalogue);
  return actions
    .flatMap(({ path, value }) => {
      const owner = typeof value === 'string' ? owners.get(value) : undefined;
      if (owner === undefined) return [];
      const message = `expected a class that may be shed, got ${document.written(path)}, which has shed: Never in TrafficClasses ${printable(owner, 60)}`;
      return [document.issue('POLICY_VALUE', path, message)];
    })
    .slice(0, MAX_ISSUES + 1);
}

/** By class: the TrafficClasses that protects it, of those whose groups reach the service. */
function protectors(service: string, catalogue: Catalogue): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const group of catalogue.entries) {
    if (group.kind !== 'SidecarGroup') continue;
    if (!strings(group.document, ['spec', 'modelServices', '*']).includes(service)) continue;
    const use = valueAt(group.document.value, ['spec', 'trafficClasses', 'use']);
    const classes = typeof use === 'string' ? catalogue.find('TrafficClasses', use) : undefined;
    for (const { value } of classes === undefined ? [] : select(classes.document.value, ['spec', 'classes', '*'])) {
      const { name, shed } = (value ?? {}) as { readonly name?: unknown; readonly shed?: unknown };
      if (shed === 'Never' && typeof name === 'string' && !owners.has(name)) owners.set(name, use as string);
    }
  }
  return owners;
}
