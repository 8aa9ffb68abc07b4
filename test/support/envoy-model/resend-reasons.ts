import type { ModelRequest, Variant } from './messages.ts';

/**
 * How often unchanged content may still be sent, by type and name: the client asked for it again, its cluster changed, or
 * a response with it was refused. Counted, because a server that does a thing twice has a reason only once.
 */
export class ResendReasons {
  readonly #variant: Variant;
  readonly #left = new Map<string, number>();
  /** Names that this stream has asked for at some time. */
  #everAsked = new Set<string>();
  /** Types of which this stream has carried a request, with the names of the last one. */
  #asked = new Map<string, ReadonlySet<string>>();

  constructor(variant: Variant) {
    this.#variant = variant;
  }

  streamOpened(): void {
    this.#left.clear();
    this.#everAsked = new Set();
    this.#asked = new Map();
  }

  /** Nothing is under way: whatever was owed has come. */
  atRest(): void {
    this.#left.clear();
  }

  wasAsked(typeUrl: string): boolean {
    return this.#asked.has(typeUrl);
  }

  /** Takes note of a request; returns the names that it asks for anew. */
  requested(request: ModelRequest): readonly string[] {
    const { typeUrl } = request;
    const before = this.#asked.get(typeUrl);
    const anew = this.#variant === 'Delta' ? request.subscribe : request.names.filter((name) => !before?.has(name));
    for (const name of anew) {
      // Listed with its version in the first request of a stream: there is no need to send it (protocol: "Initial versions").
      if (request.initialVersions[name] !== undefined) continue;
      this.grant(typeUrl, name);
      // Dropped and asked for again: a response that was under way meanwhile is no fault of the server.
      if (this.#everAsked.has(key(typeUrl, name))) this.grant(typeUrl, name);
    }
    for (const name of anew) this.#everAsked.add(key(typeUrl, name));
    if (before === undefined && this.#variant === 'Sotw') this.grant(typeUrl, '*');
    this.#asked.set(typeUrl, new Set(request.names));
    return anew;
  }

  /** `*` stands for the whole response of a SotW wildcard type. */
  grant(typeUrl: string, name: string): void {
    const at = key(typeUrl, name);
    this.#left.set(at, (this.#left.get(at) ?? 0) + 1);
  }

  /** Uses one reason up, if there is one. */
  use(typeUrl: string, name: string): boolean {
    const at = key(typeUrl, name);
    const left = this.#left.get(at) ?? 0;
    if (left > 0) this.#left.set(at, left - 1);
    return left > 0;
  }
}

function key(typeUrl: string, name: string): string {
  return `${typeUrl} ${name}`;
}
