import { DEFAULT_FRAME_BYTES, FRAME_HEAD_BYTES, PREFACE } from './frames.ts';

/** One frame; the bytes are the reader's, and valid only during the call. */
export type Frame = {
  type: number;
  flags: number;
  stream: number;
  bytes: Buffer;
  /** Of the payload in the bytes. */
  start: number;
  end: number;
};

export type FrameFault = 'NoHttp2' | 'TooLarge';

const NOTHING = Buffer.alloc(0);

/**
 * Cuts what a client sends into frames. A frame that came whole is handed on where it lies; only one that is spread over
 * several chunks is copied together, and its room is bounded by the largest frame that we take.
 */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => boolean;
  readonly #frame: Frame = { type: 0, flags: 0, stream: 0, bytes: NOTHING, start: 0, end: 0 };
  #prefaceBytes = 0;
  #partial: Buffer = NOTHING;
  #filled = 0;

  /** `onFrame` says whether to go on. */
  constructor(onFrame: (frame: Frame) => boolean) {
    this.#onFrame = onFrame;
  }

  /** Nothing of the chunk is needed after the call. */
  push(chunk: Buffer): FrameFault | undefined {
    let at = 0;
    if (this.#prefaceBytes < PREFACE.length) {
      at = Math.min(PREFACE.length - this.#prefaceBytes, chunk.length);
      if (PREFACE.compare(chunk, 0, at, this.#prefaceBytes, this.#prefaceBytes + at) !== 0) return 'NoHttp2';
      this.#prefaceBytes += at;
    }
    while (this.#filled > 0) {
      const wanted = this.#filled < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : FRAME_HEAD_BYTES + lengthAt(this.#partial, 0);
      if (wanted > FRAME_HEAD_BYTES + DEFAULT_FRAME_BYTES) return 'TooLarge';
      at += this.#fill(chunk, at, wanted);
      if (this.#filled < wanted) return undefined;
      if (wanted === FRAME_HEAD_BYTES && lengthAt(this.#partial, 0) > 0) continue;
      const whole = this.#partial;
      this.#partial = NOTHING;
      this.#filled = 0;
      if (!this.#found(whole, 0)) return undefined;
    }
    while (chunk.length - at >= FRAME_HEAD_BYTES) {
      const length = lengthAt(chunk, at);
      if (length > DEFAULT_FRAME_BYTES) return 'TooLarge';
      if (chunk.length - at < FRAME_HEAD_BYTES + length) break;
      if (!this.#found(chunk, at)) return undefined;
      at += FRAME_HEAD_BYTES + length;
    }
    if (at < chunk.length) {
      const wanted = chunk.length - at < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : FRAME_HEAD_BYTES + lengthAt(chunk, at);
      this.#fill(chunk, at, wanted);
    }
    return undefined;
  }

  #found(bytes: Buffer, at: number): boolean {
    const frame = this.#frame;
    frame.type = bytes[at + 3] as number;
    frame.flags = bytes[at + 4] as number;
    // The upper bit is reserved, and to be ignored.
    frame.stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    frame.bytes = bytes;
    frame.start = at + FRAME_HEAD_BYTES;
    frame.end = frame.start + lengthAt(bytes, at);
    return this.#onFrame(frame);
  }

  /** Copies what is wanted and there; returns how much that was. */
  #fill(chunk: Buffer, at: number, wanted: number): number {
    if (this.#partial.length < wanted) {
      const larger = Buffer.allocUnsafeSlow(wanted);
      this.#partial.copy(larger, 0, 0, this.#filled);
      this.#partial = larger;
    }
    const length = Math.min(wanted - this.#filled, chunk.length - at);
    chunk.copy(this.#partial, this.#filled, at, at + length);
    this.#filled += length;
    return length;
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}
