import type { Issue } from '../../base/units/index.ts';
import { nameOf } from './check/catalogue.ts';
import { type Kind, readKind } from './check/read-kind.ts';
import { MAX_DOCUMENTS, MAX_FILE_CHARS } from './text/compose-bounded.ts';
import { type PolicyFile, type ReadFile, readFile } from './text/read-file.ts';
import { splitDocuments } from './text/split-documents.ts';

/** One document of a file: its own part of the text, and what it is where that can be told. */
export type DocumentText = {
  readonly part: PolicyFile;
  /** Of the part; what was read is not read again by who loads it. Absent where it was read in another thread. */
  readonly read?: ReadFile;
  readonly key: { readonly kind: Kind; readonly name: string } | undefined;
};

export type DocumentTexts = {
  readonly documents: Iterable<DocumentText>;
  /** Of a file that is refused as a whole. */
  readonly issues: readonly Issue[];
};

/**
 * The documents of a file by themselves, for who keeps each under its name; each is read when it is asked for. What is wrong
 * in them, loading tells.
 */
export function documentTexts(file: PolicyFile): DocumentTexts {
  if (file.text.length > MAX_FILE_CHARS) return { documents: [], issues: readFile(file).issues };
  const parts = splitDocuments(file);
  if (parts.length > MAX_DOCUMENTS) return { documents: [], issues: [tooMany(parts[MAX_DOCUMENTS] as PolicyFile)] };
  return { documents: textsOf(parts), issues: [] };
}

function* textsOf(parts: readonly PolicyFile[]): Generator<DocumentText, undefined> {
  for (const part of parts) yield textOf(part);
}

function textOf(part: PolicyFile): DocumentText {
  const read = readFile(part);
  const [document] = read.documents;
  if (document === undefined || read.documents.length > 1) return { part, read, key: undefined };
  const kind = readKind(document);
  const name = nameOf(document);
  return { part, read, key: typeof kind === 'string' && name !== undefined ? { kind, name } : undefined };
}

function tooMany({ name, firstLine = 1 }: PolicyFile): Issue {
  const message = `expected at most ${MAX_DOCUMENTS} documents in a file`;
  return { code: 'POLICY_LIMIT', path: '', message, position: { file: name, line: firstLine, column: 1 } };
}
