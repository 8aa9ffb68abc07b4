import { createWriteStream, openSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { LoadlineError } from '../../base/errors.ts';
import { errorCode } from './error-code.ts';

/** Only the owner, as for a checkpoint: what is written says what a fleet does. */
const FILE_MODE = 0o600;

/**
 * A file that is written in the background and keeps one predecessor (`FILE.1`), so that it never has more than twice its
 * limit. A write returns at once; how much still waits for the disk is there to be looked at, because only the writer
 * knows what may be left out. What was there when it opens becomes the predecessor: a restart loses nothing.
 */
export class RotatingFile {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #failed: (error: Error) => void;
  #stream: WriteStream;
  #bytes = 0;
  #broken = false;
  /** Files whose last bytes are still on their way. */
  readonly #ending = new Set<Promise<unknown>>();

  /**
   * @param failed is told once, when the disk refuses; what is written from then on is dropped
   * @throws LoadlineError LOADLINE_RECORDING when the file cannot be opened
   */
  static open(path: string, maxBytes: number, failed: (error: Error) => void): RotatingFile {
    try {
      return new RotatingFile(path, maxBytes, failed, begin(path, 1));
    } catch (cause) {
      throw new LoadlineError('LOADLINE_RECORDING', `${path} cannot be written: ${(cause as Error).message}`, cause);
    }
  }

  private constructor(path: string, maxBytes: number, failed: (error: Error) => void, stream: WriteStream) {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#failed = failed;
    this.#stream = this.#watched(stream);
  }

  /** Bytes that wait for the disk. */
  get backlogBytes(): number {
    return this.#broken ? 0 : this.#stream.writableLength;
  }

  get full(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  write(text: string): void {
    if (this.#broken) return;
    this.#bytes += Buffer.byteLength(text);
    this.#stream.write(text);
  }

  /** Starts a new file; this one becomes the predecessor, and the predecessor goes. */
  rotate(): void {
    if (this.#broken) return;
    this.#end();
    try {
      this.#stream = this.#watched(begin(this.path, 0));
      this.#bytes = 0;
    } catch (error) {
      this.#break(error as Error);
    }
  }

  /** Resolves when everything is written, or will never be. */
  async close(): Promise<void> {
    this.#end();
    await Promise.all(this.#ending);
  }

  #end(): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    const ended = new Promise<void>((resolve) => stream.once('close', resolve));
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
    stream.end();
  }

  #watched(stream: WriteStream): WriteStream {
    return stream.on('error', (error) => this.#break(error));
  }

  #break(error: Error): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#failed(error);
  }
}

/** Opened at once: a stream that opens its file later would find another one under the name after two quick turns. */
function begin(path: string, leastBytes: number): WriteStream {
  setAside(path, leastBytes);
  return createWriteStream(path, { fd: openSync(path, 'w', FILE_MODE) });
}

/**
 * An empty file of a former process is no predecessor; one of ours may only look empty, because its bytes are still on
 * their way. A device is no file.
 */
function setAside(path: string, leastBytes: number): void {
  try {
    const stat = statSync(path);
    if (stat.isFile() && stat.size >= leastBytes) renameSync(path, `${path}.1`);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
