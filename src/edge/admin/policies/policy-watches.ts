import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import type { Log } from '../../observe/index.ts';
import type { DocumentKey, Revision } from '../../store/index.ts';
import type { Permit } from '../gate.ts';
import { OpenStreams, type StreamCall } from '../open-streams.ts';
import type { Wire } from '../wire-values.ts';
import { idOf } from './candidate.ts';
import { storeOf } from './owned-documents.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { encodeVersion } from './policy-messages.ts';
import { denied, mayFor } from './policy-scope.ts';
import { failure, type Refusal, refuse } from './refusal.ts';
import { statusWithDetails } from './status-details.ts';

/** Each costs a read of the store for every transaction. */
const MAX_WATCHES = 200;

type Query = { readonly key: DocumentKey | undefined; readonly after: Revision | undefined };

/** Streams of changes, each as fast as its reader: the store keeps the past, and nothing is kept here. */
export class PolicyWatches {
  readonly #owner: PoliciesSeam['owner'];
  readonly #log: Log;
  readonly #running = new OpenStreams();

  constructor(owner: PoliciesSeam['owner'], log: Log) {
    this.#owner = owner;
    this.#log = log;
  }

  /** Ends with its call. Never rejects. */
  async serve(call: StreamCall, query: Query, permit: Permit): Promise<void> {
    await this.#running.run(
      call,
      async (signal) => {
        const refusal = await this.#follow(call, query, permit, signal);
        return refusal && statusWithDetails(refusal);
      },
      (error) => statusWithDetails(failure(error, 'watch', this.#log)),
    );
  }

  stop(): void {
    this.#running.stop();
  }

  async #follow(call: StreamCall, query: Query, permit: Permit, signal: AbortSignal): Promise<Refusal | undefined> {
    const { key } = query;
    const refusal = denied(permit, 'ReadPolicies', key === undefined ? [] : [key]);
    if (refusal !== undefined) return refusal;
    const store = storeOf(this.#owner, 'changes cannot be watched');
    if (!store.ok) return store.refusal;
    if (this.#running.size > MAX_WATCHES)
      return refuse(status.RESOURCE_EXHAUSTED, `${MAX_WATCHES} watches are open already`).refusal;
    const { revision } = await store.value.status();
    const after = query.after ?? revision;
    if (after > revision) return refuse(status.OUT_OF_RANGE, `the store is at revision ${revision}`).refusal;
    await write(call, { revision: after, versions: [] }, signal);
    for await (const event of store.value.watch(after, signal)) {
      if (event.kind === 'Compacted')
        return refuse(
          status.OUT_OF_RANGE,
          `changes up to revision ${event.floor} are not kept: list, and watch from there`,
        ).refusal;
      const versions = event.versions.filter(
        (one) => mayFor(permit, one) && (key === undefined || idOf(one) === idOf(key)),
      );
      if (versions.length === 0) continue;
      await write(
        call,
        { revision: event.revision, versions: versions.map((one) => encodeVersion(one, true)) },
        signal,
      );
    }
    return undefined;
  }
}

async function write(call: StreamCall, message: Wire, signal: AbortSignal): Promise<void> {
  if (!call.write(message)) await once(call, 'drain', { signal });
}
