import { Allowance } from './allowance.ts';

/** PING, SETTINGS, PRIORITY, empty DATA: what makes work, and moves nothing. WINDOW_UPDATE is earned by what we send. */
const CONTROL_FRAMES = { burst: 1000, perSec: 100 };
/** A peer may open two windows for so much of what we send: Go's net/http does it each 4 KiB. And it may ping for each piece. */
const EARNED_PER_BYTE = 2 / 4096;
const EARNED_BY_DATA = 2;
/** Streams that the client resets, or opens wrongly: HTTP/2 Rapid Reset (CVE-2023-44487). The figures are nghttp2's. */
const RESETS = { burst: 1000, perSec: 33 };
/** All that may be refused at once: a client may open many before it has read how many are allowed. */
const MAX_REMEMBERED = RESETS.burst + 256;

/** What a connection knows of its peer's manners. */
export class PeerGuard {
  readonly #control = new Allowance(CONTROL_FRAMES);
  #resets: Allowance | undefined;
  /** Streams that we have reset, newest last: their frames may still be under way. */
  #ended: Set<number> | undefined;

  /** False when the peer sends too many frames that move nothing. */
  mayControl(nowMs: number): boolean {
    return this.#control.take(nowMs);
  }

  /** For DATA that was sent the peer opens windows; it may ask how fast the way is behind each whole message (grpc-go does). */
  sentData(bytes: number, whole: boolean): void {
    this.#control.earn(bytes * EARNED_PER_BYTE + (whole ? EARNED_BY_DATA : 0));
  }

  /** False when too many of the peer's streams come to nothing. */
  mayReset(nowMs: number): boolean {
    this.#resets ??= new Allowance(RESETS);
    return this.#resets.take(nowMs);
  }

  remember(stream: number): void {
    this.#ended ??= new Set();
    this.#ended.add(stream);
    if (this.#ended.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#ended;
    this.#ended.delete(oldest as number);
  }

  remembers(stream: number): boolean {
    return this.#ended?.has(stream) === true;
  }
}
