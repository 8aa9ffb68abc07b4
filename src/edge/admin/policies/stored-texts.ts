import type { Document, PolicyText } from '../../store/index.ts';

/** The documents of a store as texts that are loaded together: each by the file that it came from, at its place there. */
export function storedTexts(
  documents: readonly Pick<Document, 'kind' | 'name' | 'content' | 'file' | 'line'>[],
): readonly PolicyText[] {
  return documents.map(({ kind, name, content, file, line }) => ({
    name: file ?? `${kind}/${name}`,
    text: content,
    firstLine: line,
  }));
}
