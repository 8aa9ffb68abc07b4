import type { GrowingBody } from './growing-body.ts';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
/** Of the line before a chunk, with its extensions, and of all trailers. */
const MAX_LINE_BYTES = 4096;
/** Hexadecimal; more than any bound on a body. */
const MAX_SIZE_DIGITS = 12;

type Part = 'Size' | 'Extension' | 'SizeEnd' | 'Data' | 'DataCr' | 'DataLf' | 'Trailer' | 'TrailerLf' | 'Done';

/** Takes the chunks off a chunked body (RFC 9112, section 7.1), in whatever pieces they come. */
export class ChunkedBody {
  #part: Part = 'Size';
  #left = 0;
  #digits = 0;
  /** Of the line before a chunk, or of the trailers. */
  #lineBytes = 0;
  #trailerEmpty = true;

  get done(): boolean {
    return this.#part === 'Done';
  }

  /**
   * Appends what is data in `[at, end)` of a piece to the body, up to one byte more than `maxBytes`.
   *
   * @returns where it stopped, which is `end` unless the body is done or too large; undefined when it is not chunked so.
   */
  take(piece: Buffer, from: number, end: number, body: GrowingBody, maxBytes: number): number | undefined {
    let at = from;
    while (at < end && this.#part !== 'Done') {
      if (this.#part === 'Data') {
        const stop = Math.min(end, at + this.#left, at + maxBytes + 1 - body.size);
        body.append(piece, at, stop);
        this.#left -= stop - at;
        at = stop;
        if (body.size > maxBytes) return at;
        if (this.#left === 0) this.#part = 'DataCr';
      } else if (this.#between(piece[at] as number)) at++;
      else return undefined;
    }
    return at;
  }

  /** One byte that is no data; false when it may not stand here. */
  #between(byte: number): boolean {
    this.#lineBytes++;
    if (this.#lineBytes > MAX_LINE_BYTES) return false;
    switch (this.#part) {
      case 'Size':
        return this.#sizeByte(byte);
      case 'Extension':
        if (byte === CR) this.#part = 'SizeEnd';
        return byte === CR || (byte !== LF && byte !== 0);
      case 'SizeEnd':
        this.#part = this.#left === 0 ? 'Trailer' : 'Data';
        this.#lineBytes = 0;
        return byte === LF;
      case 'DataCr':
        this.#part = 'DataLf';
        return byte === CR;
      case 'DataLf':
        this.#part = 'Size';
        this.#digits = 0;
        this.#lineBytes = 0;
        return byte === LF;
      case 'Trailer':
        if (byte === CR) this.#part = 'TrailerLf';
        else this.#trailerEmpty = false;
        return byte !== LF;
      case 'TrailerLf':
        this.#part = this.#trailerEmpty ? 'Done' : 'Trailer';
        this.#trailerEmpty = true;
        return byte === LF;
      default:
        return false;
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = Number.parseInt(String.fromCharCode(byte), 16);
    if (!Number.isNaN(digit)) {
      this.#left = this.#left * 16 + digit;
      this.#digits++;
      return this.#digits <= MAX_SIZE_DIGITS;
    }
    if (this.#digits === 0) return false;
    if (byte === CR) this.#part = 'SizeEnd';
    else this.#part = 'Extension';
    return byte === CR || byte === SEMICOLON || byte === 0x20 || byte === 0x09;
  }
}
