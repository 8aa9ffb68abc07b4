import { isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import { type Issue, type Position, scrubText } from '../../../base/units/index.ts';
import { formatPath, type Path, printable } from './path.ts';

const MAX_SHOWN_CHARS = 40;
const MAX_HINT_CHARS = 300;
const MAX_SECRET_CHARS = 4096;

/** A file, or a part of it that begins at a line of its own. */
type FilePart = { readonly name: string; readonly firstLine?: number };

/** One YAML document with its plain value and the way back from a path to the place in the text. */
export class PolicyDocument {
  readonly #file: FilePart;
  /** Plain objects, arrays and scalars; not checked against any schema. */
  readonly value: unknown;
  readonly #root: Node | null;
  readonly #targets: ReadonlyMap<Node, Node>;
  readonly #lines: LineCounter;

  constructor(file: FilePart, value: unknown, root: Node | null, targets: ReadonlyMap<Node, Node>, lines: LineCounter) {
    this.#file = file;
    this.value = value;
    this.#root = root;
    this.#targets = targets;
    this.#lines = lines;
  }

  /** Where the value at the path starts; for an empty value its key, for a missing one the mapping that lacks it. */
  position(path: Path): Position {
    const found = this.#find(path);
    if (found === undefined) return this.position(path.slice(0, -1));
    return this.#at(((isEmptyNode(found.node) ? found.key : undefined) ?? found.node)?.range?.[0] ?? 0);
  }

  /** Where the key at the end of the path starts; for an element of a list the element. */
  keyPosition(path: Path): Position {
    const found = this.#find(path);
    if (found === undefined) return this.position(path);
    return this.#at((found.key ?? found.node)?.range?.[0] ?? 0);
  }

  /** The value as the text has it, for messages: `99999`, `"8000"`, `a mapping`. */
  written(path: Path): string {
    const node = this.#find(path)?.node;
    if (isMap(node)) return node.items.length === 0 ? 'an empty mapping' : 'a mapping';
    if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list';
    if (!isScalar(node) || isEmptyNode(node)) return 'nothing';
    return node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE'
      ? JSON.stringify(shown(String(node.value)))
      : shown(String(node.source));
  }

  issue(code: string, path: Path, message: string, hint?: string): Issue {
    return this.#issue(code, path, this.position(path), message, hint);
  }

  /** An issue about the key rather than about its value. */
  keyIssue(code: string, path: Path, message: string, hint?: string): Issue {
    return this.#issue(code, path, this.keyPosition(path), message, hint);
  }

  #issue(code: string, path: Path, position: Position, message: string, hint: string | undefined): Issue {
    // A hint may repeat a value, to show how it is written.
    return {
      code,
      path: formatPath(path),
      message,
      position,
      ...(hint === undefined ? {} : { hint: shown(hint, MAX_HINT_CHARS) }),
    };
  }

  #find(path: Path): { readonly node: Node | null; readonly key?: Node } | undefined {
    let node = this.#root;
    let key: Node | undefined;
    for (const step of path) {
      key = undefined;
      node = (node === null ? undefined : this.#targets.get(node)) ?? node;
      if (isSeq(node) && typeof step === 'number' && step < node.items.length) node = node.items[step] as Node | null;
      else if (isMap(node) && typeof step === 'string') {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === step);
        if (pair === undefined) return undefined;
        key = pair.key as Node;
        node = pair.value as Node | null;
      } else return undefined;
    }
    node = (node === null ? undefined : this.#targets.get(node)) ?? node;
    return key === undefined ? { node } : { node, key };
  }

  #at(offset: number): Position {
    return positionAt(this.#file, this.#lines, offset);
  }
}

/** `key:` without a value, or a document without content. */
export function isEmptyNode(node: Node | null | undefined): boolean {
  return node === null || (isScalar(node) && node.source === '' && node.type === 'PLAIN' && node.tag === undefined);
}

/** Messages go to logs: the user and password of a URL do not. */
function shown(text: string, maxChars: number = MAX_SHOWN_CHARS): string {
  // What is far beyond what is shown need not be searched.
  const near = text.slice(0, maxChars + MAX_SECRET_CHARS).replace(/\/\/[^/\s]*@/g, '//…@');
  return printable(scrubText(near), maxChars);
}

export function positionAt({ name, firstLine = 1 }: FilePart, lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { file: name, line: Math.max(1, line) + firstLine - 1, column: Math.max(1, col) };
}
