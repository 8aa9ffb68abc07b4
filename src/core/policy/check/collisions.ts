import type { Issue } from '../../../base/units/index.ts';
import { printable, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { strings } from './references.ts';

/**
 * Two services of one group that match the same requests, and neither more particularly than the other: Envoy would give all of
 * them to the first. (`*` beside `chat.example` is fine: Envoy takes the most specific host name. So are a longer prefix, more
 * headers, or names of models beside none: those are tried first.)
 */
export function collisionsIn(entry: Entry, catalogue: Catalogue): Issue[] {
  if (entry.kind !== 'SidecarGroup') return [];
  const issues: Issue[] = [];
  const claims = new Map<string, Claim[]>();
  const looked = new Set<string>();
  for (const { path, value } of select(entry.document.value, ['spec', 'modelServices', '*'])) {
    const service = typeof value === 'string' ? catalogue.find('ModelService', value) : undefined;
    if (service?.name === undefined || looked.has(service.name)) continue;
    looked.add(service.name);
    const collision = firstCollision(service.document, service.name, claims);
    if (collision === undefined) continue;
    const message = `expected services that match different requests, got ${service.name}, which matches ${collision.requests} as ${collision.owner} does`;
    const hint = 'give one of them other hostnames, or a match that the other has not';
    issues.push(entry.document.issue('POLICY_VALUE', path, message, hint));
  }
  return issues;
}

type Claim = { readonly owner: string; readonly headers: ReadonlyMap<string, string> };
type Collision = { readonly owner: string; readonly requests: string };

function firstCollision(document: PolicyDocument, name: string, claims: Map<string, Claim[]>): Collision | undefined {
  const [kind, path] = pathOf(document);
  const headers = headersOf(document);
  const models = strings(document, ['spec', 'match', 'models', '*']);
  let collision: Collision | undefined;
  for (const host of strings(document, ['spec', 'hostnames', '*'])) {
    for (const model of models.length === 0 ? [undefined] : models) {
      const key = JSON.stringify([host, kind, path, headers.size, model ?? null]);
      const others = claims.get(key) ?? [];
      const other = others.find((one) => one.owner !== name && mayBothBe(one.headers, headers));
      if (other !== undefined) {
        const of = [`host "${printable(host, 60)}" with ${kind} ${printable(path, 60)}`];
        if (model !== undefined) of.push(`model ${printable(model, 60)}`);
        if (headers.size > 0) of.push(`as many headers (${printable([...headers.keys()].join(', '), 60)})`);
        collision ??= { owner: other.owner, requests: of.join(', ') };
      }
      others.push({ owner: name, headers });
      claims.set(key, others);
    }
  }
  return collision;
}

function pathOf(document: PolicyDocument): readonly ['path' | 'prefix', string] {
  const exact = valueAt(document.value, ['spec', 'match', 'path']);
  if (typeof exact === 'string') return ['path', exact];
  const prefix = valueAt(document.value, ['spec', 'match', 'pathPrefix']);
  return ['prefix', typeof prefix === 'string' ? prefix : '/'];
}

function headersOf(document: PolicyDocument): ReadonlyMap<string, string> {
  return new Map(
    select(document.value, ['spec', 'match', 'headers', '*']).flatMap(({ value }) => {
      const [name, exact] = [valueAt(value, ['name']), valueAt(value, ['exact'])];
      return typeof name === 'string' && typeof exact === 'string' ? [[name, exact] as const] : [];
    }),
  );
}

/** Whether a request can have all headers of both. */
function mayBothBe(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return [...a].every(([name, exact]) => (b.get(name) ?? exact) === exact);
}
