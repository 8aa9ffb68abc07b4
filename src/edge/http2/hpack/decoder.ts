import { decodeHuffman } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** A name or value is a string whose characters are the bytes. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** `Malformed`: the state that both ends share is lost, and so is the connection. `TooLarge`: only this block is of no use. */
export type HpackFault = 'Malformed' | 'TooLarge';

/** What a client may keep on our side; SETTINGS_HEADER_TABLE_SIZE has this value when nobody sets it. */
const TABLE_BYTES = 4096;
/** Of an entry beside its name and value (RFC 7541, 4.1). */
const ENTRY_BYTES = 32;
/** Of an integer, behind the prefix: 2^28 is more than any length or index here. */
const MAX_INTEGER_BYTES = 4;

type Entry = HeaderList[number];

/** Reads the header blocks of one connection, in their order (RFC 7541). */
export class HpackDecoder {
  /** The dynamic table, oldest first. */
  readonly #entries: Entry[] = [];
  #bytes = 0;
  #maxBytes = TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** `maxListBytes` counts names, values and 32 bytes for each pair, as SETTINGS_MAX_HEADER_LIST_SIZE does. */
  decode(block: Buffer, start: number, end: number, maxListBytes: number): HeaderList | HpackFault {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    const list: Entry[] = [];
    let listBytes = 0;
    while (this.#at < this.#end) {
      const first = block[this.#at] as number;
      if ((first & 0xe0) === 0x20) {
        // A new size stands in front of the fields (4.2).
        if (list.length > 0 || !this.#resize()) return 'Malformed';
        continue;
      }
      const entry = (first & 0x80) !== 0 ? this.#entryAt(this.#integer(7)) : this.#literal(first);
      if (entry === undefined) return 'Malformed';
      listBytes += bytesOf(entry);
      // To the end in any case: the next block needs what this one leaves in the table.
      if (listBytes <= maxListBytes) list.push(entry);
    }
    return listBytes > maxListBytes ? 'TooLarge' : list;
  }

  #literal(first: number): Entry | undefined {
    const indexed = (first & 0xc0) === 0x40;
    const index = this.#integer(indexed ? 6 : 4);
    const name = index === 0 ? this.#text() : this.#entryAt(index)?.[0];
    if (name === undefined) return undefined;
    const value = this.#text();
    if (value === undefined) return undefined;
    const entry: Entry = [name, value];
    if (indexed) this.#add(entry);
    return entry;
  }

  #entryAt(index: number | undefined): Entry | undefined {
    if (index === undefined || index === 0) return undefined;
    if (index <= STATIC_TABLE.length) return STATIC_TABLE[index - 1];
    return this.#entries[this.#entries.length - (index - STATIC_TABLE.length)];
  }

  #add(entry: Entry): void {
    const bytes = bytesOf(entry);
    this.#evict(this.#maxBytes - bytes);
    // One that is larger than the table empties it, and that is no error (4.4).
    if (bytes > this.#maxBytes) return;
    this.#entries.push(entry);
    this.#bytes += bytes;
  }

  #evict(toBytes: number): void {
    while (this.#bytes > toBytes && this.#entries.length > 0) this.#bytes -= bytesOf(this.#entries.shift() as Entry);
  }

  #resize(): boolean {
    const bytes = this.#integer(5);
    if (bytes === undefined || bytes > TABLE_BYTES) return false;
    this.#maxBytes = bytes;
    this.#evict(bytes);
    return true;
  }

  /** RFC 7541, 5.1. */
  #integer(prefixBits: number): number | undefined {
    if (this.#at >= this.#end) return undefined;
    const most = 2 ** prefixBits - 1;
    let value = (this.#block[this.#at] as number) & most;
    this.#at += 1;
    if (value < most) return value;
    for (let count = 0; count < MAX_INTEGER_BYTES && this.#at < this.#end; count += 1) {
      const byte = this.#block[this.#at] as number;
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) return value;
    }
    return undefined;
  }

  /** RFC 7541, 5.2. */
  #text(): string | undefined {
    const huffman = this.#at < this.#end && (this.#block[this.#at] as number) >= 0x80;
    const length = this.#integer(7);
    if (length === undefined || length > this.#end - this.#at) return undefined;
    const start = this.#at;
    this.#at += length;
    if (huffman) return decodeHuffman(this.#block, start, this.#at);
    return this.#block.toString('latin1', start, this.#at);
  }
}

function bytesOf([name, value]: Entry): number {
  return name.length + value.length + ENTRY_BYTES;
}
