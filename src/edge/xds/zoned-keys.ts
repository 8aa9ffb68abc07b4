import { snapshotKeyText } from '../../core/snapshot/index.ts';
import type { Peer } from './node-identity.ts';

/** Which snapshot, and the text that stands for it. */
export type Keyed = Pick<Peer, 'key' | 'keyText'>;

/**
 * The keys of nodes with their zones. A peer keeps the key that it came with, because whether its zone matters changes with the
 * policy; each is made once, since all streams are asked for theirs at every publication.
 */
export class ZonedKeys {
  readonly #made = new WeakMap<Keyed, Keyed>();

  zoned(keyed: Keyed, zone: string): Keyed {
    const known = this.#made.get(keyed);
    if (known?.key.zone === zone) return known;
    const key = { ...keyed.key, zone };
    const made = { key, keyText: snapshotKeyText(key) };
    this.#made.set(keyed, made);
    return made;
  }
}
