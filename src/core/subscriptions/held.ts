import type { Resource } from '../resources/index.ts';

/** What a client has under a name: the resource where we know it, else only the version that it named after a reconnect. */
export type Held = Resource | string;

export function versionOf(held: Held | undefined): string | undefined {
  return typeof held === 'object' ? held.version : held;
}

export function resourceOf(held: Held | undefined): Resource | undefined {
  return typeof held === 'object' ? held : undefined;
}
