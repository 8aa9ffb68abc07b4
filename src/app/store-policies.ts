import { setTimeout as sleep } from 'node:timers/promises';
import { LoadlineError } from '../base/errors.ts';
import { type PoliciesSeam, storedTexts } from '../edge/admin/index.ts';
import type { Log } from '../edge/observe/index.ts';
import { type DocumentStore, EmbeddedStore, type PolicyRead, type Revision, storeFolder } from '../edge/store/index.ts';
import type { PolicySource, TakenBack } from './policy-source.ts';
import { takeBack } from './take-back.ts';

/** Before the store is asked again after a failure. */
const RETRY_MS = 1000;

/**
 * Policies in the store: what `serve` reads when no `--policies` are given. All documents together are one policy. When one of
 * them is damaged nothing is taken from the store, and the last good policy goes on: a service that is missing by accident
 * must not be taken away from the Envoys.
 */
export class StorePolicies implements PolicySource {
  readonly name: string;
  readonly mayBeEmpty = true;
  readonly #folder: string;
  readonly #log: Log;
  readonly #ended = new AbortController();
  #store: EmbeddedStore | undefined;
  #seen: Revision = 0;
  #following: Promise<void> | undefined;

  constructor(data: string, log: Log) {
    this.#folder = storeFolder(data);
    this.name = `store ${this.#folder}`;
    this.#log = log;
  }

  get owner(): PoliciesSeam['owner'] {
    return { kind: 'Store', store: this.store };
  }

  /** Only after it was opened. */
  get store(): DocumentStore {
    if (this.#store === undefined) throw new Error('the store was not opened');
    return this.#store;
  }

  async open(): Promise<PolicyRead> {
    const { store, mended } = await EmbeddedStore.open({ folder: this.#folder });
    this.#store = store;
    const { damages, restored, salvagedFrom } = mended;
    if (salvagedFrom !== undefined)
      this.#log.error({ folder: salvagedFrom }, 'the store was damaged and is made anew from what could be read');
    for (const { record, reason } of damages) this.#log.error({ record, reason }, 'damaged record moved aside');
    for (const { kind, name } of restored) this.#log.warn({ kind, name }, 'document restored from its history');
    const { revision, audit } = await store.status();
    // Whoever keeps the log can prove with this line that the trail was not written anew since.
    this.#log.info({ revision, sequence: audit.sequence, hash: audit.hash }, 'store opened');
    return this.#read();
  }

  follow(changed: (read: PolicyRead) => void): void {
    this.#following = this.#follow(changed);
  }

  async takeBack(texts: TakenBack, reason: string): Promise<boolean> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        return await takeBack(this.store, texts, reason, this.#log);
      } catch (error) {
        if (!(error instanceof LoadlineError)) throw error;
        this.#log.error(
          { reason: error.message },
          'the store cannot be brought back to what is in force; it is tried again',
        );
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined); // it rejects when the wait is ended early
      }
    }
    return false;
  }

  async close(): Promise<void> {
    this.#ended.abort();
    try {
      await this.#store?.close();
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      this.#log.error({ reason: error.message }, 'the store cannot be closed; the next start repairs it');
    }
    await this.#following;
  }

  async #follow(changed: (read: PolicyRead) => void): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        for await (const event of this.store.watch(this.#seen, signal)) {
          // One read may have taken several transactions in.
          if (event.kind === 'Changed' && event.revision <= this.#seen) continue;
          changed(await this.#read());
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LoadlineError)) throw error;
        this.#log.error({ reason: error.message }, 'the store cannot be read; the last good policy goes on');
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined); // it rejects when the wait is ended early
      }
    }
  }

  async #read(): Promise<PolicyRead> {
    const { revision, documents, damaged } = await this.store.list();
    this.#seen = revision;
    if (damaged.length > 0) {
      const words = damaged.map(({ document, reason }) => `${document?.kind}/${document?.name} (${reason})`).join(', ');
      return { ok: false, reason: `damaged in the ${this.name}: ${words}; apply them again` };
    }
    if (documents.length === 0) return { ok: false, reason: `the ${this.name} holds no policy yet` };
    const files = storedTexts(documents);
    return { ok: true, files, hash: String(revision) };
  }
}
