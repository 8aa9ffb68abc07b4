import { type EndpointId, hostPort, type SourceHealth } from '../../../../core/topology/index.ts';
import type { Place } from './places.ts';

type Entry = {
  readonly place: Place;
  readonly sinceMs: number;
  heardAtMs: number | undefined;
  /** What fell silent, by device ('' is the engine). */
  readonly silent: Map<string, { readonly words: string; readonly atMs: number }>;
};

/** A device that stays away for so long while its server goes on was taken out. */
const KEEP_MS = 600_000;

/** Who was heard about each endpoint, and what has fallen silent: the health that `status` and the log show. */
export class SilenceBook {
  #entries = new Map<EndpointId, Entry>();

  configure(places: readonly Place[], nowMs: number): void {
    this.#entries = new Map(
      places.map((place): [EndpointId, Entry] => {
        const known = this.#entries.get(place.endpoint.id);
        const fresh = { sinceMs: nowMs, heardAtMs: undefined, silent: new Map() };
        return [place.endpoint.id, { ...(known ?? fresh), place }];
      }),
    );
  }

  heard(endpoint: EndpointId, gpu: string, nowMs: number): void {
    const entry = this.#entries.get(endpoint);
    if (entry === undefined) return;
    entry.heardAtMs = nowMs;
    entry.silent.delete(gpu);
  }

  /** Returns the words that it was given, about what it is. */
  silent(endpoint: EndpointId, gpu: string, said: string, nowMs: number): string {
    const words = gpu === '' ? said : `${gpu}: ${said}`;
    this.#entries.get(endpoint)?.silent.set(gpu, { words, atMs: nowMs });
    return words;
  }

  /** `problems` of the agents that speak, by endpoint. An endpoint has as long as its lease until it is missed. */
  health(problems: ReadonlyMap<EndpointId, string>, nowMs: number): readonly SourceHealth[] {
    return [...this.#entries.values()].map(({ place, sinceMs, heardAtMs, silent }) => {
      const { endpoint, leaseMs } = place;
      const missed = heardAtMs === undefined && nowMs - sinceMs > leaseMs ? 'no agent speaks for it' : undefined;
      const first = [...silent.values()].find(({ atMs }) => (heardAtMs ?? 0) - atMs < KEEP_MS);
      const lastError = first?.words ?? missed ?? problems.get(endpoint.id);
      return {
        source: `push ${hostPort(endpoint.address, endpoint.port)}`,
        service: endpoint.service,
        pool: endpoint.pool,
        lastSuccessMs: heardAtMs,
        consecutiveFailures: lastError === undefined ? 0 : 1,
        lastError,
      };
    });
  }
}
