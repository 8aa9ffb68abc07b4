import { Composer, type Document, Lexer, LineCounter, Parser, type YAMLParseError } from 'yaml';
import { printable } from './path.ts';

/**
 * The YAML library composes nodes by recursion (20,000 nested brackets abort the whole process, not just the parse) and
 * some of its error paths cost 25 µs a character. So its three stages are driven by hand, and every stage has a bound
 * that is counted in steps, before memory or stack is spent. A policy for 10,000 endpoints stays below all of them.
 */
export const MAX_FILE_CHARS: number = 1024 * 1024;
const MAX_TOKENS = 400_000;
const MAX_DEPTH = 64;
export const MAX_DOCUMENTS: number = 1000;
const MAX_ESCAPES = 10_000;
const MAX_SYNTAX_ERRORS = 50;
/** Of what is parsed; each is an error object with a trace of the stack. */
const MAX_COMPOSE_ERRORS = 200;

export type Composed = {
  readonly documents: readonly Document.Parsed[];
  readonly lines: LineCounter;
  /** Set when a bound stopped the reading; the documents are then incomplete. */
  readonly refusal?: {
    readonly code: 'POLICY_LIMIT' | 'POLICY_SYNTAX';
    readonly offset: number;
    readonly message: string;
  };
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
  const refuse = (offset: number, message: string): Composed => ({
    documents,
    lines,
    refusal: { code: 'POLICY_LIMIT', offset, message },
  });

  if (text.length > MAX_FILE_CHARS) {
    return refuse(0, `expected at most ${MAX_FILE_CHARS} characters in a file, got ${text.length}`);
  }
  const first = boundErrors(composer, documents);
  try {
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
  } catch (error) {
    if (error !== TOO_MANY_ERRORS) throw error;
    return { documents, lines, refusal: { code: 'POLICY_SYNTAX', ...first() } };
  }
  return { documents, lines };
}

const TOO_MANY_ERRORS = new Error('too many errors');

type OnError = (source: unknown, code: unknown, message: string, warning?: boolean) => void;

/**
 * Ends composing after so many errors: the library makes one for each token after the first that it does not expect, and a
 * file of nothing else costs it a minute. @returns what tells the first error in the text
 */
function boundErrors(
  composer: Composer,
  documents: readonly Document.Parsed[],
): () => { readonly offset: number; readonly message: string } {
  const inside = composer as unknown as { onError: OnError; errors: readonly YAMLParseError[] };
  const { onError } = inside;
  let told = 0;
  inside.onError = (...error) => {
    // The library takes what is thrown for an error of the node around it, and tells that here again.
    if (told >= MAX_COMPOSE_ERRORS) throw TOO_MANY_ERRORS;
    told += 1;
    onError(...error);
  };
  return () => {
    const found = [...documents.flatMap(({ errors }) => errors), ...inside.errors];
    const [first] = found.toSorted((a, b) => a.pos[0] - b.pos[0]);
    return { offset: first?.pos[0] ?? 0, message: `expected YAML: ${printable(first?.message ?? '', 160)}` };
  };
}
