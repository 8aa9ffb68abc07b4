import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../audit/canonical-json.ts';

const CHECKSUM_DIGITS = 32;

/**
 * A record as it is stored: the start of the SHA-256 of key and body, a blank, and the body as JSON. The database finds most of what a
 * disk does to its pages, but not all; and a record under another's key is whole and wrong nevertheless.
 */
export function encodeRecord(key: string, value: Json): string {
  const body = canonicalJson(value);
  return `${checksum(key, body)} ${body}`;
}

export type DecodedRecord =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

export function decodeRecord(key: string, text: string): DecodedRecord {
  const body = text.slice(CHECKSUM_DIGITS + 1);
  if (text !== `${checksum(key, body)} ${body}`) return { ok: false, reason: 'its checksum does not match' };
  try {
    return { ok: true, value: JSON.parse(body) };
  } catch (error) {
    return { ok: false, reason: `it is not JSON: ${(error as Error).message}` };
  }
}

function checksum(key: string, body: string): string {
  return createHash('sha256').update(`${key}\n${body}`).digest('hex').slice(0, CHECKSUM_DIGITS);
}
