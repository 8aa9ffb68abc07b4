import { z } from 'zod';

/**
 * What the JSON Schema of the language says of a value beyond what zod can tell it: transforms and refinements are code.
 * A registry of our own, because `.meta()` would copy each schema. Reading a policy never looks in here.
 */
export type Spelling = {
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
  readonly examples?: readonly string[];
  readonly oneOf?: readonly { readonly required: readonly string[] }[];
  readonly dependencies?: Readonly<Record<string, readonly string[]>>;
};

export const SPELLINGS: z.core.$ZodRegistry<Spelling> = z.registry<Spelling>();

/** Of a mapping: one of the keys, and no second one. The check itself stays with the schema, which words its message. */
export function exactlyOneOf(...keys: readonly string[]): Spelling {
  return { oneOf: keys.map((key) => ({ required: [key] })) };
}
