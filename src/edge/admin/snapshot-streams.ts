import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Result } from '../../base/units/index.ts';
import type { Log, SnapshotTarget, SnapshotView } from '../observe/index.ts';
import { OpenStreams, type StreamCall } from './open-streams.ts';
import { refusalStatus } from './refusal-status.ts';
import { decodeSnapshotTarget, snapshotMessages } from './snapshot-message.ts';

/** Where the method Snapshot reads from. Called once for each stream; must not block. */
export interface SnapshotSeam {
  /** The resources are read one by one while the stream goes on, and are of the moment of the call. */
  snapshot(target: SnapshotTarget): Result<SnapshotView>;
}

/** Each holds a snapshot that may be old already. */
const MAX_STREAMS = 32;

/** Serves the method Snapshot. */
export class SnapshotStreams {
  readonly #seam: SnapshotSeam;
  readonly #log: Log;
  readonly #running = new OpenStreams();

  constructor(seam: SnapshotSeam, log: Log) {
    this.#seam = seam;
    this.#log = log;
  }

  /** Ends with its call. Never rejects. */
  async serve(call: StreamCall): Promise<void> {
    if (this.#running.size >= MAX_STREAMS) {
      call.emit('error', {
        code: status.RESOURCE_EXHAUSTED,
        details: `${MAX_STREAMS} are reading snapshots already`,
      });
      return;
    }
    await this.#running.run(
      call,
      async (signal) => {
        const found = this.#seam.snapshot(decodeSnapshotTarget(call.request));
        if (!found.ok) return refusalStatus(found.issues);
        for (const message of snapshotMessages(found.value)) {
          // What is decoded for one reader must not keep the control loop waiting.
          if (!call.write(message)) await once(call, 'drain', { signal });
          await turn(undefined, { signal });
        }
        return undefined;
      },
      (error) => {
        this.#log.error({ err: error, method: 'Snapshot' }, 'admin request failed');
        return { code: status.INTERNAL, details: 'the server failed to answer; its log says why' };
      },
    );
  }

  stop(): void {
    this.#running.stop();
  }
}
