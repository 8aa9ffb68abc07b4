/**
 * The lines of a text that comes in pieces. What follows the last newline is no line: it was cut off.
 * @throws Error for a line of more characters than that
 */
export async function* linesOf(pieces: AsyncIterable<string>, maxChars: number): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf('\n'); at !== -1; at = piece.indexOf('\n', from)) {
      const line = rest + piece.slice(from, at);
      if (line.length > maxChars) throw tooLong(maxChars);
      rest = '';
      from = at + 1;
      yield line;
    }
    rest += piece.slice(from);
    if (rest.length > maxChars) throw tooLong(maxChars);
  }
}

function tooLong(maxChars: number): Error {
  return new Error(`answers a line of more than ${maxChars} characters`);
}
