import type { Socket } from 'node:net';

/** Frames up to so much together are joined: one small write is cheaper than several pieces. */
const JOINED_BYTES = 4096;

/** So much is given to the socket before it has taken what came before: what waits longer costs no memory of ours. */
const MAX_AHEAD_BYTES = 256 * 1024;
/** A peer that does not read, and makes us answer, is not read from either when so much waits for it. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** What goes out on a connection: everything that one event causes goes in one write. */
export class Outbox {
  readonly #socket: Socket;
  readonly #onRoom: () => void;
  #out: Buffer[] = [];
  #bytes = 0;
  #held = false;
  #backedUp = false;
  #wanted = false;
  #paused = false;
  #taken: (() => void)[] = [];

  /** `onRoom` is called when there is room again for whom `room` has told that there was none. */
  constructor(socket: Socket, onRoom: () => void) {
    this.#socket = socket;
    this.#onRoom = onRoom;
  }

  /** Bytes that may be pushed now; only what the peer must be told in any case goes beyond them. */
  room(): number {
    // Who waits already comes first.
    if (this.#wanted) return 0;
    const room = this.#backedUp ? 0 : Math.max(0, MAX_AHEAD_BYTES - this.#bytes);
    if (room === 0) this.#wanted = true;
    return room;
  }

  push(bytes: Buffer): void {
    this.#out.push(bytes);
    this.#bytes += bytes.length;
  }

  /** `taken` is called when the kernel has everything that was pushed until now. */
  tell(taken: () => void): void {
    this.#taken.push(taken);
  }

  /** What is pushed from now on waits for `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.flush();
  }

  flush(): void {
    const out = this.#out;
    if (this.#held || out.length === 0) return;
    const bytes = this.#bytes;
    this.#out = [];
    this.#bytes = 0;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (out.length === 1) socket.write(out[0] as Buffer, this.#written);
    else if (bytes <= JOINED_BYTES) socket.write(Buffer.concat(out, bytes), this.#written);
    else {
      socket.cork();
      for (let index = 0; index < out.length - 1; index += 1) socket.write(out[index] as Buffer);
      socket.write(out.at(-1) as Buffer, this.#written);
      socket.uncork();
    }
    const waiting = socket.writableLength;
    this.#backedUp = waiting > 0;
    if (waiting <= MAX_BACKLOG_BYTES || this.#paused) return;
    this.#paused = true;
    socket.pause();
  }

  readonly #written = (error?: Error | null): void => {
    if (error || this.#socket.writableLength > 0) return;
    this.#backedUp = false;
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    const { length } = this.#taken;
    // First those that wait for room, then those that may ask for more of it.
    if (this.#wanted) {
      this.#wanted = false;
      this.#onRoom();
    }
    if (length > 0) for (const tell of this.#taken.splice(0, length)) tell();
  };
}
