import { AssignmentEncoder, encodedResourceFromBytes } from '../../src/base/codec/index.ts';
import type { Random } from '../../src/base/units/index.ts';
import { type Resource, TYPE_URL } from '../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../src/core/snapshot/index.ts';
import { cluster, listener, routes } from '../xds/world.ts';

/** Clusters that may exist, by number; how many do wanders around the half. The routes point to the first. */
export const MOST_CLUSTERS = 40;
const ENDPOINTS = 50;
const RELEASES = { group: 'lab', release: '1.40', listenerOverrides: {} };

/** What the server of the soak serves: it changes for ever and does not grow. */
export class SoakWorld {
  snapshot: Snapshot;
  readonly #random: Random;
  readonly #encoder = new AssignmentEncoder();
  readonly #fixed: readonly Resource[] = [listener(), routes()];
  /** By name: the cluster, then its assignment. */
  readonly #clusters = new Map<string, readonly [Resource, Resource]>();

  constructor(random: Random) {
    this.#random = random;
    for (let index = 0; index < MOST_CLUSTERS / 2; index += 1) this.#put(index);
    this.snapshot = this.#make(undefined);
  }

  /** Mostly weights; now and then a cluster changes, comes or goes. */
  edit(): void {
    const index = Math.floor(this.#random() * MOST_CLUSTERS);
    const name = `c-${index}`;
    const draw = this.#random();
    const known = this.#clusters.get(name);
    if (draw < 0.1 && index !== 0 && known !== undefined) this.#clusters.delete(name);
    else if (draw < 0.1 || (draw < 0.15 && known !== undefined)) this.#put(index);
    else {
      const [first] = known ?? this.#clusters.get('c-0') ?? [];
      if (first !== undefined) this.#clusters.set(first.name, [first, this.#assignment(first.name)]);
    }
    this.snapshot = this.#make(this.snapshot);
  }

  #put(index: number): void {
    const name = `c-${index}`;
    const seconds = 1 + Math.floor(this.#random() * 5);
    this.#clusters.set(name, [cluster(name, `${seconds}s`), this.#assignment(name)]);
  }

  #make(before: Snapshot | undefined): Snapshot {
    return makeSnapshot(RELEASES, [...this.#fixed, ...[...this.#clusters.values()].flat()], before);
  }

  #assignment(name: string): Resource {
    const endpoints = Array.from({ length: ENDPOINTS }, (_, at) => ({
      address: `10.0.${Math.floor(at / 250)}.${1 + (at % 250)}`,
      port: 8000,
      weight: 1 + Math.floor(this.#random() * 128),
      health: 'HEALTHY' as const,
    }));
    const bytes = this.#encoder.encode({
      clusterName: name,
      localities: [{ zone: '', priority: 0, endpoints }],
      weightedPriorityHealth: true,
    });
    return { ...encodedResourceFromBytes({ typeUrl: TYPE_URL.endpoint, name, bytes }), needs: [] };
  }
}
