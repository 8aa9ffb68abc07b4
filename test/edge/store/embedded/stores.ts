import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import {
  type Change,
  EmbeddedStore,
  type EmbeddedStoreOptions,
  type OpenedStore,
  type WriteOutcome,
  type WriteRequest,
} from '../../../../src/edge/store/index.ts';

/** A file system in memory where there is one: thousands of transactions need not wait for a disk. */
export const QUICK: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const ending: (() => unknown)[] = [];

/** Closes what a test has opened, and removes its folders. */
export function cleanUp(): void {
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });
}

export function newFolder(parent: string = QUICK): string {
  const folder = mkdtempSync(join(parent, 'loadline-store-'));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function opened(folder: string, options: Partial<EmbeddedStoreOptions> = {}): Promise<OpenedStore> {
  const open = await EmbeddedStore.open({ folder, ...options });
  ending.push(() => open.store.close());
  return open;
}

export async function openStore(folder: string, options: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  return (await opened(folder, options)).store;
}

/** A change to the document `ModelService/NAME`. */
export function put(name: string, content: string, expected?: number): Change {
  return { operation: 'Put', kind: 'ModelService', name, content, ...(expected === undefined ? {} : { expected }) };
}

export function remove(name: string, expected?: number): Change {
  return { operation: 'Delete', kind: 'ModelService', name, ...(expected === undefined ? {} : { expected }) };
}

export function apply(
  store: EmbeddedStore,
  changes: readonly Change[],
  more: Partial<Omit<WriteRequest, 'changes'>> = {},
): Promise<WriteOutcome> {
  return store.write({ action: 'Apply', author: 'ann', reason: 'because', changes, ...more });
}

/** `name=content@revision` of each document, so that a state is one line. */
export async function stateOf(store: EmbeddedStore): Promise<string> {
  const { documents } = await store.list();
  return documents.map(({ name, content, revision }) => `${name}=${content}@${revision}`).join(' ');
}
