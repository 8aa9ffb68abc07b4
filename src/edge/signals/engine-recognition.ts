import type { Series } from './exposition-line.ts';
import type { EngineFormat } from './formats/engine-format.ts';
import { ENGINE_FORMATS } from './formats/engine-formats.ts';

/** Tells the format of a page by the names on it; undefined when it is of none. The order of the formats decides. */
export function recogniseEngine(page: readonly Series[]): EngineFormat | undefined {
  const names = new Set(page.map(({ name }) => name));
  return ENGINE_FORMATS.find(({ knownBy }) =>
    knownBy.kind === 'All'
      ? knownBy.names.every((name) => names.has(name))
      : knownBy.names.some((name) => names.has(name)),
  );
}
