import { plain } from './api-client.ts';

/** One line of a watch. */
export type WatchEvent =
  | { readonly kind: 'Is'; readonly object: unknown; readonly version: string }
  | { readonly kind: 'Gone'; readonly version: string }
  | { readonly kind: 'Bookmark'; readonly version: string }
  | { readonly kind: 'Error'; readonly code: number; readonly words: string };

/**
 * Source: Kubernetes, "API concepts", efficient detection of changes.
 * @throws Error for what is no event
 */
export function readWatchEvent(line: string): WatchEvent {
  const event = objectIn(line, 'a line that is no event');
  const { type, object } = event;
  if (type === 'ERROR') {
    const { code, message } = (object ?? {}) as Readonly<Record<string, unknown>>;
    const said = typeof message === 'string' ? `: ${plain(message)}` : '';
    return { kind: 'Error', code: typeof code === 'number' ? code : 0, words: `ends the watch with ${code}${said}` };
  }
  const version = versionOf(object);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { kind: 'Is', object, version };
    case 'DELETED':
      return { kind: 'Gone', version };
    case 'BOOKMARK':
      return { kind: 'Bookmark', version };
    default:
      throw new Error(`answers an event of the unknown type ${plain(String(type)).slice(0, 40)}`);
  }
}

/** @throws Error for what is no object with a list of items */
export function readList(text: string): { readonly items: readonly unknown[]; readonly version: string } {
  const list = objectIn(text, 'no JSON object');
  if (!Array.isArray(list.items)) throw new Error('answers no list');
  return { items: list.items, version: versionOf(list) };
}

function objectIn(text: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`answers ${what}`);
  }
  if (typeof value !== 'object' || value === null) throw new Error(`answers ${what}`);
  return value as Readonly<Record<string, unknown>>;
}

/** Opaque: it is given back as it came. */
function versionOf(object: unknown): string {
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } | null };
  const version = metadata?.resourceVersion;
  if (typeof version !== 'string' || version === '' || version.length > 256)
    throw new Error('answers an object without a resourceVersion');
  return version;
}
