import type { ModelRequest, ModelResource, ModelResponse } from './messages.ts';

type Refused = {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly culprits: ReadonlySet<string>;
  /** Where the server cannot tell which was at fault: everything that stood in the response. */
  readonly suspects: ReadonlySet<string> | undefined;
  /** When the NACK was taken; undefined: not yet. */
  toldMs: number | undefined;
};

/**
 * What this client refused on this stream. A version whose refusal the server could attribute must not come again. Where
 * it could not (several resources, a text that names none), the server may look for the culprit, but only by sending
 * fewer of them at a time: the same group again is the same fault.
 */
export class RefusedVersions {
  #all: Refused[] = [];

  streamOpened(): void {
    this.#all = [];
  }

  refused({ typeUrl, nonce, resources }: ModelResponse, culprits: readonly string[], named: boolean): void {
    const bad = resources.filter(({ name, body }) => body !== undefined && culprits.includes(name));
    if (bad.length === 0) return;
    this.#all.push({
      typeUrl,
      nonce,
      culprits: new Set(bad.map(key)),
      suspects: named || resources.length === 1 ? undefined : new Set(resources.map(key)),
      toldMs: undefined,
    });
  }

  /** A request leaves. A SotW NACK that was held back may leave under the nonce of a later response: it tells nothing. */
  told({ typeUrl, nonce, errorMessage }: ModelRequest, nowMs: number): void {
    if (errorMessage === undefined) return;
    for (const one of this.#all) if (one.typeUrl === typeUrl && one.nonce === nonce) one.toldMs ??= nowMs;
  }

  /** Asked for again: it must be sent again. */
  askedAgain(typeUrl: string, name: string): void {
    this.#all = this.#all.filter(
      (one) => one.typeUrl !== typeUrl || ![...one.culprits].some((culprit) => culprit.startsWith(`${name} `)),
    );
  }

  /** Resources of the response that the server should have known better than to send at that time. */
  repeatedIn({ typeUrl, resources }: ModelResponse, sentMs: number): readonly ModelResource[] {
    const full = resources.filter(({ body }) => body !== undefined);
    const present = new Set(full.map(key));
    const known = this.#all.filter(
      (one) =>
        one.typeUrl === typeUrl &&
        one.toldMs !== undefined &&
        one.toldMs <= sentMs &&
        (one.suspects === undefined || [...one.suspects].every((suspect) => present.has(suspect))),
    );
    return full.filter((resource) => known.some(({ culprits }) => culprits.has(key(resource))));
  }
}

function key({ name, version }: ModelResource): string {
  return `${name} ${version}`;
}
