import { LoadlineError } from '../errors.ts';

/**
 * Walks over the fields of a serialised message without allocating anything: requests arrive at the rate of pushes times
 * sidecars, and nine of ten bytes of them are skipped. Anything richer is read with `readFields`.
 */
export class Scanner {
  readonly bytes: Buffer;
  readonly #what: string;
  #at: number;
  readonly #end: number;
  field = 0;
  wireType = 0;
  /** Of a length-delimited field. */
  start = 0;
  end = 0;

  constructor(bytes: Buffer, what: string, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#what = what;
    this.#at = start;
    this.#end = end;
  }

  /** Moves to the next field; false at the end. Throws LOADLINE_CODEC_UNREADABLE on bytes that are no message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) this.#fail('field number 0');
    switch (this.wireType) {
      case 0:
        this.start = this.#at;
        this.#varint();
        this.end = this.#at;
        return true;
      case 1:
        return this.#skip(8);
      case 2:
        return this.#skip(this.#varint());
      case 5:
        return this.#skip(4);
      default:
        return this.#fail(`wire type ${this.wireType}`);
    }
  }

  /** The field as text. */
  text(): string {
    return this.bytes.toString('utf8', this.start, this.end);
  }

  /** The field's bytes; a view, not a copy. */
  slice(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  equals(bytes: Buffer): boolean {
    return (
      this.end - this.start === bytes.length && this.bytes.compare(bytes, 0, bytes.length, this.start, this.end) === 0
    );
  }

  #skip(length: number): true {
    this.start = this.#at;
    this.end = this.#at + length;
    if (this.end > this.#end) this.#fail('a field runs over the end');
    this.#at = this.end;
    return true;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length += 1) {
      if (this.#at >= this.#end) this.#fail('a number runs over the end');
      const byte = this.bytes[this.#at] as number;
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return this.#fail('a number of more than ten bytes');
  }

  #fail(reason: string): never {
    throw new LoadlineError('LOADLINE_CODEC_UNREADABLE', `${this.#what}: ${reason} at byte ${this.#at}`);
  }
}
