import { ANY, type CharSet, codePoint, complement, NOT_NEWLINE, PERL, POSIX, single, union } from './char-set.ts';

/** What an expression says. `Repeat.max` undefined: without end. */
export type Node =
  | One
  | { readonly kind: 'Assert'; readonly at: Place }
  | { readonly kind: 'Sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'Choice'; readonly options: readonly Node[] }
  | { readonly kind: 'Repeat'; readonly body: Node; readonly min: number; readonly max: number | undefined };

/** One character. Case is folded before `negated` is: `(?i)[^a]` is not A. */
export type One = {
  readonly kind: 'One';
  readonly set: CharSet;
  readonly negated: boolean;
  readonly ignoreCase: boolean;
};

export type Place = 'Start' | 'End' | 'WordBoundary' | 'NoWordBoundary';

/** Why an expression cannot be used; thrown and caught within this folder. */
export class RegexFault extends Error {}

type Flags = { readonly ignoreCase: boolean; readonly dotAll: boolean };

const PLACES: Readonly<Record<string, Place>> = { A: 'Start', z: 'End', b: 'WordBoundary', B: 'NoWordBoundary' };
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const MAX_REPEAT = 1000;

/** Reads RE2's syntax. What of it is not here (`\p`, `\Q`, `\C`, the flags m and U) is refused, never read otherwise. */
export function parseRegex(pattern: string): Node {
  const parser = new Parser(pattern);
  const node = parser.choice();
  if (!parser.done()) throw new RegexFault('unexpected )');
  return node;
}

class Parser {
  readonly #text: string;
  #at = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false };

  constructor(text: string) {
    this.#text = text;
  }

  done(): boolean {
    return this.#at >= this.#text.length;
  }

  choice(): Node {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return options.length === 1 ? (options[0] as Node) : { kind: 'Choice', options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (!this.done() && !this.#sees('|') && !this.#sees(')')) {
      const atom = this.#atom();
      if (atom !== undefined) parts.push(this.#repeated(atom));
    }
    return { kind: 'Sequence', parts };
  }

  #repeated(body: Node): Node {
    const times = this.#quantifier();
    if (times === undefined) return body;
    // Lazy or not makes no difference to whether the whole text matches.
    this.#take('?');
    if (this.#quantifier() !== undefined) throw new RegexFault('two repetitions in a row');
    return { kind: 'Repeat', body, min: times[0], max: times[1] };
  }

  #quantifier(): readonly [number, number | undefined] | undefined {
    if (this.#take('*')) return [0, undefined];
    if (this.#take('+')) return [1, undefined];
    if (this.#take('?')) return [0, 1];
    // RE2 reads a brace that is no repetition as itself.
    const match = this.#match(/\{(\d{1,6})(?:(,)(\d{1,6})?)?\}/y);
    if (match === null) return undefined;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === undefined ? undefined : Number(match[3]);
    if (min > MAX_REPEAT || (max ?? 0) > MAX_REPEAT || (max ?? min) < min) {
      throw new RegexFault(`bad repetition ${match[0]}`);
    }
    return [min, max];
  }

  #atom(): Node | undefined {
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return this.#class();
    if (this.#take('.')) return this.#one(this.#flags.dotAll ? ANY : NOT_NEWLINE);
    if (this.#take('^')) return { kind: 'Assert', at: 'Start' };
    if (this.#take('$')) return { kind: 'Assert', at: 'End' };
    if (this.#quantifier() !== undefined) throw new RegexFault('nothing to repeat');
    if (!this.#take('\\')) return this.#one(single(codePoint(this.#character())));
    const place = PLACES[this.#text[this.#at] ?? ''];
    if (place === undefined) return this.#one(this.#escape());
    this.#at += 1;
    return { kind: 'Assert', at: place };
  }

  #one(set: CharSet, negated = false): Node {
    return { kind: 'One', set, negated, ignoreCase: this.#flags.ignoreCase };
  }

  #group(): Node | undefined {
    const before = this.#flags;
    const flags = this.#match(/\?([is]*)(?:-([is]+))?([:)])/y);
    if (flags !== null) {
      this.#flags = {
        ignoreCase: (before.ignoreCase || flags[1]?.includes('i') === true) && flags[2]?.includes('i') !== true,
        dotAll: (before.dotAll || flags[1]?.includes('s') === true) && flags[2]?.includes('s') !== true,
      };
      // `(?i)` holds until the group around it ends.
      if (flags[3] === ')') return undefined;
    } else if (this.#match(/\?P?<\w+>/y) === null && this.#sees('?')) {
      throw new RegexFault(`${this.#text.slice(this.#at - 1, this.#at + 3)} is not supported`);
    }
    const inner = this.choice();
    if (!this.#take(')')) throw new RegexFault('missing )');
    this.#flags = before;
    return inner;
  }

  #class(): Node {
    const negated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    // A ] that comes first is itself.
    for (let first = true; first || !this.#take(']'); first = false) {
      const posix = this.#match(/\[:(\^?)(\w+):\]/y);
      if (posix !== null) {
        const named = POSIX[posix[2] as string];
        if (named === undefined) throw new RegexFault(`${posix[0]} is no class`);
        ranges.push(...(posix[1] === '^' ? complement(named) : named));
        continue;
      }
      const from = this.#classMember();
      if (!this.#sees('-') || this.#text[this.#at + 1] === ']') {
        ranges.push(...from);
        continue;
      }
      this.#at += 1;
      const range = [only(from), only(this.#classMember())] as const;
      if (range[1] < range[0]) throw new RegexFault('a range runs backwards');
      ranges.push(range);
    }
    return this.#one(union(ranges), negated);
  }

  #classMember(): CharSet {
    if (this.done()) throw new RegexFault('missing ]');
    return this.#take('\\') ? this.#escape() : single(codePoint(this.#character()));
  }

  /** What follows a backslash, as a set. */
  #escape(): CharSet {
    const hex = this.#match(/x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/y);
    if (hex !== null) return single(Number.parseInt((hex[1] ?? hex[2]) as string, 16));
    if (this.done()) throw new RegexFault('a backslash at the end');
    const letter = this.#character();
    const known = PERL[letter] ?? (letter in CONTROL ? single(CONTROL[letter] as number) : undefined);
    if (known !== undefined) return known;
    if (/[\p{L}\p{N}]/u.test(letter)) throw new RegexFault(`\\${letter} is not supported`);
    return single(codePoint(letter));
  }

  #character(): string {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) as number);
    this.#at += character.length;
    return character;
  }

  #sees(character: string): boolean {
    return this.#text[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at += 1;
    return true;
  }

  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match !== null) this.#at = sticky.lastIndex;
    return match;
  }
}

function only(set: CharSet): number {
  const [range] = set;
  if (range === undefined || set.length > 1 || range[0] !== range[1])
    throw new RegexFault('a range needs two characters');
  return range[0];
}
