import type { PolicyFile } from './read-file.ts';

/** `---` or `...` at the start of a line: nothing in YAML takes these away from it, neither a block nor a quoted scalar. */
const MARKER = /^\uFEFF?(---|\.\.\.)(?=[ \t\r]|$)(.*?)\r?$/;
/** A line that belongs to no document by itself: blank, a comment, a directive. */
const EMPTY = /^\uFEFF?[ \t]*(#.*)?\r?$|^\uFEFF?%/;

type Part = { start: number; readonly firstLine: number; end: number; empty: boolean };

/**
 * The documents of a file, each with its own part of the text, letter by letter, and the line at which it begins. Left out
 * are only the lines that separate documents. Comments before the first separator stay with the document after it, comments
 * after a document with that one. It looks at lines alone, so that it can be done before anything is parsed.
 */
export function splitDocuments({ name, text, firstLine = 1 }: PolicyFile): readonly PolicyFile[] {
  const parts = partsOf(text);
  const documents: Part[] = [];
  let before: Part | undefined;
  for (const part of parts) {
    if (part.empty) {
      before ??= part;
      continue;
    }
    documents.push(before === undefined ? part : { ...before, end: part.end, empty: false });
    before = undefined;
  }
  const last = documents.at(-1);
  if (before !== undefined && last !== undefined && text.slice(before.start).trim() !== '') last.end = text.length;
  return documents.map(({ start, end, firstLine: at }) => ({
    name,
    text: text.slice(start, end),
    firstLine: firstLine + at - 1,
  }));
}

function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  let part: Part = { start: 0, firstLine: 1, end: 0, empty: true };
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const next = newline === -1 ? text.length : newline + 1;
    const content = text.slice(at, newline === -1 ? text.length : newline);
    line += 1;
    const marker = MARKER.exec(content);
    if (marker !== null) {
      parts.push({ ...part, end: at });
      const bare = (marker[2] ?? '').trim() === '' || marker[1] === '...';
      part = { start: bare ? next : at, firstLine: bare ? line + 1 : line, end: next, empty: true };
      if (!bare && !/^\s*#/.test(marker[2] ?? '')) part.empty = false;
    } else if (!EMPTY.test(content)) part.empty = false;
    at = next;
  }
  parts.push({ ...part, end: text.length });
  return parts.filter(({ start, end, empty }) => end > start || !empty);
}

/** Texts of documents as one file, which {@link splitDocuments} takes apart again. */
export function joinDocuments(texts: readonly string[]): string {
  return texts
    .map((text, at) => {
      if (at === 0) return text;
      // A byte order mark stands at the start of a file alone, and a directive only after an explicit end.
      const plain = text.replace(/^\uFEFF/, '');
      const before = texts[at - 1] as string;
      return `${before.endsWith('\n') ? '' : '\n'}${plain.startsWith('%') ? '...' : '---'}\n${plain}`;
    })
    .join('');
}
