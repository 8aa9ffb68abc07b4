import { LoadlineError } from '../../errors.ts';

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const ESCAPE_OR_EXTENSION = /\\([\s\S])|\(\?(P<|:|[\s\S])|\[:(\w+):\]/g;

/**
 * A JavaScript expression that accepts the same strings as an RE2 one; the whole value has to match. RE2's own spellings
 * are translated. What JavaScript has not, or means differently (flags within the expression, `\s`, `\pN`, `\Q`), is
 * reported when the rules are loaded, not when a message comes. Throws LOADLINE_CODEC_UNKNOWN_RULE.
 */
export function compileRe2(pattern: string, where: string): RegExp {
  const refuse = (cause?: unknown): never => {
    throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${where}: ${pattern} has no translation from RE2`, cause);
  };
  const translated = pattern.replace(
    ESCAPE_OR_EXTENSION,
    (whole, escaped: string | undefined, group: string | undefined, posix: string | undefined) => {
      if (escaped !== undefined) return translateEscape(escaped) ?? refuse();
      if (posix !== undefined) return POSIX[posix] ?? refuse();
      if (group === 'P<') return '(?<';
      return group === ':' ? whole : refuse();
    },
  );
  try {
    return new RegExp(`^(?:${translated})$`, 'u');
  } catch (cause) {
    return refuse(cause);
  }
}

function translateEscape(character: string): string | undefined {
  if (character === 'A') return '^';
  if (character === 'z') return '$';
  if (/[dDwWbBnrtfvx^$\\.*+?()[\]{}|/-]/.test(character)) return `\\${character}`;
  // RE2 lets any punctuation be escaped; JavaScript in unicode mode only its own.
  return /[\p{L}\p{N}]/u.test(character) ? undefined : character;
}
