import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Failure } from './signal-source.ts';

export type TextFile =
  | { readonly ok: true; readonly text: string; readonly modifiedAtMs: number }
  | { readonly ok: false; readonly failure: Failure };

/** As much as a metrics page may have. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Reads a file that someone else writes, whole or not at all. Only plain files are opened: reading a device or a pipe can
 * block, eat what it gives or never end. A file that changes while it is read is refused: half of it is old.
 */
export async function readTextFile(path: string, maxBytes: number = MAX_BYTES): Promise<TextFile> {
  let handle: FileHandle | undefined;
  try {
    // Asked before it is opened: opening some devices does something already.
    if (!(await stat(path)).isFile()) return bad('File', 'is not a plain file');
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = await handle.stat();
    if (!before.isFile()) return bad('File', 'is not a plain file');
    if (before.size > maxBytes) return bad('TooLarge', `is larger than ${maxBytes} bytes`);
    const bytes = await readUpTo(handle, maxBytes + 1);
    if (bytes.length > maxBytes) return bad('TooLarge', `is larger than ${maxBytes} bytes`);
    if (changed(before, await handle.stat()) || bytes.length !== before.size) {
      return bad('Truncated', 'changed while it was read: write it under another name and rename it');
    }
    return { ok: true, text: bytes.toString('utf8'), modifiedAtMs: before.mtimeMs };
  } catch (error) {
    return bad('File', wordsOf(error as NodeJS.ErrnoException));
  } finally {
    await handle?.close();
  }
}

async function readUpTo(handle: FileHandle, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < limit) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(64 * 1024, limit - size)), 0, null, null);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
  return Buffer.concat(chunks, size);
}

function changed(before: Stats, after: Stats): boolean {
  return before.size !== after.size || before.mtimeMs !== after.mtimeMs;
}

function wordsOf({ code = 'unknown' }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by the user of this process';
  return `cannot be read (${code})`;
}

function bad(reason: Failure['reason'], message: string): TextFile {
  return { ok: false, failure: { reason, message } };
}
