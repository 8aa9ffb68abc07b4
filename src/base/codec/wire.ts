import protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../errors.ts';

export const VARINT = 0;
export const LENGTH = 2;

/** The tag that precedes a field on the wire. */
export function tagOf(field: number, wireType: number): number {
  return ((field << 3) | wireType) >>> 0;
}

/**
 * Visits the fields of one serialised message in the order of the wire, without a type. `visit` returns false to have
 * the field skipped, true when it has read it. Throws LOADLINE_CODEC_UNREADABLE on bytes that are no message.
 */
export function readFields(
  bytes: Uint8Array,
  what: string,
  visit: (field: number, wireType: number, reader: protobuf.Reader) => boolean,
): void {
  readable(what, () => {
    const reader = protobuf.Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const field = tag >>> 3;
      if (field === 0) throw new Error('field number 0');
      if (!visit(field, tag & 7, reader)) reader.skipType(tag & 7);
    }
    if (reader.pos !== reader.len) throw new Error('a field runs over the end');
  });
}

/** A view on the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Runs a decoder and turns what it throws on junk into LOADLINE_CODEC_UNREADABLE. */
export function readable<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof LoadlineError) throw cause;
    throw new LoadlineError('LOADLINE_CODEC_UNREADABLE', `${what}: ${(cause as Error).message}`, cause);
  }
}

/** A 64-bit integer as a number; throws LOADLINE_CODEC_UNREADABLE above 2^53, where a number would silently round. */
export function safeInteger(value: unknown, what: string): number {
  const number = typeof value === 'number' ? value : (value as { toNumber(): number }).toNumber();
  if (!Number.isSafeInteger(number)) {
    throw new LoadlineError('LOADLINE_CODEC_UNREADABLE', `${what}: ${String(value)} is beyond 2^53`);
  }
  return number;
}
