import type { Resource } from '../../core/resources/index.ts';

/** Which policy text asks for a resource: `chat.yaml:12:3`, and the revision that has it there. */
export type PolicyPlace = { readonly origin?: string; readonly revision?: string };

/** Nothing for a resource that no line of a policy asked for. */
export function policyPlace(resource: Pick<Resource, 'origin'> | undefined): PolicyPlace {
  if (resource?.origin === undefined) return {};
  const { file, line, column, revision } = resource.origin;
  return { origin: `${file}:${line}:${column}`, ...(revision === undefined ? {} : { revision }) };
}
