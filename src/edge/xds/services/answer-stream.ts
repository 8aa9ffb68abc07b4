import { frame, type Rpc, type RpcHandler, STATUS } from '../transport/rpc.ts';
import { isRefusal, orRefusal, type Refusal, refusal } from './refusal.ts';

/** Messages that answer one request, made one by one as they are wanted. */
export type Answer = Iterable<Uint8Array>;

/** Requests that may wait while the client reads what it has asked for before. */
const MAX_WAITING = 100;

/**
 * A method that answers each request of a stream, in order. `open` is called for each call and returns what answers its
 * requests. The next message is made when the transport has let go of the one before: a client that asks and does not
 * read costs one message of memory, not all of its answers.
 */
export function answerStream(open: () => (request: Buffer) => Answer | Refusal): RpcHandler {
  return (rpc) => {
    const answer = open();
    const queue = new SendQueue(rpc);
    return {
      message: (bytes) => {
        if (queue.over) return;
        const result = orRefusal(() => answer(bytes));
        if (isRefusal(result)) queue.end(result);
        else queue.push(result);
      },
      halfClosed: () => queue.finish(),
      closed: () => queue.drop(),
    };
  };
}

class SendQueue {
  readonly #rpc: Rpc;
  #waiting: Iterator<Uint8Array>[] = [];
  /** A message is with the transport. */
  #sending = false;
  /** The peer asks no more. */
  #finished = false;
  #over = false;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  get over(): boolean {
    return this.#over;
  }

  push(answer: Answer): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.end(refusal(STATUS.RESOURCE_EXHAUSTED, `${MAX_WAITING} requests wait: read the answers before asking on`));
      return;
    }
    this.#waiting.push(answer[Symbol.iterator]());
    this.#pump();
  }

  finish(): void {
    this.#finished = true;
    this.#pump();
  }

  end({ status, message }: Pick<Refusal, 'status'> & { readonly message?: string }): void {
    if (this.#over) return;
    this.drop();
    this.#rpc.end(status, message);
  }

  drop(): void {
    this.#over = true;
    this.#waiting = [];
  }

  // A loop, because a transport may take a message while `send` runs.
  #pump(): void {
    while (!this.#over && !this.#sending) {
      const next = this.#waiting[0]?.next();
      if (next === undefined) {
        if (this.#finished) this.end({ status: STATUS.OK });
        return;
      }
      if (next.done === true) {
        this.#waiting.shift();
        continue;
      }
      this.#sending = true;
      this.#rpc.send(frame(next.value), () => {
        this.#sending = false;
        this.#pump();
      });
    }
  }
}
