import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** As small as most policies are; what is larger is read in steps of this. */
const STEP_BYTES = 64 * 1024;

/**
 * The text of a file that people write, without an end to the time or the memory that it may take: a pipe would stop the
 * process until somebody writes, a device may never end, and the size of a file is only a promise until it was read.
 * @returns undefined when it is larger than that
 * @throws Error in words for who wrote the file: it is no plain file, or no UTF-8; or Node's own
 */
export function readPlainText(path: string, maxBytes: number): string | undefined {
  // Asked before it is opened: opening some devices does something already.
  requirePlain(path, statSync(path).isFile());
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(file);
    requirePlain(path, status.isFile());
    const { size } = status;
    if (size > maxBytes) return undefined;
    const bytes = readUpTo(file, size, maxBytes);
    if (bytes.length > maxBytes) return undefined;
    if (!isUtf8(bytes)) throw new Error(`${path}:${placeOfBadByte(bytes)}: expected UTF-8; save the file as UTF-8`);
    return bytes.toString('utf8');
  } finally {
    closeSync(file);
  }
}

function requirePlain(path: string, isFile: boolean): void {
  if (!isFile) throw new Error(`${path} is no plain file`);
}

/** One byte more than may be, when there is one. */
function readUpTo(file: number, expected: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size <= maxBytes) {
    const step = Math.max(STEP_BYTES, expected + 1 - size);
    const chunk = Buffer.allocUnsafe(Math.min(step, maxBytes + 1 - size));
    const count = readSync(file, chunk);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    size += count;
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}

/** `LINE:COLUMN`, from 1. A letter of several bytes never holds the byte of a line break, so lines are told apart first. */
function placeOfBadByte(bytes: Buffer): string {
  let line = 1;
  for (let at = 0; ; line += 1) {
    const newline = bytes.indexOf(0x0a, at);
    const text = bytes.subarray(at, newline === -1 ? bytes.length : newline);
    if (newline === -1 || !isUtf8(text)) return `${line}:${text.toString('utf8').indexOf('\ufffd') + 1}`;
    at = newline + 1;
  }
}
