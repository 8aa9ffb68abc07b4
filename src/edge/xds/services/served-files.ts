import { type FileDescriptor, fileDescriptors } from '../../../base/codec/index.ts';

/** The .proto files that some services and types need, by what a client of reflection may know of them. */
export type ServedFiles = {
  readonly byName: ReadonlyMap<string, FileDescriptor>;
  readonly bySymbol: ReadonlyMap<string, FileDescriptor>;
  /** By the full name of the extended message, then by field number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, FileDescriptor>>;
};

/** Only the files that declare these full names, and what they import: the rest of the descriptor set is not served here. */
export function servedFiles(fullNames: readonly string[]): ServedFiles {
  const wanted = new Set(fullNames);
  const byName = new Map<string, FileDescriptor>();
  for (const file of fileDescriptors().values()) {
    if (!file.symbols.some((symbol) => wanted.has(symbol))) continue;
    for (const needed of withImports(file)) byName.set(needed.name, needed);
  }
  const bySymbol = new Map<string, FileDescriptor>();
  const extensions = new Map<string, Map<number, FileDescriptor>>();
  for (const file of byName.values()) {
    for (const symbol of file.symbols) bySymbol.set(symbol, file);
    for (const { extendee, number } of file.extensions) {
      const numbers = extensions.get(extendee) ?? new Map<number, FileDescriptor>();
      extensions.set(extendee, numbers.set(number, file));
    }
  }
  return { byName, bySymbol, extensions };
}

/** The file, then everything that it imports, directly or not, each once. */
export function withImports(file: FileDescriptor): readonly FileDescriptor[] {
  const found = new Set([file]);
  for (const { imports } of found) {
    for (const name of imports) {
      const imported = fileDescriptors().get(name);
      if (imported !== undefined) found.add(imported);
    }
  }
  return [...found];
}
