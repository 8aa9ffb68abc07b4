import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { formatPath, type Path, printable } from './path.ts';

/** Expansions of `*name` in one document: enough to share a block, too few for a bomb. */
const MAX_ALIASES = 64;
/** With the expansions; a file of the largest size stays below. */
const MAX_NODES = 500_000;
/** Also ends an alias that contains itself. */
const MAX_DEPTH = 64;

type ConversionIssue = {
  readonly code: 'POLICY_SYNTAX' | 'POLICY_DUPLICATE' | 'POLICY_LIMIT' | 'POLICY_UNKNOWN_KEY';
  readonly path: Path;
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
  /** Where the first of two equal keys stands. */
  readonly otherOffset?: number;
};

export type PlainValue = {
  readonly value: unknown;
  /** What each alias stands for, to find nodes by path. */
  readonly targets: ReadonlyMap<Node, Node>;
  readonly issues: readonly ConversionIssue[];
};

/**
 * A YAML node as plain objects, arrays and scalars. Our own instead of the library's `toJS`, because everything that
 * the language does not have must be refused with its position and not be guessed: duplicate keys, tags, empty keys.
 */
export function plainValue(document: Document.Parsed): PlainValue {
  const issues: ConversionIssue[] = [];
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  let aliases = 0;
  let nodes = 0;

  const convert = (node: Node | null, path: Path): unknown => {
    if (node === null) return null;
    const offset = node.range?.[0] ?? 0;
    nodes += 1;
    if (nodes > MAX_NODES) {
      if (nodes === MAX_NODES + 1) {
        issues.push({
          code: 'POLICY_LIMIT',
          path,
          offset,
          message: `expected at most ${MAX_NODES} values in a document`,
        });
      }
      return null;
    }
    if (path.length > MAX_DEPTH) {
      issues.push({ code: 'POLICY_LIMIT', path: path.slice(0, 4), offset, message: 'expected no alias of itself' });
      return null;
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      aliases += 1;
      if (target === undefined) {
        issues.push({
          code: 'POLICY_SYNTAX',
          path,
          offset,
          message: `expected an anchor &${printable(node.source, 40)} before its alias`,
        });
        return null;
      }
      if (aliases > MAX_ALIASES) {
        if (aliases === MAX_ALIASES + 1) {
          issues.push({
            code: 'POLICY_LIMIT',
            path,
            offset,
            message: `expected at most ${MAX_ALIASES} expansions of aliases in a document`,
          });
        }
        return null;
      }
      targets.set(node, target);
      return convert(target, path);
    }
    if (node.tag !== undefined) {
      issues.push({
        code: 'POLICY_SYNTAX',
        path,
        offset,
        message: 'expected no YAML tag',
        hint: 'put a value in quotes to make it a string',
      });
    }
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) anchors.set(anchor, node);
    if (isSeq(node)) return node.items.map((item, index) => convert(item as Node | null, [...path, index]));
    if (isMap(node)) return convertMap(node.items as readonly { key: unknown; value: unknown }[], path);
    return isScalar(node) ? node.value : null;
  };

  const convertMap = (items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> => {
    const record: Record<string, unknown> = {};
    const seen = new Map<string, number>();
    for (const { key, value } of items) {
      const offset = (isScalar(key) ? key.range?.[0] : undefined) ?? 0;
      const name = isScalar(key) ? String(key.value) : '';
      const at = [...path, name];
      const first = seen.get(name);
      if (first !== undefined) {
        issues.push({
          code: 'POLICY_DUPLICATE',
          path: at,
          offset,
          otherOffset: first,
          message: `expected each key once in a mapping, got ${formatPath([name])} again`,
        });
        continue;
      }
      seen.set(name, offset);
      if (name === '__proto__') {
        issues.push({ code: 'POLICY_UNKNOWN_KEY', path: at, offset, message: 'expected a key of the policy language' });
        continue;
      }
      record[name] = convert(value as Node | null, at);
    }
    return record;
  };

  const value = convert(document.contents as Node | null, []);
  return { value, targets, issues };
}
