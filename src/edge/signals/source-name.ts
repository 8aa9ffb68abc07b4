/**
 * A URL as logs, metrics and status show it: without credentials and without the query, which may hold a token.
 * What is no URL is shown as nothing at all.
 */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return '(invalid URL)';
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
