import type { z } from 'zod';
import { formatPath, type Path } from '../text/path.ts';

/** The few parts of a zod definition that lead from a schema to the schemas inside it. */
type Definition = {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
};

/** Keys that the schema knows in the mapping at the path; none when there is no mapping. */
export function keysAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  let definition = unwrap(schema);
  for (const step of path) {
    const inner = typeof step === 'number' ? definition.element : (definition.shape?.[step] ?? definition.valueType);
    if (inner === undefined) return [];
    definition = unwrap(inner);
  }
  return Object.keys(definition.shape ?? {});
}

/** Mappings of the schema that know this key, as paths (`spec.outlierDetection`), to tell where a key belongs. */
export function homesOf(schema: z.core.$ZodType, key: string): readonly string[] {
  const homes: string[] = [];
  const visit = (at: z.core.$ZodType, path: Path): void => {
    const { shape, element, valueType } = unwrap(at);
    if (shape !== undefined && Object.hasOwn(shape, key)) homes.push(formatPath(path));
    for (const [name, inner] of Object.entries(shape ?? {})) visit(inner, [...path, name]);
    if (element !== undefined) visit(element, path);
    if (valueType !== undefined) visit(valueType, path);
  };
  visit(schema, []);
  return homes;
}

function unwrap(schema: z.core.$ZodType): Definition {
  let definition = schema._zod.def as Definition;
  for (;;) {
    const inner = definition.innerType ?? definition.in;
    if (inner === undefined) return definition;
    definition = inner._zod.def as Definition;
  }
}
