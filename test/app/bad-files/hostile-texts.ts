import type { Random } from '../../../src/base/units/index.ts';

/** A text or bytes for a policy file. */
export type Content = string | Buffer;

const PIECES = [
  '', '\n', '\t', ' ', ': ', '- ', '? ', '[', ']', '{', '}', '"', "'", ' #', '|\n', '>-\n', '%YAML 1.1\n', '&a ', '*a', '<<: *a\n',
  '!!binary ', '!x ', '\n---\n', '\n...\n', '\r', '\r\n', '\0', '\u2028', '\ufeff', '\u001b[2J', '"\\x', 'null', '.inf', '-1', '1e309',
  '0x7f', '9007199254740993', '__proto__: {}\n', 'constructor', '0s', '1e9s', '101%', '../..', 'http://u:p@h/', 'a'.repeat(3000),
  '['.repeat(200), '{a: '.repeat(200), '- '.repeat(200), `[${'*a,'.repeat(200)}]`, '\n'.repeat(500), `"${'\\x41'.repeat(500)}"`,
] as const; // biome-ignore format: a list of pieces

/** A good text cut, doubled, moved about in, and with something put into it that breaks parsers. */
export function mutated(good: string, random: Random): string {
  let text = good;
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits -= 1) {
    const at = Math.floor(random() * (text.length + 1));
    const length = random() < 0.4 ? 0 : Math.floor(random() * 80);
    const from = Math.floor(random() * text.length);
    const put = random() < 0.7 ? pick(PIECES, random) : text.slice(from, from + Math.floor(random() * 200));
    text = text.slice(0, at) + put + text.slice(at + length);
  }
  return text;
}

/** Texts and bytes of a kind that parsers are attacked with, up to a size; the good text is what some are made of. */
export const FAMILIES: Readonly<Record<string, (good: string, size: number, random: Random) => Content>> = {
  brackets: (_, size) => '['.repeat(size),
  braces: (_, size) => '{a: '.repeat(size / 4),
  dashes: (_, size) => '- '.repeat(size / 2),
  indentation: (_, size) =>
    Array.from({ length: Math.sqrt(2 * size) }, (_line, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  documents: (good, size) => `${good}\n---\n`.repeat(Math.ceil(size / good.length)),
  'empty documents': (_, size) => '---\n'.repeat(size / 4),
  'a bomb of aliases': (_, size) => {
    const wide = Math.min(5000, Math.ceil(size / 40));
    const lines = [`a0: &a0 [${'x, '.repeat(wide)}x]`];
    for (let level = 1; level < 10; level += 1)
      lines.push(`a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}*a${level - 1}]`);
    return lines.join('\n');
  },
  'an alias of itself': (good) => good.replace('spec:', 'spec: &s').replace('pools:', 'pools: *s\n  pools2:'),
  'merge keys': (good, size) => `${good}${'  <<: { a: 1 }\n'.repeat(size / 16)}`,
  'a long scalar': (good, size) => good.replace(/name: \w+/, () => `name: ${'a'.repeat(size)}`),
  'a long quoted scalar': (good, size) => good.replace(/name: \w+/, () => `name: "${'\\u0041'.repeat(size / 6)}"`),
  'a long block scalar': (good, size) => `${good}  note: |\n${`    ${'a'.repeat(70)}\n`.repeat(size / 75)}`,
  'a long line of comment': (good, size) => `# ${'x'.repeat(size)}\n${good}`,
  'the same key': (good, size) => `${good}${'  drain: { timeout: 1s }\n'.repeat(size / 25)}`,
  'keys that are unknown': (good, size) =>
    `${good}${Array.from({ length: size / 12 }, (_key, at) => `  k${at}: 1\n`).join('')}`,
  'keys of many lines': (good, size) => `${good}  ? ${'a\n    b '.repeat(size / 8)}\n  : 1\n`,
  'errors alone': (_, size, random) => `a:\n  b: { c: d } ${pick(['&a ', '[a]: b\n', '| x\n', ']', '\t- '], random).repeat(size / 5)}`,
  tags: (good, size) => `${good}  tags: [${'!!binary x, '.repeat(size / 12)}]\n`,
  'line ends of Windows': (good) => good.replaceAll('\n', '\r\n'),
  'line ends of old': (good) => good.replaceAll('\n', '\r'),
  'a byte order mark': (good) => `\ufeff${good}`,
  'byte order marks': (good) => good.replaceAll('\n', '\n\ufeff'),
  'UTF-16': (good) => Buffer.from(`\ufeff${good}`, 'utf16le'),
  zeros: (_, size) => Buffer.alloc(size),
  'zeros between letters': (good) => good.replaceAll('e', 'e\0'),
  'random bytes': (_, size, random) => Buffer.from(Array.from({ length: Math.min(size, 20_000) }, () => random() * 256)),
  'a bad byte': (good, _, random) => {
    const bytes = Buffer.from(good);
    bytes[Math.floor(random() * bytes.length)] = 0x80 + Math.floor(random() * 128);
    return bytes;
  },
  'letters of two halves': (good, size) => `# ${'😀'.repeat(size / 4)}\n${good}`,
  'half a file': (good, _, random) => good.slice(0, Math.floor(random() * good.length)),
  nothing: () => '',
  'many endpoints': (good, size) =>
    good.replace(/^( +)- \{ address.*\n/m, (line: string) => line.repeat(Math.ceil(size / line.length))),
}; // biome-ignore format: one line for each family

export function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)] as T;
}
