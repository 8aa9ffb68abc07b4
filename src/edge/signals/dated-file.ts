import { readTextFile } from './read-text-file.ts';
import type { Failure } from './signal-source.ts';

export type DatedFile =
  | { readonly ok: true; readonly text: string; readonly modifiedAtMs: number; readonly ageMs: number }
  | { readonly ok: false; readonly failure: Failure };

/** The writer is on this machine; file systems that round their times stay within this. */
const MAX_AHEAD_MS = 2000;

/**
 * A file of metrics is as old as its last change says; its values are dated by that and not by when they were read, so that
 * a writer that died reads as silence and not as a steady load. Its dates are on the clock of the wall.
 */
export async function readDatedFile(
  { path, maxAgeMs }: { readonly path: string; readonly maxAgeMs: number },
  wallClock: () => number,
): Promise<DatedFile> {
  const file = await readTextFile(path);
  if (!file.ok) return file;
  const ageMs = wallClock() - file.modifiedAtMs;
  const ageSec = (ageMs / 1000).toFixed(0);
  if (ageMs > maxAgeMs) return stale(`was last written ${ageSec} s ago`);
  if (ageMs < -MAX_AHEAD_MS) return stale(`was last written in the future (${-Number(ageSec)} s ahead)`);
  return { ok: true, text: file.text, modifiedAtMs: file.modifiedAtMs, ageMs: Math.max(0, ageMs) };
}

function stale(message: string): DatedFile {
  return { ok: false, failure: { reason: 'Stale', message } };
}
