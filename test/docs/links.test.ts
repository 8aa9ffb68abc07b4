import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownPages, type Page, page, proseLines } from './pages.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const pages = markdownPages();

describe('links', () => {
  it('were seen', () => {
    expect(pages.flatMap(linksOf).length).toBeGreaterThan(30);
  });

  it.each(pages.map((one) => [one.path, one] as const))('of %s lead somewhere', (_, one) => {
    expect(linksOf(one).flatMap((link) => brokenBy(one, link))).toEqual([]);
  });
});

describe('the anchor of a heading', () => {
  it.each([
    ['## Exit codes', 'exit-codes'],
    ['### Which requests, and how to reach the servers', 'which-requests-and-how-to-reach-the-servers'],
    ['## TrafficClasses ◌', 'trafficclasses-'],
    ['# `loadline serve`', 'loadline-serve'],
    ['## 6. Make a GPU slow', '6-make-a-gpu-slow'],
  ])('%s is #%s', (heading, anchor) => {
    expect([...anchorsOf(`${heading}\n`)]).toEqual([anchor]);
  });

  it('of a heading that is there twice is numbered', () => {
    expect([...anchorsOf('# A\n\n# A\n')]).toEqual(['a', 'a-1']);
  });
});

type Link = { readonly line: number; readonly target: string };

/** Relative links of a page; code spans are taken out before. */
function linksOf({ text }: Page): readonly Link[] {
  return proseLines(text).flatMap(({ line, text: prose }) =>
    [...prose.replaceAll(/`[^`]*`/g, '`').matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => ({ line, target: match[1] ?? '' }))
      .filter(({ target }) => !/^[a-z]+:/.test(target)),
  );
}

function brokenBy(from: Page, { line, target }: Link): readonly string[] {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from.path : normalize(join(dirname(from.path), file));
  const at = `${from.path}:${line} ${target}`;
  if (path.startsWith('..') || !existsSync(join(ROOT, path))) return [`${at}: no such file`];
  if (anchor === undefined) return [];
  if (statSync(join(ROOT, path)).isDirectory()) return [`${at}: a folder has no anchors`];
  return anchorsOf(page(path).text).has(anchor) ? [] : [`${at}: no such heading`];
}

/** As GitHub makes them: lower case, punctuation left out, spaces to hyphens, a number for the second of a name. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { text: line } of proseLines(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = base;
    for (let n = 1; anchors.has(anchor); n += 1) anchor = `${base}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}
