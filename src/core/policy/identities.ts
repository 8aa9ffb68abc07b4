import type { Policy } from './policy.ts';

/** Who may join which group, read off a policy once. */
export class Identities {
  readonly #exact = new Map<string, string[]>();
  /** `spiffe://mesh.example/ns/chat/sa/` of `spiffe://mesh.example/ns/chat/sa/*`. */
  readonly #below: { readonly prefix: string; readonly group: string }[] = [];

  constructor({ groups }: Pick<Policy, 'groups'>) {
    for (const { name, identities } of groups) {
      for (const pattern of identities) {
        if (pattern.endsWith('/*')) this.#below.push({ prefix: pattern.slice(0, -1), group: name });
        else this.#exact.set(pattern, [...(this.#exact.get(pattern) ?? []), name]);
      }
    }
  }

  /** Names of the groups that a SPIFFE ID may join, sorted, each once. */
  groupsOf(spiffeId: string): readonly string[] {
    const found = new Set(this.#exact.get(spiffeId));
    for (const { prefix, group } of this.#below) {
      if (spiffeId.length > prefix.length && spiffeId.startsWith(prefix)) found.add(group);
    }
    return [...found].sort();
  }
}
