import type { Issue } from '../../../base/units/index.ts';
import { printable, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Catalogue, Entry } from './catalogue.ts';

/**
 * Two services of one group with an equal host name and an equal path prefix match the same requests, and Envoy would
 * give all of them to the first. (`*` beside `chat.example` is fine: Envoy takes the most specific host name.)
 */
export function collisionsIn(entry: Entry, catalogue: Catalogue): Issue[] {
  if (entry.kind !== 'SidecarGroup') return [];
  const issues: Issue[] = [];
  const owners = new Map<string, string>();
  const looked = new Set<string>();
  for (const { path, value } of select(entry.document.value, ['spec', 'modelServices', '*'])) {
    const service = typeof value === 'string' ? catalogue.find('ModelService', value) : undefined;
    if (service?.name === undefined || looked.has(service.name)) continue;
    looked.add(service.name);
    const collision = firstCollision(service.document, service.name, owners);
    if (collision === undefined) continue;
    const { owner, host, prefix } = collision;
    const message = `expected services that match different requests, got ${service.name}, which matches host "${host}" with prefix ${prefix} as ${owner} does`;
    issues.push(
      entry.document.issue('POLICY_VALUE', path, message, 'give one of them another hostnames or match.pathPrefix'),
    );
  }
  return issues;
}

type Collision = { readonly owner: string; readonly host: string; readonly prefix: string };

function firstCollision(document: PolicyDocument, name: string, owners: Map<string, string>): Collision | undefined {
  const given = valueAt(document.value, ['spec', 'match', 'pathPrefix']);
  const prefix = typeof given === 'string' ? given : '/';
  let collision: Collision | undefined;
  for (const { value: host } of select(document.value, ['spec', 'hostnames', '*'])) {
    if (typeof host !== 'string') continue;
    const key = JSON.stringify([host, prefix]);
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, name);
    else if (owner !== name) collision ??= { owner, host: printable(host, 60), prefix: printable(prefix, 60) };
  }
  return collision;
}
