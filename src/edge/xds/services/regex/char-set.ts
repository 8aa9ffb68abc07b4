/** Code points as ranges, both ends included, in ascending order and without overlap. */
export type CharSet = readonly (readonly [from: number, to: number])[];

const LAST = 0x10ffff;

/** A set from characters in pairs: `chars('azAZ')` is a to z and A to Z. */
function chars(pairs: string): CharSet {
  const points = [...pairs].map(codePoint);
  return union(points.flatMap((from, at) => (at % 2 === 0 ? [[from, points[at + 1] as number] as const] : [])));
}

export function codePoint(character: string): number {
  return character.codePointAt(0) as number;
}

export function single(point: number): CharSet {
  return [[point, point]];
}

export function union(ranges: CharSet): CharSet {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export function complement(set: CharSet): CharSet {
  const out: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) out.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST) out.push([next, LAST]);
  return out;
}

export function has(set: CharSet, point: number): boolean {
  // By halves: a client may write a class of hundreds of ranges and repeat it.
  let low = 0;
  let high = set.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = set[middle] as readonly [number, number];
    if (point < from) high = middle - 1;
    else if (point > to) low = middle + 1;
    else return true;
  }
  return false;
}

export const ANY: CharSet = [[0, LAST]];
export const NOT_NEWLINE: CharSet = complement(chars('\n\n'));

const DIGIT = chars('09');
export const WORD: CharSet = chars('09AZ__az');
/** RE2's: JavaScript's `\s` has more. */
const SPACE = chars('\t\n\f\r  ');

/** `\d` and the like, by the letter. */
export const PERL: Readonly<Record<string, CharSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

/** `[[:alpha:]]` and the like, by the name. */
export const POSIX: Readonly<Record<string, CharSet>> = {
  alnum: chars('09AZaz'),
  alpha: chars('AZaz'),
  ascii: chars('\0\x7f'),
  blank: chars('\t\t  '),
  cntrl: chars('\0\x1f\x7f\x7f'),
  digit: DIGIT,
  graph: chars('!~'),
  lower: chars('az'),
  print: chars(' ~'),
  punct: chars('!/:@[`{~'),
  space: chars('\t\r  '),
  upper: chars('AZ'),
  word: WORD,
  xdigit: chars('09AFaf'),
};
