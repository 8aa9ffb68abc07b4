import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../../src/core/policy/index.ts';

const NAMES = { before: 'a', after: 'b' };

describe('a diff of texts', () => {
  it('shows what changed with three lines around it', () => {
    const before = '1\n2\n3\n4\n5\n6\n7\n8\n9\n';
    expect(unifiedDiff(before, before.replace('5', 'five'), NAMES)).toBe(
      '--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
    );
  });

  it('of a text that is new, or goes, begins at line 0, as diff -u does', () => {
    expect(unifiedDiff('', 'x\n', NAMES)).toBe('--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n');
    expect(unifiedDiff('x\ny\n', '', NAMES)).toBe('--- a\n+++ b\n@@ -1,2 +0,0 @@\n-x\n-y\n');
    expect(unifiedDiff('x', 'x', NAMES)).toBe('');
  });

  it('tells a missing newline at the end', () => {
    expect(unifiedDiff('x\n', 'x', NAMES)).toBe('--- a\n+++ b\n@@ -1 +1 @@\n-x\n+x\n\\ No newline at end of file\n');
  });

  it('makes the new text of the old one, and no line is told that need not be', () => {
    const text = fc
      .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\n'), { maxLength: 30 })
      .map((lines) => lines.join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = unifiedDiff(before, after, NAMES);
        expect(patched(before, diff)).toBe(after);
        const changes = diff
          .split('\n')
          .slice(2)
          .filter((line) => /^[-+]/.test(line)).length;
        expect(changes).toBe(distance(before.split('\n'), after.split('\n')));
      }),
      { numRuns: 500 },
    );
  });

  it('of two large texts that share nothing is bounded', () => {
    const lines = (word: string) => Array.from({ length: 5000 }, (_, at) => `${word} ${at}\n`).join('');
    const diff = unifiedDiff(lines('old'), lines('new'), NAMES);
    expect(patched(lines('old'), diff)).toBe(lines('new'));
  });
});

/** What `patch` does with it. */
function patched(before: string, diff: string): string {
  const old = before.split(/(?<=\n)/);
  const out: string[] = [];
  let at = 0;
  for (const line of diff.split(/(?<=\n)/).slice(2)) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (hunk !== null) {
      const start = hunk[2] === '0' ? Number(hunk[1]) : Number(hunk[1]) - 1;
      out.push(...old.slice(at, start));
      at = start;
    } else if (line.startsWith('+')) out.push(line.slice(1));
    else {
      expect(line.slice(1)).toBe(old[at]);
      if (line.startsWith(' ')) out.push(line.slice(1));
      at += 1;
    }
  }
  return [...out, ...old.slice(at)].join('');
}

/** Lines to take away and to add, by the table that everybody knows. */
function distance(a: readonly string[], b: readonly string[]): number {
  let row = b.map((_, j) => j);
  row.push(b.length);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(a[i - 1] === b[j - 1] ? row[j - 1]! : Math.min(row[j]!, next[j - 1]!) + 1);
    row = next;
  }
  return row.at(-1)!;
}
