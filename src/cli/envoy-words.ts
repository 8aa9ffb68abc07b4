/** Where it says what it is about, and where it says why. */
const HEAD = 60;
const TAIL = 240;

/**
 * What Envoy says about something that it refuses, on one line of a terminal. It begins with the kind of the mistake, goes on
 * with a dump of the resource, and ends with the reason: so the middle is left out.
 */
export function envoyWords(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are taken out for
  const words = message.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  if (words.length <= HEAD + TAIL + 3) return words;
  return `${words.slice(0, HEAD).trimEnd()} … ${words.slice(-TAIL).trimStart()}`;
}

/** ` (chat.yaml:12:3, revision 0123456789abcdef)`, as far as it is known. */
export function placeWords(place: { readonly origin?: string; readonly revision?: string }): string {
  const { origin, revision } = place;
  if (origin === undefined) return '';
  return ` (${origin}${revision === undefined ? '' : `, revision ${revision}`})`;
}
