import type { JsonObject } from '../../base/codec/index.ts';
import type { ModelService, RequestMatch } from '../policy/index.ts';
import { modelMatch } from './body-model.ts';
import { compareText } from './group-services.ts';

/** What tells the requests of a service from others of its virtual host; `more` are headers beside its own. */
export function routeMatch({ match }: ModelService, more: readonly JsonObject[] = []): JsonObject {
  return { ...pathAndHeaders(match, more), ...modelMatch(match) };
}

/** The same but for the model: what is known before the body has come. */
export function pathAndHeaders(match: RequestMatch, more: readonly JsonObject[] = []): JsonObject {
  const headers = [...headerMatches(match), ...more];
  return {
    ...('path' in match ? { path: match.path } : { prefix: match.pathPrefix }),
    ...(headers.length === 0 ? {} : { headers }),
  };
}

function headerMatches({ headers = [] }: RequestMatch): readonly JsonObject[] {
  return headers.map(({ name, exact }) => ({ name, string_match: { exact } }));
}

/**
 * The most particular first, because Envoy takes the first route that matches: a whole path before a prefix, longer ones before
 * shorter ones (so far as the Gateway API orders rules, as with headers), more headers before fewer, models before none.
 */
export function byParticularity(a: ModelService, b: ModelService): number {
  return (
    Number('path' in b.match) - Number('path' in a.match) ||
    pathOf(b.match).length - pathOf(a.match).length ||
    (b.match.headers?.length ?? 0) - (a.match.headers?.length ?? 0) ||
    Number(b.match.models !== undefined) - Number(a.match.models !== undefined) ||
    compareText(a.name, b.name)
  );
}

/** Those of one path together, in the order in which they came. */
export function byPath(services: readonly ModelService[]): readonly (readonly ModelService[])[] {
  const groups = new Map<string, ModelService[]>();
  for (const service of services) {
    const key = `${'path' in service.match} ${pathOf(service.match)}`;
    const group = groups.get(key) ?? [];
    group.push(service);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Whether a request can have the headers of both. */
export function mayShareHeaders(a: RequestMatch, b: RequestMatch): boolean {
  const exact = new Map((b.headers ?? []).map((header) => [header.name, header.exact]));
  return (a.headers ?? []).every((header) => (exact.get(header.name) ?? header.exact) === header.exact);
}

function pathOf(match: RequestMatch): string {
  return 'path' in match ? match.path : match.pathPrefix;
}
