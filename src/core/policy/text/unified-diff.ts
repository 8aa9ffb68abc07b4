/** Lines around a change. */
const CONTEXT = 3;
/** Beyond so many changed lines the shortest way is not looked for: all old lines go, and all new ones come. */
const MAX_CHANGES = 1500;

type Line = { readonly sign: ' ' | '-' | '+'; readonly text: string };

/** What changed between two texts, as `diff -u` prints it. Empty when nothing did. */
export function unifiedDiff(
  before: string,
  after: string,
  names: { readonly before: string; readonly after: string },
): string {
  if (before === after) return '';
  const lines = diffLines(linesOf(before), linesOf(after));
  const hunks = hunksOf(lines).map(({ from, to }) => hunkText(lines, from, to));
  return `--- ${names.before}\n+++ ${names.after}\n${hunks.join('')}`;
}

/** With their line ends, so that a change of those shows too. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

function diffLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail += 1;
  const same = (text: string): Line => ({ sign: ' ', text });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

/** Myers' shortest edit script: `reach[k]` is how far the path on diagonal k has come in the old lines. */
function middle(before: readonly string[], after: readonly string[]): readonly Line[] {
  const rounds: Int32Array[] = [];
  const limit = Math.min(before.length + after.length, MAX_CHANGES);
  const reach = new Int32Array(2 * limit + 3);
  const at = (k: number): number => k + limit + 1;
  for (let changes = 0; changes <= limit; changes += 1) {
    for (let k = -changes; k <= changes; k += 2) {
      const down = k === -changes || (k !== changes && (reach[at(k - 1)] ?? 0) < (reach[at(k + 1)] ?? 0));
      let x = down ? (reach[at(k + 1)] ?? 0) : (reach[at(k - 1)] ?? 0) + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x += 1;
      reach[at(k)] = x;
      if (x >= before.length && x - k >= after.length) return wayBack(before, after, rounds, at);
    }
    rounds.push(reach.slice());
  }
  const line =
    (sign: '-' | '+') =>
    (text: string): Line => ({ sign, text });
  return [...before.map(line('-')), ...after.map(line('+'))];
}

function wayBack(
  before: readonly string[],
  after: readonly string[],
  rounds: readonly Int32Array[],
  at: (k: number) => number,
): readonly Line[] {
  const lines: Line[] = [];
  let x = before.length;
  let y = after.length;
  for (let changes = rounds.length; changes > 0; changes -= 1) {
    const reach = rounds[changes - 1] as Int32Array;
    const k = x - y;
    const down = k === -changes || (k !== changes && (reach[at(k - 1)] ?? 0) < (reach[at(k + 1)] ?? 0));
    const fromX = reach[at(down ? k + 1 : k - 1)] ?? 0;
    const fromY = fromX - (down ? k + 1 : k - 1);
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      lines.push({ sign: ' ', text: before[x] as string });
    }
    if (down) {
      y -= 1;
      lines.push({ sign: '+', text: after[y] as string });
    } else {
      x -= 1;
      lines.push({ sign: '-', text: before[x] as string });
    }
  }
  while (x > 0 && y > 0) {
    x -= 1;
    y -= 1;
    lines.push({ sign: ' ', text: before[x] as string });
  }
  return lines.reverse();
}

/** Stretches of lines that hold changes and what is around them; those that touch are one. */
function hunksOf(lines: readonly Line[]): readonly { readonly from: number; readonly to: number }[] {
  const hunks: { from: number; to: number }[] = [];
  for (const [index, { sign }] of lines.entries()) {
    if (sign === ' ') continue;
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(lines.length, index + CONTEXT + 1);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else hunks.push({ from, to });
  }
  return hunks;
}

function hunkText(lines: readonly Line[], from: number, to: number): string {
  const count = (part: readonly Line[], without: '+' | '-'): number =>
    part.filter(({ sign }) => sign !== without).length;
  const shown = lines.slice(from, to);
  const range = (without: '+' | '-'): string => {
    const length = count(shown, without);
    const start = count(lines.slice(0, from), without) + (length === 0 ? 0 : 1);
    return length === 1 ? `${start}` : `${start},${length}`;
  };
  const body = shown.map(({ sign, text }) =>
    text.endsWith('\n') ? `${sign}${text}` : `${sign}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range('+')} +${range('-')} @@\n${body.join('')}`;
}
