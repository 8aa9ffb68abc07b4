import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** A text file of the repository; the path is relative to its root. */
export type Page = { readonly path: string; readonly text: string };

/** A code block of a Markdown page: fenced (with its language) or indented (without). */
export type CodeBlock = { readonly line: number; readonly language: string; readonly text: string };

export function page(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}

/** Every file below a folder, in the order of their paths. */
export function pagesUnder(folder: string): readonly Page[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => page(relative(ROOT, join(entry.parentPath, entry.name))))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a reader reads: README, documentation, and the pages beside the files for operation. */
export function markdownPages(): readonly Page[] {
  const folders = ['docs', 'deploy', 'envoy'].flatMap(pagesUnder);
  return [page('README.md'), page('CHANGELOG.md'), ...folders.filter(({ path }) => path.endsWith('.md'))];
}

/** The lines of a Markdown page that are no code, with their numbers; code spans stay. */
export function proseLines(text: string): readonly { readonly line: number; readonly text: string }[] {
  return split(text).flatMap(({ line, kind, text: content }) => (kind === 'prose' ? [{ line, text: content }] : []));
}

export function codeBlocks(text: string): readonly CodeBlock[] {
  const blocks: { line: number; language: string; lines: string[]; last: number }[] = [];
  for (const { line, kind, text: content, language } of split(text)) {
    if (kind !== 'code') continue;
    const block = blocks.at(-1);
    if (block !== undefined && block.last === line - 1 && language === undefined) {
      block.lines.push(content);
      block.last = line;
    } else if (language === undefined) blocks.push({ line, language: '', lines: [content], last: line });
    else blocks.push({ line: line + 1, language, lines: [], last: line });
  }
  return blocks.map(({ line, language, lines }) => ({ line, language, text: `${lines.join('\n')}\n` }));
}

type Line = {
  readonly line: number;
  readonly kind: 'prose' | 'code' | 'fence';
  readonly text: string;
  /** Of the fence that opens a block. */
  readonly language?: string;
};

function split(text: string): readonly Line[] {
  const lines: Line[] = [];
  let fenced = false;
  let indented = false;
  let blankBefore = true;
  for (const [at, content] of text.split('\n').entries()) {
    const line = at + 1;
    const fence = /^\s*```\s*(\S*)/.exec(content);
    if (fence !== null) {
      fenced = !fenced;
      lines.push(
        fenced ? { line, kind: 'code', text: '', language: fence[1] ?? '' } : { line, kind: 'fence', text: '' },
      );
      blankBefore = true;
      continue;
    }
    // An indented block begins after a blank line; otherwise the line goes on with a paragraph or an item of a list.
    indented = !fenced && content.startsWith('    ') && (indented || blankBefore);
    lines.push({
      line,
      kind: fenced || indented ? 'code' : 'prose',
      text: indented ? content.slice(4) : content,
    });
    blankBefore = content.trim() === '';
  }
  return lines;
}
