/** One element: attributes are dropped, text is trimmed, elements of one name keep their order. */
export type XmlElement = {
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
};

export type XmlTree =
  | { readonly ok: true; readonly root: XmlElement }
  | { readonly ok: false; readonly at: number; readonly words: string };

const MAX_DEPTH = 64;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

type Open = { readonly name: string; readonly at: number; readonly children: XmlElement[]; text: string };

/**
 * Reads the XML that nvidia-smi writes: elements, text, comments, a declaration and a document type, which is not
 * followed. It is a small part of XML, has no entities to expand, and takes time linear in the text; a package for all of
 * XML would bring what this must not do. Never throws; `at` is an offset into the text.
 */
export function readXmlTree(text: string): XmlTree {
  const open: Open[] = [];
  let root: XmlElement | undefined;
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('<', at);
    const between = text.slice(at, start === -1 ? text.length : start);
    const inside = open.at(-1);
    if (inside !== undefined) inside.text += between;
    else if (between.trim() !== '') return bad(at, 'text outside of the elements');
    if (start === -1) break;
    const end = text.indexOf(text.startsWith('<!--', start) ? '-->' : '>', start);
    if (end === -1) return bad(start, 'a tag that does not end');
    const tag = text.slice(start + 1, end);
    at = text.startsWith('<!--', start) ? end + 3 : end + 1;
    if (tag.startsWith('?') || tag.startsWith('!')) continue;
    const closing = tag.startsWith('/');
    const empty = tag.endsWith('/');
    const name = /^[A-Za-z_][\w.-]*/.exec(closing ? tag.slice(1) : tag)?.[0];
    if (name === undefined) return bad(start, 'a tag without a name');
    if (!closing) {
      if (root !== undefined && open.length === 0) return bad(start, `a second element <${name}> after the first`);
      if (open.length >= MAX_DEPTH) return bad(start, `more than ${MAX_DEPTH} elements inside one another`);
      open.push({ name, at: start, children: [], text: '' });
      if (!empty) continue;
    }
    const ended = open.pop();
    if (ended === undefined || ended.name !== name)
      return bad(start, `</${name}> where </${ended?.name ?? ''}> is due`);
    const element: XmlElement = { name, children: ended.children, text: unescaped(ended.text.trim()) };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
  }
  const unfinished = open.at(-1);
  if (unfinished !== undefined) return bad(unfinished.at, `<${unfinished.name}> that is not closed: the text is cut`);
  return root === undefined ? bad(0, 'no element') : { ok: true, root };
}

/** Elements below `element` on this path of names. */
export function elementsAt(element: XmlElement, path: string): readonly XmlElement[] {
  return path
    .split('/')
    .reduce((found, name) => found.flatMap(({ children }) => children.filter((one) => one.name === name)), [element]);
}

function unescaped(text: string): string {
  return text.replace(/&([a-z]+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

function bad(at: number, words: string): XmlTree {
  return { ok: false, at, words };
}
