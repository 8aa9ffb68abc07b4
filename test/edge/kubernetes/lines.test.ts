import { describe, expect, it } from 'vitest';
import { linesOf } from '../../../src/edge/kubernetes/lines.ts';

async function* piecesOf(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

async function read(texts: readonly string[], maxChars = 10): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(piecesOf(texts), maxChars)) lines.push(line);
  return lines;
}

describe('lines of a text that comes in pieces', () => {
  it('are the same wherever it is cut', async () => {
    const text = 'one\n\ntwo\r\nthree\nrest';
    const expected = ['one', '', 'two\r', 'three'];
    for (let a = 0; a <= text.length; a += 1)
      for (let b = a; b <= text.length; b += 1)
        expect(await read([text.slice(0, a), text.slice(a, b), text.slice(b)])).toEqual(expected);
  });

  it('have a bound, also where no end of them comes', async () => {
    expect(await read(['0123456789\n'])).toEqual(['0123456789']);
    for (const texts of [['01234567890\n'], ['0123456', '7890\n'], ['01234567890'], ['ok\n', '01234567890']])
      await expect(read(texts)).rejects.toThrow('a line of more than 10 characters');
  });
});
