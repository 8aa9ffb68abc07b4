import type { Issue } from '../../../base/units/index.ts';
import type { PolicyFile } from '../../../core/policy/index.ts';
import type { Document, DocumentKey, Version } from '../../store/index.ts';
import { fromSeconds, list, number, optional, text, toEnum, toSeconds, type Wire } from '../wire-values.ts';

/** What became of a document, or would. */
export type PolicyOutcome = 'Created' | 'Configured' | 'Unchanged' | 'Deleted';

/** loadline.admin.v1.PolicyDocument, as clients use it. */
export type PolicyDocument = DocumentKey & {
  readonly revision: number;
  readonly created: number;
  readonly text: string;
  readonly file: string;
  readonly line: number;
  readonly author: string;
  readonly reason: string;
  readonly writtenAtMs: number | null;
};

/** A document of the store, or of a file: those have neither revision nor author. */
export type ShownDocument = Pick<Document, 'kind' | 'name' | 'content' | 'file' | 'line'> &
  Partial<Pick<Document, 'revision' | 'created' | 'author' | 'reason' | 'atMs'>>;

export function encodeDocument(document: ShownDocument): Wire {
  const { kind, name, content, file, line, revision, created, author, reason, atMs } = document;
  return {
    key: { kind, name },
    revision,
    createRevision: created,
    text: content,
    file: file ?? '',
    line,
    author,
    reason,
    writeTime: atMs === 0 ? undefined : toSeconds(atMs),
  };
}

export function decodeDocument(wire: Wire): PolicyDocument {
  return {
    ...decodeKey((wire.key ?? {}) as Wire),
    revision: number(wire.revision),
    created: number(wire.createRevision),
    text: text(wire.text),
    file: text(wire.file),
    line: number(wire.line),
    author: text(wire.author),
    reason: text(wire.reason),
    writtenAtMs: fromSeconds(wire.writeTime),
  };
}

export function encodeVersion({ operation, content = '', ...rest }: Version, texts: boolean): Wire {
  return {
    document: encodeDocument({ ...rest, content: texts ? content : '' }),
    operation: toEnum('POLICY_OPERATION', operation),
  };
}

export function decodeKey(wire: Wire): DocumentKey {
  return { kind: text(wire.kind), name: text(wire.name) };
}

export function decodeFiles(value: unknown): readonly PolicyFile[] {
  return list(value, (file) => ({ name: text(file.name), text: text(file.text) }));
}

/** loadline.admin.v1.Issue. */
export function decodeIssue(wire: Wire): Issue {
  return {
    code: text(wire.code),
    path: text(wire.path),
    message: text(wire.message),
    ...optional('hint', wire.hint, text),
    ...optional('position', wire.position, (position) => {
      const { file, line, column } = position as Wire;
      return { file: text(file), line: number(line), column: number(column) };
    }),
  };
}
