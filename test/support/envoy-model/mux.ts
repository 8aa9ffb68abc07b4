import type { ModelRequest, ModelResource, ModelResponse } from './messages.ts';

/** What the client would say it has of one name. */
export type Held = { readonly version: string; readonly content: string };

/** Where interest in resources is said; the requests that follow from it are the mux's concern. */
export interface Interest {
  /** One more watcher of the name, or of everything of the type. */
  watch(typeUrl: string, name?: string): void;
  /** One watcher less. */
  unwatch(typeUrl: string, name: string): void;
  /** Holds requests of the type back, ACKs included, until as many releases. */
  hold(typeUrl: string): void;
  release(typeUrl: string): void;
  /** Whether anybody still watches the name. */
  watches(typeUrl: string, name: string): boolean;
}

/** Those whom the mux gives what arrives. Each returns the text of a refusal, or undefined. */
export interface Watchers {
  /** The rule check (PGV), made before anything is applied. */
  check(typeUrl: string, resources: readonly ModelResource[]): string | undefined;
  update(typeUrl: string, resources: readonly ModelResource[], removed: readonly string[]): string | undefined;
  /** SotW, wildcard types: these and no others exist. */
  replace(typeUrl: string, resources: readonly ModelResource[]): string | undefined;
  /** A response of the type was refused: nobody may wait for it any longer. */
  refused(typeUrl: string): void;
}

/** The wire side of the client: subscriptions, versions, nonces. Holds no configuration. */
export interface Mux extends Interest {
  connect(): void;
  disconnect(): void;
  /** Returns the text of the NACK, if it became one, or 'Dropped' when the response got no answer at all. */
  receive(response: ModelResponse, nowMs: number): Reaction;
  take(): ModelRequest[];
  held(typeUrl: string): ReadonlyMap<string, Held>;
  /** Time of the next TTL that lapses. */
  nextLapseMs(): number | undefined;
  /** Lets the TTLs lapse that are due; returns the types that lost something. */
  lapse(nowMs: number): readonly string[];
}

export type Reaction =
  | { readonly kind: 'Acked' }
  | { readonly kind: 'Nacked'; readonly message: string }
  | { readonly kind: 'Dropped' };

/** Runs while requests of these types are held back, so that what comes of it is sent as one. */
export function paused<T>(interest: Interest, typeUrls: readonly string[], run: () => T): T {
  for (const typeUrl of typeUrls) interest.hold(typeUrl);
  const result = run();
  for (const typeUrl of typeUrls) interest.release(typeUrl);
  return result;
}

export function earliest(times: Iterable<number | undefined>): number | undefined {
  let first: number | undefined;
  for (const time of times) if (time !== undefined && (first === undefined || time < first)) first = time;
  return first;
}
