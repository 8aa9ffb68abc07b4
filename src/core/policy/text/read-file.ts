import type { Document, LineCounter } from 'yaml';
import type { Issue } from '../../../base/units/index.ts';
import { composeBounded } from './compose-bounded.ts';
import { formatPath, printable } from './path.ts';
import { plainValue } from './plain-value.ts';
import { isEmptyNode, PolicyDocument, positionAt } from './policy-document.ts';

export type PolicyFile = {
  readonly name: string;
  readonly text: string;
  /** Where the text begins in the file of that name, when it is a part of it: positions are those of the file. From 1. */
  readonly firstLine?: number;
};

export type ReadFile = {
  /** Documents that hold something and whose text could be read. */
  readonly documents: readonly PolicyDocument[];
  readonly issues: readonly Issue[];
  /** False when a document was left out, because its text could not be read. */
  readonly complete: boolean;
};

/** Text to documents. Everything that is wrong here is about YAML; what the documents mean is not looked at. */
export function readFile(file: PolicyFile): ReadFile {
  const { documents: parsed, lines, refusal } = composeBounded(file.text);
  if (refusal !== undefined) {
    const position = positionAt(file, lines, refusal.offset);
    const issue = { code: refusal.code, path: '', position, message: refusal.message };
    return { documents: [], issues: [issue], complete: false };
  }
  const documents: PolicyDocument[] = [];
  const issues: Issue[] = [];
  let complete = true;
  for (const document of parsed) {
    const syntax = syntaxIssue(file, document, lines);
    if (syntax !== undefined) {
      issues.push(syntax);
      complete = false;
      continue;
    }
    if (isEmptyNode(document.contents)) continue;
    const plain = plainValue(document);
    for (const { code, path, offset, otherOffset, message, hint } of plain.issues) {
      const position = positionAt(file, lines, offset);
      const first = otherOffset === undefined ? undefined : positionAt(file, lines, otherOffset);
      issues.push({
        code,
        path: formatPath(path),
        position,
        message: first === undefined ? message : `${message}; the first is at ${first.line}:${first.column}`,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    if (plain.issues.some(({ code }) => code === 'POLICY_LIMIT')) complete = false;
    else documents.push(new PolicyDocument(file, plain.value, document.contents, plain.targets, lines));
  }
  return { documents, issues, complete };
}

/** Only the first of a document: what follows a syntax error is mostly its echo. */
function syntaxIssue(file: PolicyFile, document: Document.Parsed, lines: LineCounter): Issue | undefined {
  const found = [...document.errors, ...document.warnings.filter((warning) => warning.code !== 'TAG_RESOLVE_FAILED')];
  const first = found.sort((a, b) => a.pos[0] - b.pos[0])[0];
  if (first !== undefined) {
    const position = positionAt(file, lines, first.pos[0]);
    const hint = SYNTAX_HINT[first.code];
    const message = `expected YAML: ${printable(first.message, 160)}`;
    return { code: 'POLICY_SYNTAX', path: '', position, message, ...(hint === undefined ? {} : { hint }) };
  }
  const yaml = document.directives.yaml;
  if (yaml.explicit === true && yaml.version !== '1.2') {
    const message = `expected YAML 1.2, got a directive for YAML ${yaml.version}`;
    return { code: 'POLICY_SYNTAX', path: '', position: positionAt(file, lines, 0), message };
  }
  return undefined;
}

const SYNTAX_HINT: Readonly<Partial<Record<string, string>>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that holds ": " in quotes, or check the indentation',
  MULTILINE_IMPLICIT_KEY: 'check the indentation and the colon',
  MISSING_CHAR: 'look for a missing colon, quote or bracket',
  BAD_INDENT: 'look for a missing bracket or quote in the lines above',
  BAD_SCALAR_START: 'put the value in quotes',
  BAD_DQ_ESCAPE: 'a backslash in double quotes is written \\\\; single quotes take it as it is',
  NON_STRING_KEY: 'keys are plain words',
};
