import { Composer, type Document, Lexer, LineCounter, Parser } from 'yaml';

/**
 * The YAML library composes nodes by recursion (20,000 nested brackets abort the whole process, not just the parse) and
 * some of its error paths cost 25 µs a character. So its three stages are driven by hand, and every stage has a bound
 * that is counted in steps, before memory or stack is spent. A policy for 10,000 endpoints stays below all of them.
 */
export const MAX_FILE_CHARS: number = 1024 * 1024;
const MAX_TOKENS = 400_000;
const MAX_DEPTH = 64;
const MAX_DOCUMENTS = 1000;
const MAX_ESCAPES = 10_000;
const MAX_SYNTAX_ERRORS = 50;

export type Composed = {
  readonly documents: readonly Document.Parsed[];
  readonly lines: LineCounter;
  /** Set when a bound stopped the reading; the documents are then incomplete. */
  readonly refusal?: { readonly offset: number; readonly message: string };
};

export function composeBounded(text: string): Composed {
  const lines = new LineCounter();
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    stringKeys: true,
    uniqueKeys: false, // quadratic in the library; the conversion to plain values finds duplicates
    prettyErrors: false,
    lineCounter: lines,
  });
  const documents: Document.Parsed[] = [];
  const refuse = (offset: number, message: string): Composed => ({ documents, lines, refusal: { offset, message } });

  if (text.length > MAX_FILE_CHARS) {
    return refuse(0, `expected at most ${MAX_FILE_CHARS} characters in a file, got ${text.length}`);
  }
  let tokens = 0;
  let escapes = 0;
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const offset = parser.offset;
    tokens += 1;
    if (tokens > MAX_TOKENS) return refuse(offset, `expected at most ${MAX_TOKENS} YAML tokens in a file`);
    if (lexeme.startsWith('"')) escapes += lexeme.split('\\').length - 1;
    if (escapes > MAX_ESCAPES) return refuse(offset, `expected at most ${MAX_ESCAPES} escape sequences in a file`);
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') errors += 1;
      documents.push(...composer.next(token));
    }
    if (parser.stack.length > MAX_DEPTH) return refuse(offset, `expected at most ${MAX_DEPTH} levels of nesting`);
    if (documents.length > MAX_DOCUMENTS)
      return refuse(offset, `expected at most ${MAX_DOCUMENTS} documents in a file`);
    if (errors > MAX_SYNTAX_ERRORS) break;
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  return { documents, lines };
}
