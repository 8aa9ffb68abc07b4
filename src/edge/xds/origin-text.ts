import type { Resource } from '../../core/resources/index.ts';

/** `chat.yaml:12:3`, or undefined for a resource that no line of a policy asked for. */
export function originText({ origin }: Pick<Resource, 'origin'>): string | undefined {
  return origin === undefined ? undefined : `${origin.file}:${origin.line}:${origin.column}`;
}
