import type { HeaderList } from './decoder.ts';
import { STATIC_TABLE } from './static-table.ts';

/** Of a length or an index that fits into its prefix of seven bits. */
const MAX_SHORT = 126;

/**
 * A header block of literals that are not indexed (RFC 7541, 6.2.2), or of whole pairs of the static table: it changes
 * nothing of the connection's state, so one block serves every stream of every connection.
 */
export function encodeHeaders(headers: HeaderList): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => field(name, value)));
}

function field(name: string, value: string): readonly Uint8Array[] {
  const whole = STATIC_TABLE.findIndex((entry) => entry[0] === name && entry[1] === value) + 1;
  if (whole > 0) return [Buffer.of(0x80 | whole)];
  return [Buffer.of(0), text(name), text(value)];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length <= MAX_SHORT) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [MAX_SHORT + 1];
  let rest = bytes.length - MAX_SHORT - 1;
  for (; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
