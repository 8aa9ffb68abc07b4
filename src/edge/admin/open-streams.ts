import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Wire } from './wire-values.ts';

/** A call that is answered with messages until somebody ends it. */
export type StreamCall = ServerWritableStream<Wire, Wire>;

/** The calls of one streaming method that are under way: each ends with its caller, and all of them with the server. */
export class OpenStreams {
  readonly #running = new Set<AbortController>();

  get size(): number {
    return this.#running.size;
  }

  /**
   * Runs what answers a call. `signal` is aborted when the caller has gone or the server ends; what fails then is no failure.
   * @param job resolves with an error for the caller, or with nothing when it has come to its end
   * @param failed what is thrown, as an error for the caller
   */
  async run(
    call: StreamCall,
    job: (signal: AbortSignal) => Promise<object | undefined>,
    failed: (error: unknown) => object,
  ): Promise<void> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    call.on('cancelled', end);
    call.on('close', end);
    this.#running.add(ending);
    try {
      const refusal = await job(ending.signal);
      if (refusal === undefined) call.end();
      else call.emit('error', refusal);
    } catch (error) {
      if (ending.signal.aborted) call.end();
      else call.emit('error', failed(error));
    } finally {
      this.#running.delete(ending);
    }
  }

  stop(): void {
    for (const ending of this.#running) ending.abort();
  }
}
