import { z } from 'zod';
import { encodedResourceFromBytes } from '../base/codec/index.ts';
import { contentHash } from '../base/units/index.ts';
import type { KeptStructure } from '../core/control/index.ts';
import type { Resource } from '../core/resources/index.ts';
import { type SnapshotKey, snapshotKeyText } from '../core/snapshot/index.ts';
import type { Log } from '../edge/observe/index.ts';
import { KeptFile, type PolicyText } from '../edge/store/index.ts';

type StoredResource = Pick<Resource, 'typeUrl' | 'name' | 'ttlMs' | 'needs' | 'origin'> & {
  /** base64 */
  readonly bytes: string;
};
type Stored = {
  /** Which policy they were compiled from. */
  readonly texts: string;
  readonly structures: readonly {
    readonly key: SnapshotKey;
    readonly sidecars: number;
    readonly resources: readonly StoredResource[];
  }[];
};

const word = z.string();
const place = z.looseObject({ file: word, line: z.number(), column: z.number() });
const resource = z.looseObject({
  typeUrl: word.regex(/^type\.googleapis\.com\/envoy\./),
  name: word,
  bytes: z.base64(),
  ttlMs: z.number().nonnegative().optional(),
  needs: z.array(z.looseObject({ typeUrl: word, name: word })),
  origin: place.optional(),
});
const key = z.looseObject({ group: word, release: word.regex(/^\d+\.\d+$/), listenerOverrides: z.record(word, word) });
/** A checksum says that it is whole, not that this build has written it. */
const STORED = z.object({
  texts: word,
  structures: z.array(z.looseObject({ key, sidecars: z.number().int().nonnegative(), resources: z.array(resource) })),
});

const FILE = 'structures';
/** Groups, release bands and listener overrides that are remembered; one more is compiled anew after a restart. */
const MAX_STRUCTURES = 256;

/** No sidecar of its kind was there for so long: one that comes is given what is compiled then, as a new one is. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/**
 * Remembers over a restart which bytes Envoys have: a release that compiles the same policy to others must be tried on canaries
 * as a change of policy is, and all others keep what they have.
 */
export class KeptStructures {
  readonly #file: KeptFile;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #kept = new Map<string, KeptStructure>();
  /** When each was in force last, in this process. */
  readonly #seenAtMs = new Map<string, number>();
  #texts = '';
  #saving = false;
  #due = false;

  constructor(folder: string, log: Log, now: () => number) {
    this.#file = new KeptFile(folder, FILE);
    this.#log = log;
    this.#now = now;
  }

  /** What was kept of exactly this policy; empty where there is nothing. */
  async load(files: readonly PolicyText[]): Promise<readonly KeptStructure[]> {
    const { content, warnings } = await this.#file.load();
    for (const warning of warnings) this.#log.warn({ detail: warning.message }, 'kept structures not usable');
    if (content === undefined) return [];
    const read = STORED.safeParse(content);
    if (!read.success) {
      const [first] = read.error.issues;
      const detail = `${first?.path.join('.')}: ${first?.message}; ${await this.#file.setAside()}`;
      this.#log.error({ detail }, 'kept structures not usable');
      return [];
    }
    const stored = content as Stored;
    if (stored.texts !== hashOf(files)) return [];
    this.#texts = stored.texts;
    const structures = stored.structures.map(({ resources, ...rest }) => ({
      ...rest,
      resources: resources.map(decode),
    }));
    for (const one of structures) {
      this.#kept.set(snapshotKeyText(one.key), one);
      this.#seenAtMs.set(snapshotKeyText(one.key), this.#now());
    }
    return structures;
  }

  /** Takes in what is in force now, and forgets what was not for an hour. Nothing is written while it is the same. */
  offer(files: readonly PolicyText[], structures: readonly KeptStructure[]): void {
    const texts = hashOf(files);
    const nowMs = this.#now();
    let changed = false;
    for (const one of structures) {
      const text = snapshotKeyText(one.key);
      this.#seenAtMs.set(text, nowMs);
      const before = this.#texts === texts ? this.#kept.get(text) : undefined;
      if (before?.resources === one.resources) continue;
      if (this.#texts !== texts) this.#kept.clear();
      this.#texts = texts;
      if (this.#kept.size >= MAX_STRUCTURES && !this.#kept.has(text)) continue;
      this.#kept.set(text, one);
      changed = true;
    }
    for (const [text, seenAtMs] of this.#seenAtMs) {
      if (nowMs - seenAtMs < FORGOTTEN_AFTER_MS) continue;
      this.#seenAtMs.delete(text);
      changed = this.#kept.delete(text) || changed;
    }
    if (changed) void this.#save();
  }

  async #save(): Promise<void> {
    this.#due = true;
    if (this.#saving) return;
    this.#saving = true;
    while (this.#due) {
      this.#due = false;
      try {
        await this.#file.save(this.#stored());
      } catch (error) {
        this.#log.error({ reason: (error as Error).message }, 'structures cannot be kept');
      }
    }
    this.#saving = false;
  }

  #stored(): Stored {
    const structures = [...this.#kept.values()].map(({ resources, ...rest }) => ({
      ...rest,
      resources: resources.map(encode),
    }));
    return { texts: this.#texts, structures };
  }
}

const hashes = new WeakMap<readonly PolicyText[], string>();

/** Asked at each tick of the same files. */
function hashOf(files: readonly PolicyText[]): string {
  const known = hashes.get(files);
  if (known !== undefined) return known;
  const hash = contentHash(JSON.stringify(files.map(({ name, text }) => [name, text])));
  hashes.set(files, hash);
  return hash;
}

function encode({ typeUrl, name, bytes, ttlMs, needs, origin }: Resource): StoredResource {
  return {
    typeUrl,
    name,
    bytes: Buffer.from(bytes).toString('base64'),
    needs,
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(origin === undefined ? {} : { origin }),
  };
}

function decode({ bytes, needs, origin, ...rest }: StoredResource): Resource {
  const encoded = encodedResourceFromBytes({ ...rest, bytes: Buffer.from(bytes, 'base64') });
  return { ...encoded, needs, ...(origin === undefined ? {} : { origin }) };
}
