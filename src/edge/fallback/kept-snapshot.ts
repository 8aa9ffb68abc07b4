import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { LoadlineError } from '../../base/errors.ts';
import { type Resource, receivedResource, SEND_ORDER, TYPE_URL } from '../../core/resources/index.ts';
import type { Snapshot, SnapshotKey } from '../../core/snapshot/index.ts';
import { KeptFile } from '../store/index.ts';
import { lasting } from './followed.ts';

const SHAPE = z.strictObject({
  format: z.literal(1),
  group: z.string(),
  listeners: z.record(z.string(), z.string()),
  resources: z.array(
    z.strictObject({
      /** Not those of secrets: they are never kept. */
      type: z.enum(SEND_ORDER.filter((typeUrl) => typeUrl !== TYPE_URL.secret)),
      name: z.string(),
      /** The message, as base64. */
      message: z.base64(),
    }),
  ),
});

export type LoadedSnapshot = {
  /** None: nothing is kept, or nothing that can be used, and `problem` says why. */
  readonly resources: readonly Resource[];
  readonly problem?: string;
};

/** The last good resources of one group in a file, replaced in one step. */
export class KeptSnapshot {
  readonly path: string;
  readonly #file: KeptFile;
  readonly #key: SnapshotKey;

  constructor(path: string, key: SnapshotKey) {
    this.path = path;
    this.#file = new KeptFile(dirname(path), basename(path));
    this.#key = key;
  }

  /** Never rejects over its state. */
  async load(): Promise<LoadedSnapshot> {
    const { content, warnings } = await this.#file.load();
    if (content === undefined) return { resources: [], ...problemOf(warnings[0]?.message) };
    const read = SHAPE.safeParse(content);
    if (!read.success) {
      const issue = read.error.issues[0];
      return unused(`it does not hold what it should: ${issue?.path.join('.')}: ${issue?.message}`);
    }
    const { group, listeners, resources } = read.data;
    if (group !== this.#key.group || !same(listeners, this.#key.listenerOverrides))
      return unused(`it is for group ${group} with listeners ${JSON.stringify(listeners)}`);
    try {
      return {
        resources: resources.map(({ type, name, message }) =>
          receivedResource({ typeUrl: type, name, bytes: Buffer.from(message, 'base64') }),
        ),
      };
    } catch (error) {
      if (error instanceof LoadlineError) return unused(error.message);
      throw error;
    }
  }

  /** One at a time. @throws LoadlineError LOADLINE_STORE; what was there before still is */
  async save(snapshot: Snapshot): Promise<void> {
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new LoadlineError('LOADLINE_STORE', `${this.path}: ${(cause as Error).message}`, cause);
    }
    await this.#file.save({
      format: 1,
      group: this.#key.group,
      listeners: this.#key.listenerOverrides,
      resources: lasting(snapshot)
        .filter(({ typeUrl }) => typeUrl !== TYPE_URL.secret)
        .map(({ typeUrl, name, bytes }) => ({ type: typeUrl, name, message: Buffer.from(bytes).toString('base64') })),
    });
  }
}

function unused(why: string): LoadedSnapshot {
  return { resources: [], problem: `not used: ${why}` };
}

function problemOf(problem: string | undefined): { readonly problem?: string } {
  return problem === undefined ? {} : { problem };
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
