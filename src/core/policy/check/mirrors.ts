import type { Issue } from '../../../base/units/index.ts';
import { printable, select, valueAt } from '../text/path.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { strings, unknownNames } from './references.ts';

const AT = ['spec', 'mirror', 'toService'];

/** Copies go to one cluster, of another service, that each group with the service has. */
export function mirrorsIn({ document, kind, name }: Entry, catalogue: Catalogue): Issue[] {
  if (kind !== 'ModelService' || !catalogue.complete) return [];
  const to = valueAt(document.value, AT);
  const target = typeof to === 'string' ? catalogue.find('ModelService', to) : undefined;
  const others = catalogue.names('ModelService').filter((one) => one !== name);
  if (typeof to !== 'string' || target === undefined) {
    return unknownNames(document, AT, 'the name of a ModelService', others);
  }
  const got = document.written(AT);
  if (to === name)
    return [document.issue('POLICY_VALUE', AT, `expected another service, got ${got}, which is this one`)];
  const mode = valueAt(target.document.value, ['spec', 'split', 'mode']);
  if (mode === 'Fixed' && select(target.document.value, ['spec', 'pools', '*']).length > 1) {
    const message = `expected a service without a Fixed split, got ${got}, which is a cluster for each pool`;
    return [document.issue('POLICY_VALUE', AT, message, 'make the pool that is meant a service of its own')];
  }
  const group = catalogue.entries.find((entry) => {
    if (entry.kind !== 'SidecarGroup' || name === undefined) return false;
    const reached = strings(entry.document, ['spec', 'modelServices', '*']);
    return reached.includes(name) && !reached.includes(to);
  });
  if (group === undefined) return [];
  const message = `expected a service of every group that reaches ${name}, got ${got}, which ${printable(group.name ?? 'a group', 60)} does not reach`;
  return [document.issue('POLICY_REFERENCE', AT, message, `add ${printable(to, 60)} to modelServices of that group`)];
}
