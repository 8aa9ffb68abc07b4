/** Someone else's words as one short line, fit for a log: control characters become blanks. */
export function oneLine(text: string, maxLength: number = 200): string {
  return text
    .slice(0, 4 * maxLength)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, maxLength);
}
